//! What this service does when others publish facts. Every handler may see the same fact twice, or late: it looks at
//! the present record and does what is still to be done.

use chrono::TimeDelta;
use common::{
    convert::Window,
    db::Tx,
    error::{Error, Result},
    handler,
    service::{Call, EventHandler, Subscription},
    store, whose,
};
use prost::Message as _;
use proto::aftercare::{
    common::v1::Event,
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{
    Context, convert,
    domain::{
        Quantity, ReturnId,
        reservation::{Need, Reservation},
        rma::{Return, ReturnState, ReturnWish},
    },
    store::{goods_return, reserving},
};

/// The facts it asks for.
pub(crate) fn subscriptions(context: &Context) -> Vec<Subscription> {
    vec![
        Subscription {
            from: "dispatch",
            kind: "work_order",
            handler: EventHandler::Each(handler!(context, work_order)),
        },
        Subscription {
            from: "intake",
            kind: "service_request",
            handler: EventHandler::Each(handler!(context, service_request)),
        },
    ]
}

async fn work_order(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let fact = WorkOrderEvent::decode(event.payload.as_slice()).map_err(Error::internal)?;
    let visit = whose::Told {
        record_id: &fact.work_order_id,
        case_id: &fact.service_request_id,
        technician_id: &fact.technician_id,
        ..whose::Told::default()
    };
    whose::learn(tx, visit, call.now).await?;
    let Ok(kind) = WorkOrderFact::try_from(fact.fact) else { return Ok(()) };
    let existing = reserving::of_work_order(tx, &fact.work_order_id).await?;
    match kind {
        WorkOrderFact::Created => match existing {
            None if !fact.parts_wanted.is_empty() => reserving::reserve(ctx, tx, call, need(&fact)).await.map(drop),
            None | Some(_) => Ok(()),
        },
        WorkOrderFact::Assigned | WorkOrderFact::Rescheduled => last_until(ctx, tx, call, existing, &fact).await,
        WorkOrderFact::Completed => done(ctx, tx, call, existing, fact).await,
        // A visit can use parts and still not solve it: what is built in has left stock, whatever became of the job.
        WorkOrderFact::Failed if fact.parts_used.iter().any(|line| line.used_milli > 0) => {
            done(ctx, tx, call, existing, fact).await
        }
        WorkOrderFact::Failed | WorkOrderFact::Cancelled => match existing {
            Some(reservation) if reservation.allowed().contains(&"release") => {
                let why = if kind == WorkOrderFact::Failed { "work_order_failed" } else { "work_order_cancelled" };
                reserving::release(tx, call, reservation, why).await.map(drop)
            }
            None | Some(_) => Ok(()),
        },
        // The other facts, and those of newer publishers, do not concern parts.
        _ => Ok(()),
    }
}

fn need(fact: &WorkOrderEvent) -> Need {
    let lines: Vec<_> = fact.parts_wanted.iter().map(|line| Quantity::new(&line.sku, line.quantity_milli)).collect();
    Need {
        work_order_id: fact.work_order_id.clone(),
        service_request_id: fact.service_request_id.clone(),
        customer_id: fact.customer_id.clone(),
        technician_id: fact.technician_id.clone(),
        org_unit_id: fact.org_unit_id.clone(),
        lines: Quantity::merged(&lines),
        near_location_id: String::new(),
        position: fact.position.map(Into::into),
    }
}

/// A visit that is planned late keeps its parts until after it.
async fn last_until(
    ctx: &Context,
    tx: &Tx,
    call: &Call,
    existing: Option<Reservation>,
    fact: &WorkOrderEvent,
) -> Result<()> {
    let window = fact.window.as_ref().and_then(|window| Window::read(window, "window").ok());
    let (Some(reservation), Some(window)) = (existing, window) else { return Ok(()) };
    let lasts = TimeDelta::from_std(ctx.config.reservations.lasts).unwrap_or_default();
    match reservation.expires_at() {
        Some(expires_at) if expires_at < window.end => {
            reserving::extend(tx, call, reservation, window.end + lasts).await.map(drop)
        }
        Some(_) | None => Ok(()),
    }
}

async fn done(ctx: &Context, tx: &Tx, call: &Call, existing: Option<Reservation>, fact: WorkOrderEvent) -> Result<()> {
    let nothing_to_do = match &existing {
        Some(reservation) => !reservation.allowed().contains(&"consume"),
        None => fact.parts_used.iter().all(|line| line.used_milli == 0),
    };
    if nothing_to_do {
        return Ok(());
    }
    let need = match &existing {
        Some(reservation) => Need { technician_id: fact.technician_id.clone(), ..reservation.need.clone() },
        None => need(&fact),
    };
    reserving::consume(ctx, tx, call, existing, need, convert::read_used(fact.parts_used)).await.map(drop)
}

async fn service_request(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let fact = ServiceRequestEvent::decode(event.payload.as_slice()).map_err(Error::internal)?;
    let case = whose::Told {
        record_id: &fact.service_request_id,
        case_id: &fact.service_request_id,
        partner_id: &fact.partner_id,
        ..whose::Told::default()
    };
    whose::learn(tx, case, call.now).await?;
    let wish = match fact.kind.as_str() {
        "return" => ReturnWish::Return,
        "exchange" => ReturnWish::Exchange,
        _ => return Ok(()),
    };
    let row = goods_return::Entity::find()
        .filter(goods_return::Column::ServiceRequestId.eq(&fact.service_request_id))
        .one(tx)
        .await?;
    let existing = row.map(<goods_return::Entity as store::Table>::record).transpose()?;
    match ServiceRequestFact::try_from(fact.fact) {
        Ok(ServiceRequestFact::Created) if existing.is_none() => open_return(ctx, call, tx, wish, fact).await,
        Ok(ServiceRequestFact::Cancelled) => match existing {
            Some(open) if open.allowed().contains(&"cancel") => {
                let changed = open.cancel(&call.actor, "service_request_cancelled", call.now)?;
                crate::store::save::<goods_return::Entity>(tx, call, changed).await.map(drop)
            }
            None | Some(_) => Ok(()),
        },
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn open_return(ctx: &Context, call: &Call, tx: &Tx, wish: ReturnWish, fact: ServiceRequestEvent) -> Result<()> {
    let record = Return {
        id: ctx.core.ids.make::<ReturnId>(call.now),
        version: 0,
        number: ctx.core.numbers.within(tx, "RMA", call.now).await?,
        org_unit_id: fact.org_unit_id,
        created_at: call.now,
        updated_at: call.now,
        wish,
        service_request_id: fact.service_request_id,
        customer_id: fact.customer_id,
        product_id: fact.product_id,
        sku: String::new(),
        serial: String::new(),
        reason: if fact.fault_code.is_empty() { "asked_by_customer".to_owned() } else { fact.fault_code },
        purchased_at: None,
        decision: None,
        intake: None,
        inspection: None,
        disposition: None,
        settlement: None,
        state: ReturnState::Opened,
    };
    crate::store::insert::<goods_return::Entity>(tx, call, record, "open", "").await.map(drop)
}
