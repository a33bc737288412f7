//! What other services' facts do here. A fact that no longer fits is taken and does nothing.

use common::{
    db::Tx,
    error::{Error, Result},
    handler,
    id::Id as _,
    service::{Call, EventHandler, Subscription},
    whose,
};
use prost::Message;
use proto::aftercare::{
    common::v1::Event,
    complaint::v1::{ComplaintEvent, ComplaintFact},
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    parts_inventory::v1::{ReturnEvent, ReturnFact},
    survey::v1::{ResponseEvent, ResponseFact},
};

use crate::{
    Context, coverage,
    domain::{
        CustomerId, ProductId,
        request::{Links, ServiceRequest, Stage, VisitFact},
        values::{Channel, Charge, Kind, Urgency},
    },
    register::{self, New},
    store::{self, service_request},
};

/// Whose facts we act on.
pub(crate) fn subscriptions(context: &Context) -> Vec<Subscription> {
    vec![
        Subscription {
            from: "dispatch",
            kind: "work_order",
            handler: EventHandler::Each(handler!(context, work_order)),
        },
        Subscription { from: "parts-inventory", kind: "return", handler: EventHandler::Each(handler!(context, goods)) },
        Subscription {
            from: "complaint",
            kind: "complaint",
            handler: EventHandler::Each(handler!(context, complaint)),
        },
        Subscription { from: "survey", kind: "response", handler: EventHandler::Each(handler!(context, response)) },
    ]
}

fn decode<M: Message + Default>(event: &Event) -> Result<M> {
    M::decode(event.payload.as_slice()).map_err(Error::internal)
}

fn visit_fact(event: &WorkOrderEvent) -> Option<VisitFact> {
    match event.fact() {
        WorkOrderFact::Created => Some(VisitFact::Created),
        WorkOrderFact::Accepted => Some(VisitFact::Accepted { with_window: event.window.is_some() }),
        WorkOrderFact::Rescheduled => Some(VisitFact::Rescheduled),
        // A try that reached nobody does not meet the contact deadline.
        WorkOrderFact::Contacted if matches!(&*event.reason, "no_answer" | "wrong_number") => None,
        WorkOrderFact::Contacted => Some(VisitFact::Contacted),
        WorkOrderFact::Arrived => Some(VisitFact::Arrived),
        WorkOrderFact::Started => Some(VisitFact::Started),
        WorkOrderFact::Completed => Some(VisitFact::Completed),
        WorkOrderFact::Failed => Some(VisitFact::Failed),
        WorkOrderFact::Cancelled => Some(VisitFact::Cancelled),
        WorkOrderFact::Unspecified
        | WorkOrderFact::Updated
        | WorkOrderFact::Assigned
        | WorkOrderFact::Refused
        | WorkOrderFact::OfferExpired
        | WorkOrderFact::Departed
        | WorkOrderFact::Suspended
        | WorkOrderFact::Resumed
        | WorkOrderFact::Verified
        | WorkOrderFact::Bounced
        | WorkOrderFact::Escalated
        | WorkOrderFact::PartsReady
        | WorkOrderFact::PartsShort
        | WorkOrderFact::Recorded => None,
    }
}

/// Whether who has a visit in this state needs to know the customer.
fn need(state: &str) -> whose::Need {
    match state {
        "accepted" | "en_route" | "on_site" | "in_progress" | "suspended" => whose::Need::Now,
        "completed" | "failed" | "verified" => whose::Need::Over,
        _ => whose::Need::None,
    }
}

/// Dispatch: how far the visit is.
async fn work_order(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let told: WorkOrderEvent = decode(event)?;
    let technician = whose::Told {
        record_id: &told.work_order_id,
        case_id: &told.service_request_id,
        technician_id: &told.technician_id,
        subject_id: &told.customer_id,
        need: need(&told.state),
        ..whose::Told::default()
    };
    whose::learn(tx, technician, call.now).await?;
    let Some(fact) = visit_fact(&told) else { return Ok(()) };
    let Some(request) = service_request::find(tx, &told.service_request_id).await? else { return Ok(()) };
    let changed = request.visit(fact, &told.work_order_id, told.visit_number, &told.reason, call.now);
    if let Some(changed) = changed {
        service_request::save(ctx, tx, call, changed, &told.reason).await?;
    }
    Ok(())
}

