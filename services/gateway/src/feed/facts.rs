//! What an event of any service says, read by the names of its fields: a new kind of event needs no code here.

use std::sync::LazyLock;

use common::error::{Error, Result};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, ReflectMessage as _, Value};
use proto::aftercare::common::v1::Event;

use crate::domain::feed::Facts;

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(proto::DESCRIPTORS).ok());

/// What a fact is called whose name this program does not know: that of a newer service.
const UNKNOWN_FACT: &str = "changed";

/// Reads an event.
pub(super) fn read(event: &Event) -> Result<Facts> {
    let descriptor = POOL.as_ref().and_then(|pool| pool.get_message_by_name(&event.r#type));
    let Some(descriptor) = descriptor else {
        return Ok(Facts { fact: UNKNOWN_FACT.to_owned(), ..own(event, Facts::default()) });
    };
    let told = DynamicMessage::decode(descriptor, event.payload.as_slice()).map_err(Error::internal)?;
    let optional = |name: &str| told.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned));
    let text = |name: &str| optional(name).unwrap_or_default();
    let facts = Facts {
        fact: fact(&told).unwrap_or_else(|| UNKNOWN_FACT.to_owned()),
        state: text("state"),
        org_unit_id: text("org_unit_id"),
        technician_id: optional("technician_id"),
        partner_id: text("partner_id"),
        service_request_id: text("service_request_id"),
        work_order_id: text("work_order_id"),
        customer_id: text("customer_id"),
    };
    Ok(own(event, facts))
}

/// A record is itself what other records are said to be about.
fn own(event: &Event, mut facts: Facts) -> Facts {
    let id = &event.aggregate_id;
    match &*event.aggregate_kind {
        "service_request" => facts.service_request_id.clone_from(id),
        "work_order" => facts.work_order_id.clone_from(id),
        "customer" => facts.customer_id.clone_from(id),
        "technician" => facts.technician_id = Some(id.clone()),
        _ => {}
    }
    facts
}

/// `WORK_ORDER_FACT_OFFER_EXPIRED` is "offer_expired"; a record without an event message of its own names its action.
fn fact(told: &DynamicMessage) -> Option<String> {
    let Some(field) = told.descriptor().get_field_by_name("fact") else {
        let action = told.get_field_by_name("action")?;
        return action.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    };
    let Kind::Enum(facts) = field.kind() else { return None };
    let Value::EnumNumber(number) = *told.get_field(&field) else { return None };
    let prefix = facts.default_value().name().strip_suffix("UNSPECIFIED")?.to_owned();
    let value = facts.get_value(number).filter(|value| value.number() != 0)?;
    Some(value.name().strip_prefix(&prefix)?.to_lowercase())
}

#[cfg(test)]
mod tests {
    use prost::{Message, Name};
    use proto::aftercare::{common::v1::RecordEvent, dispatch::v1::*, intake::v1::*, parts_inventory::v1::*};

    use super::*;

    fn event<E: Message + Name>(kind: &str, id: &str, told: &E) -> Event {
        Event {
            r#type: E::full_name(),
            aggregate_kind: kind.to_owned(),
            aggregate_id: id.to_owned(),
            payload: told.encode_to_vec(),
            ..Event::default()
        }
    }

    #[test]
    fn events_are_read_by_the_names_of_their_fields() {
        let order = WorkOrderEvent {
            fact: WorkOrderFact::OfferExpired.into(),
            state: "unassigned".to_owned(),
            org_unit_id: "east".to_owned(),
            service_request_id: "sr_1".to_owned(),
            ..WorkOrderEvent::default()
        };
        let facts = read(&event("work_order", "wo_1", &order)).unwrap();
        assert_eq!((&*facts.fact, &*facts.state, &*facts.org_unit_id), ("offer_expired", "unassigned", "east"));
        assert_eq!(facts.technician_id.as_deref(), Some(""), "it has none any more");
        assert_eq!((&*facts.service_request_id, &*facts.work_order_id), ("sr_1", "wo_1"));

        let request = ServiceRequestEvent { fact: ServiceRequestFact::QuoteAccepted.into(), ..Default::default() };
        let facts = read(&event("service_request", "sr_1", &request)).unwrap();
        assert_eq!((&*facts.fact, &*facts.service_request_id), ("quote_accepted", "sr_1"));
        assert_eq!(facts.technician_id, None, "it does not speak of technicians");

        let reservation = ReservationEvent { work_order_id: "wo_1".to_owned(), ..Default::default() };
        let facts = read(&event("reservation", "rv_1", &reservation)).unwrap();
        assert_eq!((&*facts.fact, &*facts.work_order_id), ("changed", "wo_1"));

        let made = RecordEvent { action: "suspend".to_owned(), state: "suspended".to_owned(), ..Default::default() };
        let facts = read(&event("technician", "te_1", &made)).unwrap();
        assert_eq!((&*facts.fact, &*facts.state), ("suspend", "suspended"));
        assert_eq!(facts.technician_id.as_deref(), Some("te_1"));
        let facts = read(&event("customer", "cu_1", &made)).unwrap();
        assert_eq!(facts.customer_id, "cu_1");
    }

    #[test]
    fn facts_of_newer_services_are_told_without_their_name() {
        let order = WorkOrderEvent { fact: 999, ..WorkOrderEvent::default() };
        assert_eq!(read(&event("work_order", "wo_1", &order)).unwrap().fact, "changed");
        let mut stranger = event("work_order", "wo_1", &order);
        stranger.r#type = "aftercare.dispatch.v9.Unheard".to_owned();
        let facts = read(&stranger).unwrap();
        assert_eq!((&*facts.fact, &*facts.work_order_id), ("changed", "wo_1"));
    }

    #[test]
    fn what_cannot_be_decoded_is_an_error() {
        let mut broken = event("work_order", "wo_1", &WorkOrderEvent::default());
        broken.payload = vec![0xff, 0xff];
        assert!(read(&broken).is_err());
    }
}
