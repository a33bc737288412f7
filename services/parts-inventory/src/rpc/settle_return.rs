//! Gives the customer what was decided.

use common::{
    db::Tx,
    error::{Error, Result},
    id::Id as _,
    record::Record as _,
    service::Call,
    store as rows,
};
use proto::aftercare::parts_inventory::v1::{self as message, SettleReturnRequest};

use crate::{
    Context, convert,
    domain::{
        ReturnId,
        rma::{self, Disposition, Settlement},
    },
    store::{self, catalogue, goods_return, ledger},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SettleReturnRequest) -> Result<message::Return> {
    let id = ReturnId::parse(&request.return_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<goods_return::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    record.check("settle")?;
    let settlement = settlement(&work, record.disposition, &request).await?;
    let (changed, movement) = record.settle(settlement, call.now)?;
    let moves: Vec<_> = movement.into_iter().collect();
    let record = store::save::<goods_return::Entity>(&work, call, changed).await?;
    ledger::post(&work, call, (rma::Return::KIND, record.id.as_str()), &moves).await?;
    work.commit(convert::goods_return(&record)).await
}

/// What the customer gets, as it was decided; what the decision needs must be said.
async fn settlement(tx: &Tx, decided: Option<Disposition>, request: &SettleReturnRequest) -> Result<Settlement> {
    match decided {
        Some(Disposition::Exchange) => {
            if request.new_sku.is_empty() {
                return Err(Error::invalid("new_sku", "required for an exchange"));
            }
            let location = catalogue::usable_location(tx, &request.location_id).await?;
            let new = [(request.new_sku.as_str(), 1000, request.new_serial.as_str())];
            let line = catalogue::lines(tx, &new).await?.swap_remove(0);
            Ok(Settlement::Exchanged { line, location_id: location.id.to_string() })
        }
        Some(Disposition::Refund) => {
            let amount = request.refund.clone().ok_or_else(|| Error::invalid("refund", "required for a refund"))?;
            Ok(Settlement::Refunded { amount: amount.into(), reference: reference(request)? })
        }
        Some(Disposition::Repair | Disposition::Refurbish | Disposition::Scrap) | None => {
            Ok(Settlement::Done { reference: reference(request)? })
        }
    }
}

fn reference(request: &SettleReturnRequest) -> Result<String> {
    if request.reference.is_empty() {
        return Err(Error::invalid("reference", "required"));
    }
    Ok(request.reference.clone())
}
