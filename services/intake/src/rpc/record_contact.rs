//! Writes a contact with a customer down, with what was promised. An outbound contact about a request stops its callback clock.

use common::{
    convert::optional_instant,
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::intake::v1::{self as pb, RecordContactRequest};

use crate::{
    Context, convert,
    domain::{
        CustomerId, ServiceRequestId,
        contact::{Contact, Direction, Promise},
        request::Action,
    },
    error::REQUEST_OF_ANOTHER,
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RecordContactRequest) -> Result<pb::Contact> {
    let direction =
        convert::direction(request.direction).ok_or_else(|| Error::invalid("direction", "enum.defined_only"))?;
    let at = optional_instant(request.at.as_ref(), "at")?.unwrap_or(call.now);
    if at > call.now {
        return Err(Error::invalid("at", "timestamp.past"));
    }
    let promise = promise(&request)?;
    let service_request_id = ServiceRequestId::parse_optional(&request.service_request_id)?;
    let customer_id = CustomerId::parse_optional(&request.customer_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let about = match &service_request_id {
        Some(id) => Some(store::service_request::load(&*work, id).await?),
        None => None,
    };
    let customer_id = match (customer_id, &about) {
        (Some(given), about) => {
            let customer = store::customer::load_living(&*work, &given).await?;
            if let Some(about) = about.as_ref().filter(|about| about.asker.customer_id != customer.id) {
                return Err(Error::new(REQUEST_OF_ANOTHER).with("service_request_id", &about.id));
            }
            customer.id
        }
        (None, Some(about)) => about.asker.customer_id.clone(),
        (None, None) => return Err(Error::invalid("customer_id", "customer_or_request")),
    };
    let contact = Contact {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: about.as_ref().map_or_else(|| call.actor.org_unit_id.clone(), |about| about.org_unit_id.clone()),
        customer_id,
        service_request_id,
        direction,
        channel: request.channel.clone(),
        at,
        agent_id: call.actor.id.clone(),
        spoken_to: request.spoken_to.clone(),
        summary: request.summary.clone(),
        recording_link: request.recording_link.clone(),
        promise,
        escalations: Vec::new(),
    };
    let saved = store::contact::insert(ctx, &work, call, contact).await?;
    if let Some(about) = about.filter(|about| direction == Direction::Outbound && about.can(Action::Track, call.now)) {
        store::service_request::save(ctx, &work, call, about.note_contact(at, call.now)?, "contact").await?;
    }
    work.commit(convert::contact(&saved, call.now)).await
}

fn promise(request: &RecordContactRequest) -> Result<Option<Promise>> {
    let due_at = optional_instant(request.promise_due_at.as_ref(), "promise_due_at")?;
    match (request.promise.as_str(), due_at) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err(Error::invalid("promise", "required_with promise_due_at")),
        (_, None) => Err(Error::invalid("promise_due_at", "required_with promise")),
        (text, Some(due_at)) => Ok(Some(Promise { text: text.to_owned(), due_at, kept_at: None })),
    }
}
