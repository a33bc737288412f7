//! Finds what a job can be served from, promises it, and says what is known when it is short.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use common::{
    db::Tx,
    error::{Error, Result, reason},
    reach::Scoped,
    store,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    sea_query::Expr,
};

use super::{balance, catalogue, ledger, location, supplementary_order, tag_pattern};
use crate::{
    domain::{
        Quantity,
        location::{IN_TRANSIT, Location, LocationKind},
        picking::{Candidate, Near, plan},
        reservation::{Allocation, Expected, Need, Outcome, PlaceOfPart, Shortage, promise},
        stock::StockCondition,
        supplementary_order::SupplementaryOrderState as OrderState,
    },
    error,
};

/// Plans tried before the caller is told to try again: each lost race means that somebody else got the pieces.
const PLANS: usize = 8;
/// Places named in the answer to a shortage.
const PLACES: usize = 10;

/// Promises all lines until then, or says what is short. Nothing is promised in part.
///
/// # Errors
///
/// `CONFLICT` when every plan was overtaken.
pub async fn promise_all(tx: &Tx, need: &Need, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Outcome> {
    let near = near(tx, need).await?;
    let skus: Vec<_> = need.lines.iter().map(|line| line.sku.clone()).collect();
    for _ in 0..PLANS {
        let stock = candidates(tx, &skus).await?;
        let allocations = match plan(&need.lines, &stock, &near) {
            Ok(allocations) => allocations,
            Err(short) => return Ok(Outcome::Short(shortages(tx, &short, &stock, &near).await?)),
        };
        // Read and write are two steps: whoever comes between leaves us with nothing done, and a new plan.
        tx.execute_unprepared("SAVEPOINT plan").await?;
        match ledger::apply(tx, &promise(&allocations), now).await {
            Ok(()) => {
                tx.execute_unprepared("RELEASE SAVEPOINT plan").await?;
                return Ok(Outcome::Reserved(allocations, until));
            }
            Err(overtaken) if overtaken.reason == error::INSUFFICIENT_STOCK => {
                tx.execute_unprepared("ROLLBACK TO SAVEPOINT plan").await?;
                tx.execute_unprepared("RELEASE SAVEPOINT plan").await?;
            }
            Err(other) => return Err(other),
        }
    }
    Err(Error::new(reason::CONFLICT))
}

/// Stock for used pieces that nobody had promised: each from one place, without promising it.
///
/// # Errors
///
/// When the database does not answer.
pub async fn cover(on: &impl Scoped, need: &Need, extra: &Quantity, tracking: &str) -> Result<Vec<Allocation>> {
    let near = near(on, need).await?;
    let mut stock = candidates(on, std::slice::from_ref(&extra.sku)).await?;
    // A numbered piece is covered by itself only, and pieces without a known number by none that has one.
    stock.retain(|candidate| !candidate.serial || candidate.tracking == tracking);
    Ok(plan(std::slice::from_ref(extra), &stock, &near).unwrap_or_default())
}

/// What the parts of a job are to be near to: the van, else the named location, else the nearest service point.
async fn near(on: &impl Scoped, need: &Need) -> Result<Near> {
    let van = catalogue::van(on, &need.technician_id).await?;
    let named = if need.near_location_id.is_empty() {
        None
    } else {
        store::find::<location::Entity>(on, &need.near_location_id).await?
    };
    let own_van = van.as_ref().map(|van| van.id.to_string());
    let start = match (named.or(van), need.position) {
        (Some(start), _) => Some(start),
        (None, Some(job)) => nearest(catalogue::locations_of(on, LocationKind::ServicePoint).await?, &job),
        (None, None) => None,
    };
    let position = need.position.or(start.as_ref().and_then(|start| start.position));
    Ok(Near { own_van, path: start.map(|start| start.path).unwrap_or_default(), position })
}

fn nearest(points: Vec<Location>, job: &common::convert::Position) -> Option<Location> {
    let metres = |point: &Location| point.position.map_or(f64::INFINITY, |position| job.metres_to(&position));
    points.into_iter().filter(|point| point.position.is_some()).min_by(|a, b| metres(a).total_cmp(&metres(b)))
}

/// Free good stock of these parts, with where it lies.
async fn candidates(on: &impl Scoped, skus: &[String]) -> Result<Vec<Candidate>> {
    use balance::Column;
    let rows = balance::Entity::find()
        .filter(Column::Sku.is_in(skus.to_vec()))
        .filter(Column::Condition.eq(StockCondition::Good.as_str()))
        .filter(Column::LocationId.ne(IN_TRANSIT))
        .filter(Expr::col(Column::OnHand).gt(Expr::col(Column::Reserved)))
        .all(on)
        .await?;
    let mut ids: Vec<_> = rows.iter().map(|row| row.location_id.clone()).collect();
    ids.sort();
    ids.dedup();
    let places = catalogue::locations(on, ids).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let place = places.get(&row.location_id)?;
            Some(Candidate {
                available: row.available(),
                balance_id: row.id,
                part_id: row.part_id,
                sku: row.sku,
                tracking: row.tracking,
                serial: row.serial,
                since: row.since,
                location_id: row.location_id,
                kind: place.kind,
                path: place.path.clone(),
                position: place.position,
            })
        })
        .collect())
}

