//! Parts and locations as other rules ask for them.

use std::collections::BTreeMap;

use common::{
    error::{Error, Result},
    id::Id as _,
    reach::Scoped,
    store,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::{location, part};
use crate::{
    domain::{
        LocationId, Quantity,
        location::{Location, LocationKind},
        part::{Part, PartTracking},
        stock::Line,
    },
    error,
};

/// The parts of these SKUs, as far as the catalogue knows them.
///
/// # Errors
///
/// When the database does not answer.
pub async fn known_parts<'a>(
    on: &impl Scoped,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, Part>> {
    let skus: std::collections::BTreeSet<_> = skus.into_iter().map(str::to_owned).collect();
    if skus.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = part::Entity::find().filter(part::Column::Sku.is_in(skus)).all(on).await?;
    rows.into_iter()
        .map(|row| <part::Entity as store::Table>::record(row).map(|part| (part.sku.clone(), part)))
        .collect()
}

/// The parts of these SKUs.
///
/// # Errors
///
/// `UNKNOWN_PART`.
pub async fn parts<'a>(
    on: &impl Scoped,
    skus: impl IntoIterator<Item = &'a str> + Clone,
) -> Result<BTreeMap<String, Part>> {
    let parts = known_parts(on, skus.clone()).await?;
    match skus.into_iter().find(|sku| !parts.contains_key(*sku)) {
        Some(sku) => Err(Error::new(error::UNKNOWN_PART).with("sku", sku)),
        None => Ok(parts),
    }
}

/// Lines of stock out of what a caller sent: SKU, thousandths, batch or serial number.
///
/// # Errors
///
/// `UNKNOWN_PART`, `QUANTITY_DECIMALS`, `TRACKING_MISMATCH`.
pub async fn lines(on: &impl Scoped, wanted: &[(&str, i64, &str)]) -> Result<Vec<Line>> {
    let parts = parts(on, wanted.iter().map(|(sku, ..)| *sku).collect::<Vec<_>>()).await?;
    wanted
        .iter()
        .map(|&(sku, milli, tracking)| {
            let part = parts.get(sku).ok_or_else(|| Error::new(error::UNKNOWN_PART).with("sku", sku))?;
            part.check_line(milli, tracking)?;
            Ok(Line {
                part_id: part.id.to_string(),
                sku: sku.to_owned(),
                tracking: tracking.to_owned(),
                serial: part.tracking == PartTracking::Serial,
                milli,
            })
        })
        .collect()
}

/// Quantities out of what a caller sent, one line per part.
///
/// # Errors
///
/// `UNKNOWN_PART`, `QUANTITY_DECIMALS`.
pub async fn quantities(
    on: &impl Scoped,
    wanted: &[proto::aftercare::common::v1::PartLine],
) -> Result<(Vec<Quantity>, BTreeMap<String, Part>)> {
    let parts = parts(on, wanted.iter().map(|line| line.sku.as_str()).collect::<Vec<_>>()).await?;
    let lines: Vec<_> = wanted.iter().map(|line| Quantity::new(&line.sku, line.quantity_milli)).collect();
    for line in &lines {
        if let Some(part) = parts.get(&line.sku) {
            part.check_quantity(line.milli)?;
        }
    }
    Ok((Quantity::merged(&lines), parts))
}

/// A location that stock can be booked on.
///
/// # Errors
///
/// `INVALID_ID`, `NOT_FOUND`, `LOCATION_NOT_USABLE`.
pub async fn usable_location(on: &impl Scoped, id: &str) -> Result<Location> {
    let id = LocationId::parse(id)?;
    let location = store::load::<location::Entity>(on, id.as_str()).await?;
    location.usable()?;
    Ok(location)
}

/// The technician's van.
///
/// # Errors
///
/// When the database does not answer.
pub async fn van(on: &impl Scoped, technician_id: &str) -> Result<Option<Location>> {
    if technician_id.is_empty() {
        return Ok(None);
    }
    let row = location::Entity::find().filter(location::Column::TechnicianId.eq(technician_id)).one(on).await?;
    row.map(<location::Entity as store::Table>::record).transpose()
}

/// All open locations of a kind.
///
/// # Errors
///
/// When the database does not answer.
pub async fn locations_of(on: &impl Scoped, kind: LocationKind) -> Result<Vec<Location>> {
    let rows = location::Entity::find().filter(location::Column::Kind.eq(kind.as_str())).all(on).await?;
    let all: Vec<Location> = rows.into_iter().map(<location::Entity as store::Table>::record).collect::<Result<_>>()?;
    Ok(all.into_iter().filter(|location| !location.closed).collect())
}

/// These locations, by id.
///
/// # Errors
///
/// When the database does not answer.
pub async fn locations(on: &impl Scoped, ids: Vec<String>) -> Result<BTreeMap<String, Location>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = location::Entity::find().filter(location::Column::Id.is_in(ids)).all(on).await?;
    rows.into_iter()
        .map(|row| <location::Entity as store::Table>::record(row).map(|there| (there.id.to_string(), there)))
        .collect()
}
