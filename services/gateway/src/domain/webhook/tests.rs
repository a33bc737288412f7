//! Endpoints: what they take, and their secrets.

use common::id::Id as _;

use super::*;
use crate::domain::feed::Place;

fn endpoint() -> Endpoint {
    Endpoint {
        id: EndpointId::wrap("we_1".to_owned()),
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        url: "https://hooks.example/".to_owned(),
        kinds: vec!["work_order.*".to_owned(), "complaint.closed".to_owned()],
        description: String::new(),
        partner_id: "pa_1".to_owned(),
        state: State::Active,
        secrets: vec![Generation { number: 1, until: None }],
    }
}

fn change(kind: &str, fact: &str, partner: &str) -> Change {
    Change {
        number: 1,
        event_id: String::new(),
        service: String::new(),
        record_kind: kind.to_owned(),
        record_id: "x_1".to_owned(),
        record_version: 1,
        fact: fact.to_owned(),
        state: String::new(),
        place: Place { partner_id: partner.to_owned(), ..Place::default() },
        former_technician_id: String::new(),
        work_order_id: String::new(),
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn an_endpoint_takes_its_own_kinds_of_its_own_cases() {
    let own = endpoint();
    for (kind, fact, partner, takes) in [
        ("work_order", "assigned", "pa_1", true),
        ("complaint", "closed", "pa_1", true),
        ("complaint", "received", "pa_1", false),
        ("work", "order", "pa_1", false),
        ("work_order", "assigned", "pa_2", false),
        ("work_order", "assigned", "", false),
    ] {
        assert_eq!(own.takes(&change(kind, fact, partner)), takes, "{kind}.{fact} of {partner}");
    }
    let everything = Endpoint { kinds: vec!["*".to_owned()], partner_id: String::new(), ..endpoint() };
    assert!(everything.takes(&change("part", "update", "")));
    let disabled = endpoint().disable(Why::ByRequest, DateTime::UNIX_EPOCH).unwrap().record;
    assert!(!disabled.takes(&change("work_order", "assigned", "pa_1")));
    assert!(disabled.clone().disable(Why::Failing, DateTime::UNIX_EPOCH).is_err());
    assert!(disabled.enable(DateTime::UNIX_EPOCH).unwrap().record.takes(&change("work_order", "assigned", "pa_1")));
}

#[test]
fn the_old_secret_signs_for_a_day_beside_the_new_one() {
    let now = DateTime::UNIX_EPOCH;
    let day = Duration::days(1);
    let numbers = |endpoint: &Endpoint, at| endpoint.signing(at).map(|secret| secret.number).collect::<Vec<_>>();
    let rotated = endpoint().rotate(day, now).record;
    assert_eq!(numbers(&rotated, now), [2, 1]);
    assert_eq!(numbers(&rotated, now + day), [2]);
    // Who rotates all day long has three at the most, and never one number twice.
    let mut busy = endpoint();
    for hour in 0..20 {
        busy = busy.rotate(day, now + Duration::hours(hour)).record;
    }
    assert_eq!(numbers(&busy, now + Duration::hours(19)), [21, 20, 19]);
    let late = busy.rotate(day, now + Duration::days(9)).record;
    assert_eq!(numbers(&late, now + Duration::days(9)), [22, 21]);
}
