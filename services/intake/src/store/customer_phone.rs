//! Phones of living files, for looking a caller up.

/// Rows of the table `customer_phone`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A phone of a living file.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer_phone")]
    pub struct Model {
        /// The file.
        #[sea_orm(primary_key, auto_increment = false)]
        pub customer_id: String,
        /// In E.164.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: String,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) use entity::{Column, Entity};

impl common::reach::Owned for Entity {
    fn within(reach: &common::reach::Reach) -> sea_orm::Condition {
        use super::customer::entity as customer;
        common::reach::like::<customer::Entity>(Column::CustomerId, customer::Column::Id, reach)
    }
}
