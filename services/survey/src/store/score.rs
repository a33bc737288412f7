//! Figures, counted by the database.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use common::{
    error::Result,
    reach::{Scoped, select},
};
use sea_orm::{FromQueryResult, QuerySelect as _, Select, entity::prelude::*, sea_query::SimpleExpr};

use super::{callback, follow_up, invitation, response};
use crate::domain::{
    occasion::Trigger,
    score::{Mean, Nps, Share},
};

/// What figures are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Not told apart.
    All,
    /// By technician.
    Technician,
    /// By service point.
    ServicePoint,
    /// By organisation unit.
    OrgUnit,
    /// By kind of service request.
    Kind,
    /// By what was asked about.
    Trigger,
    /// By month.
    Month,
}

/// What figures are about; empty texts filter nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) from: Option<DateTime<Utc>>,
    pub(crate) to: Option<DateTime<Utc>>,
    pub(crate) trigger: Option<Trigger>,
    pub(crate) kind: String,
    pub(crate) org_unit_id: String,
    pub(crate) service_point_id: String,
    pub(crate) technician_id: String,
}

/// The figures of one group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Customers asked.
    pub(crate) asked: i64,
    /// Answers.
    pub(crate) answers: i64,
    /// Low ones.
    pub(crate) low: i64,
    pub(crate) nps: Nps,
    pub(crate) csat: Share,
    pub(crate) ces: Mean,
}

#[derive(Debug, FromQueryResult)]
struct Asked {
    key: Option<String>,
    asked: i64,
}

#[derive(Debug, FromQueryResult)]
struct Answered {
    key: Option<String>,
    answers: i64,
    low: i64,
    promoters: i64,
    passives: i64,
    detractors: i64,
    content: i64,
    csats: i64,
    easies: i64,
    ease: i64,
    ease_squares: i64,
}

/// The same filters and groups over two tables whose columns have the same names.
macro_rules! narrowed {
    ($table:ident, $select:expr, $group:expr, $filter:expr) => {{
        use $table::Column;
        let (filter, mut select): (&Filter, Select<$table::Entity>) = ($filter, $select.select_only());
        if let Some(from) = filter.from {
            select = select.filter(Column::OccasionAt.gte(from));
        }
        if let Some(to) = filter.to {
            select = select.filter(Column::OccasionAt.lt(to));
        }
        if let Some(trigger) = filter.trigger {
            select = select.filter(Column::Topic.eq(trigger.as_str()));
        }
        for (column, wanted) in [
            (Column::Kind, &filter.kind),
            (Column::OrgUnitId, &filter.org_unit_id),
            (Column::ServicePointId, &filter.service_point_id),
            (Column::TechnicianId, &filter.technician_id),
        ] {
            if !wanted.is_empty() {
                select = select.filter(column.eq(wanted.as_str()));
            }
        }
        let column = match $group {
            Group::All => None,
            Group::Technician => Some(Column::TechnicianId),
            Group::ServicePoint => Some(Column::ServicePointId),
            Group::OrgUnit => Some(Column::OrgUnitId),
            Group::Kind => Some(Column::Kind),
            Group::Trigger => Some(Column::Topic),
            Group::Month => Some(Column::Month),
        };
        match column {
            Some(column) => select.column_as(column, "key").group_by(column),
            None => select.expr_as(Expr::cust("''"), "key"),
        }
    }};
}

/// How many rows fulfil a condition; the same on both databases.
fn count_if(condition: &str) -> SimpleExpr {
    sum(&format!("CASE WHEN {condition} THEN 1 ELSE 0 END"))
}

fn sum(what: &str) -> SimpleExpr {
    Expr::cust(format!("CAST(COALESCE(SUM({what}), 0) AS BIGINT)"))
}

