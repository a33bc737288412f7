//! Old-part debts of done jobs.

use common::{db::Tx, error::Result, reach::Scoped, service::Call, service::Core};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use super::{catalogue, old_part_debt};
use crate::domain::{
    OldPartDebtId,
    old_part::{OldPartDebt, OldPartDebtState},
    part::PartTracking,
    reservation::{Need, Used},
};

/// Opens a debt for every used part whose old one must come back.
///
/// # Errors
///
/// When the database does not answer.
pub async fn open(
    core: &Core,
    tx: &Tx,
    call: &Call,
    need: &Need,
    used: &[Used],
    due: std::time::Duration,
) -> Result<()> {
    let parts = catalogue::known_parts(tx, used.iter().map(|line| line.sku.as_str())).await?;
    let due = chrono::TimeDelta::from_std(due).unwrap_or_default();
    for line in used.iter().filter(|line| line.used > 0) {
        let Some(part) = parts.get(&line.sku).filter(|part| part.card.return_old_part) else { continue };
        let debt = OldPartDebt {
            id: core.ids.make::<OldPartDebtId>(call.now),
            version: 0,
            org_unit_id: need.org_unit_id.clone(),
            created_at: call.now,
            updated_at: call.now,
            technician_id: need.technician_id.clone(),
            work_order_id: need.work_order_id.clone(),
            service_request_id: need.service_request_id.clone(),
            part_id: part.id.to_string(),
            sku: part.sku.clone(),
            serial: part.tracking == PartTracking::Serial,
            milli: line.used,
            old_serial: line.old_serial.clone(),
            taken_back: line.old_part_taken_back,
            due_at: call.now + due,
            state: OldPartDebtState::Open,
        };
        super::insert::<old_part_debt::Entity>(tx, call, debt, "open", "").await?;
    }
    Ok(())
}

/// How many old parts a technician owes past their due time.
///
/// # Errors
///
/// When the database does not answer.
pub async fn overdue(on: &impl Scoped, technician_id: &str, now: chrono::DateTime<chrono::Utc>) -> Result<u64> {
    use old_part_debt::Column;
    Ok(old_part_debt::Entity::find()
        .filter(Column::TechnicianId.eq(technician_id))
        .filter(Column::State.eq("open"))
        .filter(Column::DueAt.lt(now))
        .count(on)
        .await?)
}
