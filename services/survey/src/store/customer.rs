//! What other services' events say of customers: tier, language, consent. The newest event counts.

use common::{db::Tx, error::Result, reach::Scoped, store::set};
use sea_orm::{ExprTrait as _, entity::prelude::*, sea_query::OnConflict};

/// One customer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customer")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub customer_id: String,
    /// `A`, `B` or `C`; empty when not known.
    pub tier: String,
    /// `zh-CN` or `en`.
    pub language: String,
    /// Whether the customer agreed to be asked.
    pub consent: bool,
    /// When the event happened that said so.
    pub seen_at: DateTimeUtc,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id.to_owned()).one(on).await?)
}

/// Keeps what an event says, unless a newer one was seen.
pub(crate) async fn remember(tx: &Tx, seen: Model) -> Result<()> {
    let newer = seen.seen_at;
    let row = ActiveModel {
        customer_id: set(seen.customer_id),
        tier: set(seen.tier),
        language: set(seen.language),
        consent: set(seen.consent),
        seen_at: set(seen.seen_at),
    };
    let replace = OnConflict::column(Column::CustomerId)
        .update_columns([Column::Tier, Column::Language, Column::Consent, Column::SeenAt])
        .action_and_where(Expr::col((Entity, Column::SeenAt)).lte(newer))
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}
