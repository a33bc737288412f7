//! Facts of other services that dispatch acts on. Each handler runs in one transaction with its inbox row.

use common::{
    convert::{Window, optional_instant},
    db::Tx,
    error::{Error, Result},
    handler,
    id::Ids,
    record::Record as _,
    service::{Call, EventHandler, Subscription},
    whose,
};
use prost::Message as _;
use proto::aftercare::{
    common::v1::Event,
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
    parts_inventory::v1::{ReservationEvent, ReservationFact},
};

use crate::{
    Context, convert,
    domain::{
        WorkOrderId, join_parts,
        work_order::{Change, RequestFacts, WorkOrder},
    },
    planning,
    store::{duration, slot_hold, work_order},
};

/// What dispatch wants to be told.
pub(crate) fn subscriptions(ctx: &Context) -> Vec<Subscription> {
    vec![
        Subscription {
            from: "intake",
            kind: "service_request",
            handler: EventHandler::Each(handler!(ctx, service_request)),
        },
        Subscription {
            from: "parts-inventory",
            kind: "reservation",
            handler: EventHandler::Each(handler!(ctx, reservation)),
        },
    ]
}

/// A service request changed.
async fn service_request(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    use ServiceRequestFact as Fact;
    let told = ServiceRequestEvent::decode(event.payload.as_slice()).map_err(Error::internal)?;
    let case = whose::Told {
        record_id: &told.service_request_id,
        case_id: &told.service_request_id,
        partner_id: &told.partner_id,
        ..whose::Told::default()
    };
    whose::learn(tx, case, call.now).await?;
    // A fact of a newer intake is not ours to act on.
    let Ok(fact) = Fact::try_from(told.fact) else { return Ok(()) };
    match fact {
        Fact::Released | Fact::VisitNeeded => create(ctx, call, tx, &told).await,
        Fact::Cancelled | Fact::Merged => cancel(call, tx, &told).await,
        Fact::Updated | Fact::Escalated | Fact::Held | Fact::Resumed => refresh(call, tx, &told).await,
        Fact::Unspecified
        | Fact::Created
        | Fact::Triaged
        | Fact::Answered
        | Fact::ApprovalAsked
        | Fact::Approved
        | Fact::Rejected
        | Fact::Quoted
        | Fact::QuoteAccepted
        | Fact::QuoteDeclined
        | Fact::QuoteExpired
        | Fact::Scheduled
        | Fact::Started
        | Fact::Resolved
        | Fact::Closed
        | Fact::Reopened => Ok(()),
    }
}

/// Makes the work order of a visit, once. Parts that the visit before wanted and did not use are wanted again.
async fn create(ctx: &Context, call: &Call, tx: &Tx, told: &ServiceRequestEvent) -> Result<()> {
    let visit_number = told.visit_number.max(1);
    let known = work_order::of_request(tx, &told.service_request_id).await?;
    if known.iter().any(|order| order.visit_number == visit_number) {
        return Ok(());
    }
    let before = known.iter().rfind(|order| order.visit_number < visit_number);
    let carried = before.map(WorkOrder::carried_parts).unwrap_or_default();
    let wanted = join_parts(convert::parts(&told.parts_wanted), &carried);
    let mut request = facts(told)?;
    let missing =
        || Error::internal(anyhow::anyhow!("data/jobs.toml has no line for {} {}", told.kind, told.category_code));
    let mut needs = ctx.jobs.needs(&request.kind, &request.category_code).ok_or_else(missing)?;
    let floor = ctx.config.durations.floor;
    if let Some(learned) = duration::learned(tx, &request.kind, &request.category_code, floor).await? {
        needs.minutes = learned;
    }
    // A window that was booked before there was a work order is what the customer waits for.
    let booked =
        if visit_number == 1 { slot_hold::waiting_for(tx, &request.id, &request.org_unit_id).await? } else { None };
    if let Some(hold) = &booked {
        request.windows = vec![hold.window];
    }
    let number = ctx.core.numbers.within(tx, "WO", call.now).await?;
    let id: WorkOrderId = Ids::make(&call.ids, call.now);
    let order = WorkOrder::create(id, number, request, visit_number, needs, wanted, call.now);
    let order = work_order::insert(tx, call, order).await?;
    tracing::info!(work_order.id = order.id(), work_order.number = order.number, "work order created");
    if let Some(hold) = booked {
        planning::booking::take_if_possible(ctx, call, tx, order, hold).await?;
    }
    Ok(())
}

