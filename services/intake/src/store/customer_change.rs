//! What was changed in customer files, field by field.

use common::{db::Tx, error::Result, service::Call, store::set};
use sea_orm::entity::prelude::*;

use crate::domain::customer::{Customer, FieldChange};

/// Rows of the table `customer_change`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One change of one field of a file.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer_change")]
    pub struct Model {
        /// Id; sorts by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// The file.
        pub customer_id: String,
        /// Version since then.
        pub version: i64,
        /// The field.
        pub field: String,
        /// As JSON.
        pub old_value: String,
        /// As JSON.
        pub new_value: String,
        /// Who.
        pub actor_id: String,
        /// In which role.
        pub actor_role: String,
        /// For which unit.
        pub actor_org_unit_id: String,
        /// When.
        pub at: DateTimeUtc,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) use entity::{Column, Entity, Model};

/// Writes the changes of one version down.
pub(super) async fn add(tx: &Tx, call: &Call, customer: &Customer, changes: &[FieldChange]) -> Result<()> {
    let rows: Vec<_> = changes
        .iter()
        .map(|change| entity::ActiveModel {
            id: set(call.ids.uuid(call.now).simple().to_string()),
            customer_id: set(customer.id.to_string()),
            version: set(customer.version),
            field: set(change.field.clone()),
            old_value: set(change.old.clone()),
            new_value: set(change.new.clone()),
            actor_id: set(call.actor.id.clone()),
            actor_role: set(call.actor.role.as_str().to_owned()),
            actor_org_unit_id: set(call.actor.org_unit_id.clone()),
            at: set(call.now),
        })
        .collect();
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

impl common::reach::Owned for Entity {
    fn within(reach: &common::reach::Reach) -> sea_orm::Condition {
        use super::customer::entity as customer;
        common::reach::like::<customer::Entity>(Column::CustomerId, customer::Column::Id, reach)
    }
}