/// Parts-inventory: goods came back, and what became of them.
async fn goods(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let told: ReturnEvent = decode(event)?;
    if told.fact() != ReturnFact::Closed || told.disposition.is_empty() {
        return Ok(());
    }
    let Some(request) = service_request::find(tx, &told.service_request_id).await? else { return Ok(()) };
    if !request.stage().is_open() {
        return Ok(());
    }
    let replacement = match told.disposition.as_str() {
        "exchange" => exchange(ctx, call, tx, &request, &told).await?,
        _ => None,
    };
    if let Some(changed) = request.settle_goods(&told.return_id, replacement, &told.disposition, call.now) {
        service_request::save(ctx, tx, call, changed, &told.disposition).await?;
    }
    Ok(())
}

/// Registers the product issued in exchange: its warranty starts anew, the old one is marked as exchanged.
async fn exchange(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    request: &ServiceRequest,
    told: &ReturnEvent,
) -> Result<Option<ProductId>> {
    let product_id = ProductId::parse(&told.product_id).ok().or_else(|| request.product_id.clone());
    let Some(product_id) = product_id else { return Ok(None) };
    let Some(old) = store::product::find(tx, &product_id).await? else { return Ok(None) };
    let today = coverage::date_of(ctx, &request.org_unit_id, call.now);
    // Somebody may have registered the new one by hand already.
    let known = match told.new_serial.as_str() {
        "" => None,
        serial => store::product::with_serial(tx, &old.plate.model, serial).await?,
    };
    if known.as_ref().is_some_and(|known| known.id == old.id) {
        return Ok(None);
    }
    let id = known.as_ref().map_or_else(|| call.ids.make(call.now), |known| known.id.clone());
    let Some((old, new)) = old.exchange(id.clone(), &told.new_serial, today, call.now) else { return Ok(None) };
    store::product::save(tx, call, old).await?;
    if known.is_none() {
        store::product::insert(tx, call, new).await?;
    }
    Ok(Some(id))
}

/// Complaint: the link both ways, the remedies it asks for, and its end.
async fn complaint(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let told: ComplaintEvent = decode(event)?;
    match told.fact() {
        ComplaintFact::Received | ComplaintFact::Linked => link(ctx, call, tx, &told).await,
        ComplaintFact::Approved => {
            for remedy in &told.remedies {
                if let Some(kind) = remedy_kind(remedy) {
                    ask_for_remedy(ctx, call, tx, &told, remedy, kind).await?;
                }
            }
            Ok(())
        }
        ComplaintFact::Closed => {
            for request in service_request::of_complaint(tx, &told.complaint_id).await? {
                if let Some(changed) = request.settle_complaint(&told.complaint_id, call.now) {
                    service_request::save(ctx, tx, call, changed, "complaint_closed").await?;
                }
            }
            Ok(())
        }
        ComplaintFact::Unspecified
        | ComplaintFact::Updated
        | ComplaintFact::Acknowledged
        | ComplaintFact::Judged
        | ComplaintFact::Investigated
        | ComplaintFact::Proposed
        | ComplaintFact::SentBack
        | ComplaintFact::Agreed
        | ComplaintFact::ActionDone
        | ComplaintFact::Implemented
        | ComplaintFact::Reopened
        | ComplaintFact::Archived
        | ComplaintFact::Escalated
        | ComplaintFact::FollowedUp => Ok(()),
    }
}

async fn link(ctx: &Context, call: &Call, tx: &Tx, told: &ComplaintEvent) -> Result<()> {
    let Some(request) = service_request::find(tx, &told.service_request_id).await? else { return Ok(()) };
    if request.kind != Kind::Complaint || !request.links.complaint_id.is_empty() {
        return Ok(());
    }
    service_request::save(ctx, tx, call, request.link_complaint(&told.complaint_id), "complaint_linked").await?;
    Ok(())
}