/// Cancels every visit of the request that is not over.
async fn cancel(call: &Call, tx: &Tx, told: &ServiceRequestEvent) -> Result<()> {
    for order in work_order::of_request(tx, &told.service_request_id).await? {
        if !order.state.over() {
            let changed = order.cancel(convert::work_order::REQUEST_CANCELLED.to_owned(), call.now)?;
            work_order::save(tx, call, changed).await?;
        }
    }
    Ok(())
}

/// Takes over what the request says now.
async fn refresh(call: &Call, tx: &Tx, told: &ServiceRequestEvent) -> Result<()> {
    for order in work_order::of_request(tx, &told.service_request_id).await? {
        let now = &order.request;
        let keep = |new: &str, old: &str| if new.is_empty() { old.to_owned() } else { new.to_owned() };
        let change = Change {
            urgency: keep(&told.urgency, &now.urgency),
            charge_kind: keep(&told.charge_kind, &now.charge_kind),
            language: keep(&told.language, &now.language),
            division_code: keep(&told.division_code, &now.division_code),
            position: told.position.map(Into::into),
            windows: windows(told)?,
            contact_due_at: optional_instant(told.contact_due_at.as_ref(), "contact_due_at")?.or(now.contact_due_at),
            on_site_due_at: optional_instant(told.on_site_due_at.as_ref(), "on_site_due_at")?.or(now.on_site_due_at),
            resolution_due_at: optional_instant(told.resolution_due_at.as_ref(), "resolution_due_at")?
                .or(now.resolution_due_at),
        };
        if let Some(changed) = order.refresh(change, call.now) {
            work_order::save(tx, call, changed).await?;
        }
    }
    Ok(())
}

fn windows(told: &ServiceRequestEvent) -> Result<Vec<Window>> {
    convert::windows(&told.windows, "windows")
}

fn facts(told: &ServiceRequestEvent) -> Result<RequestFacts> {
    Ok(RequestFacts {
        id: told.service_request_id.clone(),
        number: told.number.clone(),
        customer_id: told.customer_id.clone(),
        kind: told.kind.clone(),
        urgency: if told.urgency.is_empty() { "normal".to_owned() } else { told.urgency.clone() },
        category_code: told.category_code.clone(),
        fault_code: told.fault_code.clone(),
        charge_kind: told.charge_kind.clone(),
        language: told.language.clone(),
        org_unit_id: told.org_unit_id.clone(),
        division_code: told.division_code.clone(),
        position: told.position.map(Into::into),
        windows: windows(told)?,
        contact_due_at: optional_instant(told.contact_due_at.as_ref(), "contact_due_at")?,
        on_site_due_at: optional_instant(told.on_site_due_at.as_ref(), "on_site_due_at")?,
        resolution_due_at: optional_instant(told.resolution_due_at.as_ref(), "resolution_due_at")?,
    })
}

/// A reservation changed. An answer for a visit that is over, or that nobody knows, changes nothing.
async fn reservation(_ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    use ReservationFact as Fact;
    let told = ReservationEvent::decode(event.payload.as_slice()).map_err(Error::internal)?;
    let Ok(fact) = Fact::try_from(told.fact) else { return Ok(()) };
    let Some(order) = work_order::find(tx, &told.work_order_id).await? else { return Ok(()) };
    let changed = match fact {
        Fact::Reserved => order.parts_ready(convert::parts(&told.lines), call.now),
        Fact::Short => order.parts_short(told.short_skus, call.now),
        // What is no longer held must be found again.
        Fact::Expired => order.parts_short(told.lines.into_iter().map(|line| line.sku).collect(), call.now),
        Fact::Unspecified | Fact::Extended | Fact::Released | Fact::Consumed => None,
    };
    if let Some(changed) = changed {
        work_order::save(tx, call, changed).await?;
    }
    Ok(())
}