/// What is known of short lines: where some of it is, what could stand in, and when more comes.
async fn shortages(on: &impl Scoped, short: &[Quantity], stock: &[Candidate], near: &Near) -> Result<Vec<Shortage>> {
    let parts = catalogue::known_parts(on, short.iter().map(|line| line.sku.as_str())).await?;
    let substitutes: Vec<String> = parts.values().flat_map(|part| part.card.substitutes.clone()).collect();
    let others = if substitutes.is_empty() { Vec::new() } else { candidates(on, &substitutes).await? };
    let mut found = Vec::with_capacity(short.len());
    for line in short {
        let wished = parts.get(&line.sku).map(|part| part.card.substitutes.as_slice()).unwrap_or_default();
        let stand_in = |sku: &String| {
            let free = others.iter().filter(|other| &other.sku == sku).map(|other| other.available).sum();
            Quantity::new(sku, free)
        };
        let places = places(&line.sku, stock, near);
        found.push(Shortage {
            available: places.iter().map(|place| place.available).sum(),
            places: places.into_iter().take(PLACES).collect(),
            substitutes: wished.iter().map(stand_in).filter(|substitute| substitute.milli > 0).collect(),
            expected: expected(on, &line.sku).await?,
            wanted: line.clone(),
        });
    }
    Ok(found)
}

fn places(sku: &str, stock: &[Candidate], near: &Near) -> Vec<PlaceOfPart> {
    let mut places = BTreeMap::<&str, PlaceOfPart>::new();
    for candidate in stock.iter().filter(|candidate| candidate.sku == sku) {
        let metres = near.metres(candidate.position.as_ref());
        let place = places.entry(&candidate.location_id).or_insert_with(|| PlaceOfPart {
            location_id: candidate.location_id.clone(),
            available: 0,
            metres: metres.is_finite().then_some(metres),
        });
        place.available += candidate.available;
    }
    let mut places: Vec<_> = places.into_values().collect();
    let far = |place: &PlaceOfPart| place.metres.unwrap_or(f64::INFINITY);
    places.sort_by(|a, b| far(a).total_cmp(&far(b)));
    places
}

/// Open supplementary orders of a part, soonest first.
async fn expected(on: &impl Scoped, sku: &str) -> Result<Vec<Expected>> {
    use supplementary_order::Column;
    let open = [OrderState::Requested, OrderState::Approved, OrderState::Ordered, OrderState::Shipped];
    let rows = supplementary_order::Entity::find()
        .filter(Column::State.is_in(open.map(OrderState::as_str)))
        .filter(Column::Skus.like(tag_pattern(sku)))
        .order_by_asc(Column::ExpectedAt)
        .all(on)
        .await?;
    let mut found = Vec::new();
    for row in rows {
        let order = <supplementary_order::Entity as store::Table>::record(row)?;
        // `_` is a wildcard of LIKE and a letter of a SKU: only the exact line counts.
        if let Some(line) = order.lines.iter().find(|line| line.sku == sku) {
            found.push(Expected {
                order_id: order.id.to_string(),
                number: order.number.clone(),
                milli: line.milli,
                at: order.expected_at,
            });
        }
    }
    Ok(found)
}