/// The figures of every group that was asked or answered, by key.
pub(crate) async fn scores(on: &impl Scoped, group: Group, filter: &Filter) -> Result<BTreeMap<String, Figures>> {
    let asked: Vec<Asked> = narrowed!(invitation, select::<invitation::Entity>(on), group, filter)
        .expr_as(count_if("asked_at IS NOT NULL"), "asked")
        .into_model()
        .all(on)
        .await?;
    let answered: Vec<Answered> = narrowed!(response, select::<response::Entity>(on), group, filter)
        .expr_as(Expr::cust("COUNT(*)"), "answers")
        .expr_as(count_if("route <> ''"), "low")
        .expr_as(count_if("nps >= 9"), "promoters")
        .expr_as(count_if("nps BETWEEN 7 AND 8"), "passives")
        .expr_as(count_if("nps <= 6"), "detractors")
        .expr_as(count_if("csat >= 4"), "content")
        .expr_as(Expr::cust("COUNT(csat)"), "csats")
        .expr_as(Expr::cust("COUNT(ces)"), "easies")
        .expr_as(sum("ces"), "ease")
        .expr_as(sum("ces * ces"), "ease_squares")
        .into_model()
        .all(on)
        .await?;
    let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
    for row in asked.into_iter().filter(|row| row.asked > 0) {
        figures.entry(row.key.unwrap_or_default()).or_default().asked = row.asked;
    }
    for row in answered.into_iter().filter(|row| row.answers > 0) {
        let one = figures.entry(row.key.unwrap_or_default()).or_default();
        one.answers = row.answers;
        one.low = row.low;
        one.nps = Nps::of(row.promoters, row.passives, row.detractors);
        one.csat = Share::of(row.content, row.csats);
        one.ces = Mean::of(row.easies, row.ease, row.ease_squares);
    }
    Ok(figures)
}

/// How well the loop is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    pub(crate) closed: Share,
    pub(crate) closed_in_time: Share,
    pub(crate) mean_minutes: f64,
    pub(crate) callbacks_in_time: Share,
}

#[derive(Debug, FromQueryResult)]
struct FollowUps {
    opened: i64,
    closed: i64,
    in_time: i64,
    minutes: i64,
}

#[derive(Debug, FromQueryResult)]
struct Callbacks {
    opened: i64,
    in_time: i64,
}

/// How well the loop is closed, of what was opened in that time.
#[expect(clippy::cast_precision_loss, reason = "minutes and counts are far below 2^52")]
pub(crate) async fn closed_loop(on: &impl Scoped, filter: &Filter) -> Result<Loop> {
    let mut follow_ups = select::<follow_up::Entity>(on).select_only();
    let mut callbacks = select::<callback::Entity>(on).select_only();
    if let Some(from) = filter.from {
        follow_ups = follow_ups.filter(follow_up::Column::CreatedAt.gte(from));
        callbacks = callbacks.filter(callback::Column::CreatedAt.gte(from));
    }
    if let Some(to) = filter.to {
        follow_ups = follow_ups.filter(follow_up::Column::CreatedAt.lt(to));
        callbacks = callbacks.filter(callback::Column::CreatedAt.lt(to));
    }
    if !filter.org_unit_id.is_empty() {
        follow_ups = follow_ups.filter(follow_up::Column::OrgUnitId.eq(filter.org_unit_id.as_str()));
        callbacks = callbacks.filter(callback::Column::OrgUnitId.eq(filter.org_unit_id.as_str()));
    }
    let follow_ups: FollowUps = follow_ups
        .expr_as(Expr::cust("COUNT(*)"), "opened")
        .expr_as(count_if("closed_at IS NOT NULL"), "closed")
        .expr_as(count_if("closed_at IS NOT NULL AND closed_at <= due_at"), "in_time")
        .expr_as(sum("minutes_to_close"), "minutes")
        .into_model()
        .one(on)
        .await?
        .unwrap_or(FollowUps { opened: 0, closed: 0, in_time: 0, minutes: 0 });
    let callbacks: Callbacks = callbacks
        .expr_as(Expr::cust("COUNT(*)"), "opened")
        .expr_as(count_if("state = 'done' AND ended_at <= due_at"), "in_time")
        .into_model()
        .one(on)
        .await?
        .unwrap_or(Callbacks { opened: 0, in_time: 0 });
    let mean_minutes = if follow_ups.closed == 0 { 0.0 } else { follow_ups.minutes as f64 / follow_ups.closed as f64 };
    Ok(Loop {
        closed: Share::of(follow_ups.closed, follow_ups.opened),
        closed_in_time: Share::of(follow_ups.in_time, follow_ups.opened),
        mean_minutes,
        callbacks_in_time: Share::of(callbacks.in_time, callbacks.opened),
    })
}
