//! Stock documents: bookings that stand for themselves.

use common::{
    db::Tx,
    error::{Error, Result},
    record::Record as _,
    service::Call,
};

use super::{catalogue, debts, ledger, reserving, stock_document};
use crate::{
    Context,
    domain::{
        StockDocumentId,
        location::IN_TRANSIT,
        stock::{Move, StockCondition, StockDocument, StockDocumentKind},
    },
    error,
};

/// What a caller wants booked.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// What it books.
    pub kind: StockDocumentKind,
    /// The place.
    pub location_id: &'a str,
    /// SKU, thousandths, batch or serial number.
    pub lines: Vec<(&'a str, i64, &'a str)>,
    /// Condition before.
    pub from: StockCondition,
    /// Condition after.
    pub to: StockCondition,
    /// The job.
    pub work_order_id: &'a str,
    /// Who gets or brings it.
    pub technician_id: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Remarks.
    pub note: &'a str,
    /// The paper's number.
    pub reference: &'a str,
    /// Signature or scan of the hand-over.
    pub signature_file_id: &'a str,
}

/// Books it.
///
/// # Errors
///
/// `LOCATION_NOT_USABLE`, `OLD_PARTS_OWED`, and what lines and ledger refuse.
pub async fn book(ctx: &Context, tx: &Tx, call: &Call, draft: Draft<'_>) -> Result<StockDocument> {
    let location = catalogue::usable_location(tx, draft.location_id).await?;
    if draft.kind == StockDocumentKind::Issue {
        let overdue = debts::overdue(tx, draft.technician_id, call.now).await?;
        if overdue >= ctx.config.old_parts.limit {
            return Err(Error::new(error::OLD_PARTS_OWED)
                .with("technician_id", draft.technician_id)
                .with("overdue", overdue));
        }
    }
    let document = StockDocument {
        id: ctx.core.ids.make::<StockDocumentId>(call.now),
        version: 0,
        org_unit_id: location.org_unit_id.clone(),
        created_at: call.now,
        kind: draft.kind,
        location_id: location.id.to_string(),
        lines: catalogue::lines(tx, &draft.lines).await?,
        from_condition: draft.from,
        to_condition: draft.to,
        work_order_id: draft.work_order_id.to_owned(),
        technician_id: draft.technician_id.to_owned(),
        reason: draft.reason.to_owned(),
        note: draft.note.to_owned(),
        reference: draft.reference.to_owned(),
        signature_file_id: draft.signature_file_id.to_owned(),
        actor: call.actor.clone(),
    };
    let moves = document.moves()?;
    ledger::post(tx, call, (StockDocument::KIND, document.id()), &moves).await?;
    wake_for(tx, call, &moves, "").await?;
    super::insert::<stock_document::Entity>(tx, call, document, "book", draft.reason).await
}

/// Has reservations tried again that wait for what these movements made free.
///
/// # Errors
///
/// When the database does not answer.
pub async fn wake_for(tx: &Tx, call: &Call, moves: &[Move], work_order_id: &str) -> Result<()> {
    let arrived = |step: &&Move| {
        let real = crate::domain::location::keeps_balance(&step.to.location_id) && step.to.location_id != IN_TRANSIT;
        real && step.to.condition == StockCondition::Good
    };
    let skus: Vec<_> = moves.iter().filter(arrived).map(|step| step.line.sku.as_str()).collect();
    if skus.is_empty() {
        return Ok(());
    }
    reserving::wake(tx, call, &skus, work_order_id).await
}
