//! Which facts notify whom.

use common::{
    convert::Window,
    db::Tx,
    error::{Error, Result},
    service::Call,
};
use prost::Message as _;
use proto::aftercare::{
    common::v1::{Event, TimeWindow},
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
};

use super::{Notification, enqueue};
use crate::{
    domain::{feed::Change, notification::Words},
    service::Context,
};

/// The cause of an escalation that customers are told of.
const LATE: &str = "late";

/// Puts down what somebody is to be told of by a change.
pub(crate) async fn consider(ctx: &Context, call: &Call, tx: &Tx, event: &Event, change: &Change) -> Result<()> {
    match &*event.aggregate_kind {
        "work_order" => visit(ctx, call, tx, event, change).await,
        "service_request" => request(ctx, call, tx, event, change).await,
        _ => Ok(()),
    }
}

async fn visit(ctx: &Context, call: &Call, tx: &Tx, event: &Event, change: &Change) -> Result<()> {
    use WorkOrderFact as Fact;
    let told = WorkOrderEvent::decode(event.payload.as_slice()).map_err(Error::internal)?;
    let window = told.window.as_ref();
    // Without an agreed time there is nothing that could be said of it.
    let kind = match (told.fact(), window) {
        (Fact::Accepted, Some(_)) => "appointment_booked",
        (Fact::Rescheduled, Some(_)) => "appointment_moved",
        (Fact::Departed, Some(_)) => "technician_on_the_way",
        (Fact::Escalated, _) => {
            if told.reason == LATE && window.is_some() {
                let words = words(ctx, &told.number, window)?;
                enqueue(ctx, call, tx, to_customer("visit_late", change, words)).await?;
            }
            return escalation(ctx, call, tx, change, &told.number, &told.reason, told.escalation_step).await;
        }
        _ => return Ok(()),
    };
    let words = words(ctx, &told.number, window)?;
    enqueue(ctx, call, tx, to_customer(kind, change, words)).await
}

async fn request(ctx: &Context, call: &Call, tx: &Tx, event: &Event, change: &Change) -> Result<()> {
    use ServiceRequestFact as Fact;
    let told = ServiceRequestEvent::decode(event.payload.as_slice()).map_err(Error::internal)?;
    let kind = match told.fact() {
        Fact::Quoted => "quote_waiting",
        Fact::Resolved => "request_resolved",
        Fact::Escalated => {
            return escalation(ctx, call, tx, change, &told.number, &told.target, told.escalation_step).await;
        }
        _ => return Ok(()),
    };
    let words = words(ctx, &told.number, None)?;
    enqueue(ctx, call, tx, to_customer(kind, change, words)).await
}

fn to_customer(kind: &'static str, change: &Change, words: Words) -> Notification {
    Notification {
        kind,
        recipient_id: change.place.customer_id.clone(),
        org_unit_id: change.place.org_unit_id.clone(),
        service_request_id: change.place.service_request_id.clone(),
        words,
    }
}

/// Those responsible for the unit get one mail for all that escalated meanwhile.
async fn escalation(
    ctx: &Context,
    call: &Call,
    tx: &Tx,
    change: &Change,
    number: &str,
    why: &str,
    step: i32,
) -> Result<()> {
    // The first step is the dispatcher's or a warning, and stands on the board.
    if step < 2 {
        return Ok(());
    }
    let line = format!("{number} · {why} · {step}");
    let notification = Notification {
        kind: "escalation",
        recipient_id: change.place.org_unit_id.clone(),
        org_unit_id: change.place.org_unit_id.clone(),
        service_request_id: change.place.service_request_id.clone(),
        words: Words::from([("line".to_owned(), line)]),
    };
    enqueue(ctx, call, tx, notification).await
}

fn words(ctx: &Context, number: &str, window: Option<&TimeWindow>) -> Result<Words> {
    let mut words = Words::from([("number".to_owned(), number.to_owned())]);
    if let Some(window) = window {
        let window = Window::read(window, "window")?;
        let quiet = &ctx.notifications.quiet;
        words.insert("from".to_owned(), quiet.written(window.start, true));
        words.insert("until".to_owned(), quiet.written(window.end, false));
    }
    Ok(words)
}