/// What kind of request a remedy becomes; `None` when it needs none.
fn remedy_kind(remedy: &str) -> Option<Kind> {
    match remedy {
        "rework" | "repair" => Some(Kind::Repair),
        "exchange" => Some(Kind::Exchange),
        "refund" => Some(Kind::Return),
        _ => None,
    }
}

/// Makes the request of a remedy, once: while one of them is open there is no second.
async fn ask_for_remedy(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    told: &ComplaintEvent,
    remedy: &str,
    kind: Kind,
) -> Result<()> {
    let asked = service_request::of_complaint(tx, &told.complaint_id).await?;
    if asked.iter().any(|request| request.links.remedy == remedy && request.stage().is_open()) {
        return Ok(());
    }
    let before = service_request::find(tx, &told.service_request_id).await?;
    // What a complaint names was typed in by people there. Without a customer there is nobody to go to: the complaint's
    // own people see to that remedy.
    let customer_id = match &before {
        Some(before) => Some(before.asker.customer_id.clone()),
        None => CustomerId::parse(&told.customer_id).ok(),
    };
    let Some(customer_id) = customer_id else { return Ok(()) };
    let Some(customer) = store::customer::find_living(tx, &customer_id).await? else { return Ok(()) };
    let before_id = before.as_ref().map(|before| before.id.clone());
    let named = ProductId::parse(&told.product_id).ok();
    let product = match named.or_else(|| before.as_ref().and_then(|before| before.product_id.clone())) {
        Some(id) => store::product::find(tx, &id).await?,
        None => None,
    };
    let product_id = product.filter(|product| product.customer_id == customer.id).map(|product| product.id);
    let unit = before.as_ref().and_then(|before| ctx.rules.org_units.find(&before.org_unit_id));
    let text =
        |read: fn(&ServiceRequest) -> &String| before.as_ref().map(|before| read(before).clone()).unwrap_or_default();
    let new = New {
        number: ctx.core.numbers.within(tx, "SR", call.now).await?,
        requested_at: call.now,
        channel: Channel::System,
        kind,
        urgency: Urgency::Normal,
        customer_id: customer.id,
        contact_name: text(|before| &before.contact_name),
        contact_phone: text(|before| &before.contact_phone),
        address: before.as_ref().and_then(|before| before.address.clone()),
        product_id,
        product_text: text(|before| &before.product_text),
        category_code: text(|before| &before.category_code),
        fault_code: text(|before| &before.fault_code),
        cause_code: String::new(),
        description: format!("{} {remedy}", told.number),
        photos: Vec::new(),
        windows: Vec::new(),
        parts_wanted: Vec::new(),
        assignee_id: String::new(),
        exclusion: None,
        org_unit_id: unit.map(|unit| unit.id.clone()).unwrap_or_default(),
        links: Links {
            caused_by_id: before_id,
            complaint_id: told.complaint_id.clone(),
            remedy: remedy.to_owned(),
            ..Links::default()
        },
        // The complaint's approval covers the cost.
        charge: Some(Charge::InWarranty),
    };
    register::register(ctx, tx, call, new).await?;
    Ok(())
}

/// Survey: a customer who is not unhappy closes the request.
async fn response(ctx: &Context, call: &Call, tx: &Tx, event: &Event) -> Result<()> {
    let told: ResponseEvent = decode(event)?;
    if told.fact() != ResponseFact::Answered || told.low {
        return Ok(());
    }
    let Some(request) = service_request::find(tx, &told.service_request_id).await? else { return Ok(()) };
    // An answer about a complaint that was opened from a request closes nothing but the complaint's own request.
    if request.stage() != Stage::Resolved {
        return Ok(());
    }
    if let Some(changed) = request.survey_answered(call.now) {
        service_request::save(ctx, tx, call, changed, "survey_answered").await?;
    }
    Ok(())
}
