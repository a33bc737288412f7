//! Whose a case is, as other services' facts tell it: which partner sent it, which technicians were given its visits. The
//! finders of records that do not know it themselves ask here, so that a partner or a technician sees the same cases in
//! every service.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, ExprTrait as _, QueryFilter as _, QuerySelect as _,
    QueryTrait as _,
    sea_query::{OnConflict, SelectStatement},
};

use crate::{
    db::Tx,
    error::Result,
    reach::{Reach, nothing},
};

/// Rows of the table `whose`.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// What one record of another service says of its case.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "whose")]
    pub struct Model {
        /// The other service's record.
        #[sea_orm(primary_key, auto_increment = false)]
        pub record_id: String,
        /// The case it belongs to.
        pub case_id: String,
        /// The technician it is given to; empty for nobody.
        pub technician_id: String,
        /// The partner that made it; empty for none.
        pub partner_id: String,
        /// Whom the case is about.
        pub subject_id: String,
        /// Until when the technician sees the person's data in full.
        pub clear_until: DateTimeUtc,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity};

/// What a fact says of a case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// The record that the fact is about.
    pub record_id: &'a str,
    /// The case it belongs to.
    pub case_id: &'a str,
    /// The technician it is given to now; empty for nobody.
    pub technician_id: &'a str,
    /// The partner that made it; empty for none.
    pub partner_id: &'a str,
    /// Whom the case is about.
    pub subject_id: &'a str,
    /// Whether the technician needs to know whom and where.
    pub need: Need,
}

/// Whether a technician needs a person's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Need {
    /// Not before the job is taken.
    #[default]
    None,
    /// While it is under way.
    Now,
    /// It is over; questions come for a while.
    Over,
}

/// How long a technician sees the customer's data after the job, in days.
const CLEAR_AFTER: i64 = 7;

/// Keeps what a fact says. Facts of one record come in order, so the last one holds.
///
/// # Errors
///
/// When the database does not answer.
pub async fn learn(tx: &Tx, told: Told<'_>, now: DateTime<Utc>) -> Result<()> {
    let clear_until = match told.need {
        Need::None => now,
        Need::Now => now + Duration::days(365),
        Need::Over => now + Duration::days(CLEAR_AFTER),
    };
    let row = entity::ActiveModel {
        record_id: Set(told.record_id.to_owned()),
        case_id: Set(told.case_id.to_owned()),
        technician_id: Set(told.technician_id.to_owned()),
        partner_id: Set(told.partner_id.to_owned()),
        subject_id: Set(told.subject_id.to_owned()),
        clear_until: Set(clear_until),
    };
    let anew = OnConflict::column(Column::RecordId)
        .update_columns([
            Column::CaseId,
            Column::TechnicianId,
            Column::PartnerId,
            Column::SubjectId,
            Column::ClearUntil,
        ])
        .to_owned();
    Entity::insert(row).on_conflict(anew).exec_without_returning(tx).await?;
    Ok(())
}

/// The cases and the people whose data a technician sees in full now.
///
/// # Errors
///
/// When the database does not answer.
pub async fn clear(on: &impl ConnectionTrait, technician_id: &str, now: DateTime<Utc>) -> Result<BTreeSet<String>> {
    let visits: Vec<(String, String)> = Entity::find()
        .select_only()
        .columns([Column::CaseId, Column::SubjectId])
        .filter(Column::TechnicianId.eq(technician_id))
        .filter(Column::ClearUntil.gt(now))
        .into_tuple()
        .all(on)
        .await?;
    let named = visits.into_iter().flat_map(|(case, subject)| [case, subject]);
    Ok(named.filter(|id| !id.is_empty()).collect())
}

/// Rows whose case, named by `column`, is the technician's or the partner's who calls; none for everybody else.
#[must_use]
pub fn cases(column: impl sea_orm::ColumnTrait, reach: &Reach) -> Condition {
    named(column, Column::CaseId, reach)
}

/// Rows that `column` joins to a visit of the technician's who calls; none for everybody else.
#[must_use]
pub fn visits(column: impl sea_orm::ColumnTrait, reach: &Reach) -> Condition {
    named(column, Column::RecordId, reach)
}

fn named(column: impl sea_orm::ColumnTrait, by: Column, reach: &Reach) -> Condition {
    let own = match reach {
        Reach::Technician { id, .. } if !id.is_empty() => Column::TechnicianId.eq(id.as_str()),
        Reach::Partner(id) if !id.is_empty() => Column::PartnerId.eq(id.as_str()),
        Reach::All
        | Reach::Units(_)
        | Reach::Technician { .. }
        | Reach::Partner(_)
        | Reach::Link(_)
        | Reach::Own(_)
        | Reach::Nothing => return nothing(),
    };
    let cases: SelectStatement = Entity::find().select_only().column(by).filter(own.and(by.ne(""))).into_query();
    Condition::all().add(column.in_subquery(cases))
}
