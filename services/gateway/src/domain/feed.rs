//! Changes of all services' records, and who is told of which.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use common::reach::Reach;

/// What an event says of its record, as far as scopes and readers care.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) fact: String,
    pub(crate) state: String,
    pub(crate) org_unit_id: String,
    pub(crate) technician_id: Option<String>,
    pub(crate) partner_id: String,
    pub(crate) service_request_id: String,
    pub(crate) work_order_id: String,
    pub(crate) customer_id: String,
}

/// Where a record belongs, as its own events and those of its case have told so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) org_unit_id: String,
    pub(crate) technician_id: String,
    pub(crate) partner_id: String,
    pub(crate) service_request_id: String,
    pub(crate) customer_id: String,
}

/// One change of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its place in the one order of all changes: 1, 2, 3, without holes.
    pub(crate) number: i64,
    /// Id of the event that told of it.
    pub(crate) event_id: String,
    pub(crate) service: String,
    pub(crate) record_kind: String,
    pub(crate) record_id: String,
    pub(crate) record_version: i64,
    pub(crate) fact: String,
    pub(crate) state: String,
    pub(crate) place: Place,
    pub(crate) former_technician_id: String,
    pub(crate) work_order_id: String,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) recorded_at: DateTime<Utc>,
}

impl Change {
    /// The kind of thing that happened, as webhooks name it: `work_order.assigned`.
    pub(crate) fn kind(&self) -> String {
        format!("{}.{}", self.record_kind, self.fact)
    }

    /// What changes are kept in order by: the case, or the record itself where there is none.
    pub(crate) fn case(&self) -> &str {
        if self.place.service_request_id.is_empty() { &self.record_id } else { &self.place.service_request_id }
    }
}

/// Puts together where a record belongs: what the event says, else what was known of the record, else what is known of
/// its visit and its case. The second value is the technician that the record leaves by this event.
pub(crate) fn locate(facts: &Facts, known: &Place, visit: &Place, case: &Place) -> (Place, String) {
    let first = |all: [&String; 4]| all.into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default();
    // An event that has the field and leaves it empty says that there is no technician (any more).
    let technician_id = match &facts.technician_id {
        Some(said) => said.clone(),
        None if known.technician_id.is_empty() => visit.technician_id.clone(),
        None => known.technician_id.clone(),
    };
    let former = if known.technician_id == technician_id { String::new() } else { known.technician_id.clone() };
    let place = Place {
        org_unit_id: first([&facts.org_unit_id, &known.org_unit_id, &visit.org_unit_id, &case.org_unit_id]),
        technician_id,
        partner_id: first([&facts.partner_id, &known.partner_id, &visit.partner_id, &case.partner_id]),
        service_request_id: first([
            &facts.service_request_id,
            &known.service_request_id,
            &visit.service_request_id,
            &case.service_request_id,
        ]),
        customer_id: first([&facts.customer_id, &known.customer_id, &visit.customer_id, &case.customer_id]),
    };
    (place, former)
}

/// What one reader wants to be told, and may be.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) kinds: BTreeSet<String>,
    pub(crate) record_ids: BTreeSet<String>,
}

impl Wish {
    /// Whether the reader asked for it.
    pub(crate) fn wants(&self, change: &Change) -> bool {
        let place = &change.place;
        let about = [
            &change.record_id,
            &change.work_order_id,
            &change.former_technician_id,
            &place.service_request_id,
            &place.customer_id,
            &place.technician_id,
        ];
        (self.kinds.is_empty() || self.kinds.contains(&change.record_kind))
            && (self.record_ids.is_empty() || about.iter().any(|id| self.record_ids.contains(*id)))
    }
}

/// Whether a change lies within somebody's reach. What belongs to no organisation unit is seen by those who see all.
pub(crate) fn within(reach: &Reach, change: &Change) -> bool {
    let place = &change.place;
    match reach {
        Reach::All => true,
        Reach::Units(units) => !place.org_unit_id.is_empty() && units.contains(&place.org_unit_id),
        Reach::Technician { id, .. } => {
            !id.is_empty() && [&place.technician_id, &change.former_technician_id, &change.record_id].contains(&id)
        }
        Reach::Partner(id) => !id.is_empty() && *id == place.partner_id,
        Reach::Link(link) => {
            let ids = [&change.record_id, &change.work_order_id, &place.service_request_id];
            !link.record_id.is_empty() && ids.iter().any(|id| **id == link.record_id)
        }
        Reach::Own(_) | Reach::Nothing => false,
    }
}

#[cfg(test)]
mod tests {
    use common::record::Link;

    use super::*;

    fn change() -> Change {
        let at = DateTime::UNIX_EPOCH;
        Change {
            number: 1,
            event_id: "e1".to_owned(),
            service: "dispatch".to_owned(),
            record_kind: "work_order".to_owned(),
            record_id: "wo_1".to_owned(),
            record_version: 3,
            fact: "assigned".to_owned(),
            state: "assigned".to_owned(),
            place: Place {
                org_unit_id: "east".to_owned(),
                technician_id: "te_new".to_owned(),
                partner_id: "pa_1".to_owned(),
                service_request_id: "sr_1".to_owned(),
                customer_id: "cu_1".to_owned(),
            },
            former_technician_id: "te_old".to_owned(),
            work_order_id: "wo_1".to_owned(),
            occurred_at: at,
            recorded_at: at,
        }
    }

    #[test]
    fn everybody_sees_their_own_and_nothing_else() {
        let technician = |id: &str| Reach::Technician { id: id.to_owned(), org_unit_id: "east".to_owned() };
        let link = |id: &str| Reach::Link(Link { purpose: "progress".to_owned(), record_id: id.to_owned() });
        for (reach, sees) in [
            (Reach::All, true),
            (Reach::Units(vec!["west".to_owned(), "east".to_owned()]), true),
            (Reach::Units(vec!["west".to_owned()]), false),
            (Reach::Units(Vec::new()), false),
            (technician("te_new"), true),
            (technician("te_old"), true),
            (technician("te_other"), false),
            (technician(""), false),
            (Reach::Partner("pa_1".to_owned()), true),
            (Reach::Partner("pa_2".to_owned()), false),
            (Reach::Partner(String::new()), false),
            (link("sr_1"), true),
            (link("wo_1"), true),
            (link("sr_2"), false),
            (link(""), false),
            (Reach::Nothing, false),
        ] {
            assert_eq!(within(&reach, &change()), sees, "{reach:?}");
        }
        let nobodys = Change { place: Place::default(), former_technician_id: String::new(), ..change() };
        for reach in [Reach::Units(vec![String::new()]), technician(""), Reach::Partner(String::new()), link("")] {
            assert!(!within(&reach, &nobodys), "{reach:?}");
        }
    }

    #[test]
    fn a_reader_is_told_what_was_asked_for() {
        let wish = |kinds: &[&str], ids: &[&str]| Wish {
            kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
            record_ids: ids.iter().map(|&id| id.to_owned()).collect(),
        };
        for (wish, wants) in [
            (wish(&[], &[]), true),
            (wish(&["work_order"], &[]), true),
            (wish(&["complaint"], &[]), false),
            (wish(&[], &["sr_1"]), true),
            (wish(&[], &["cu_1", "x"]), true),
            (wish(&["complaint"], &["sr_1"]), false),
            (wish(&[], &["sr_2"]), false),
        ] {
            assert_eq!(wish.wants(&change()), wants, "{wish:?}");
        }
    }

    #[test]
    fn a_record_stays_where_it_was_last_said_to_be() {
        let known = Place { technician_id: "te_1".to_owned(), org_unit_id: "east".to_owned(), ..Place::default() };
        let case = Place { partner_id: "pa_1".to_owned(), org_unit_id: "west".to_owned(), ..Place::default() };
        let silent = Facts::default();
        let (place, former) = locate(&silent, &known, &Place::default(), &case);
        assert_eq!((&*place.technician_id, &*place.org_unit_id, &*place.partner_id), ("te_1", "east", "pa_1"));
        assert_eq!(former, "");
        let taken_away = Facts { technician_id: Some(String::new()), ..Facts::default() };
        let (place, former) = locate(&taken_away, &known, &Place::default(), &case);
        assert_eq!((&*place.technician_id, &*former), ("", "te_1"));
        let moved = Facts { technician_id: Some("te_2".to_owned()), ..Facts::default() };
        let (place, former) = locate(&moved, &known, &Place::default(), &case);
        assert_eq!((&*place.technician_id, &*former), ("te_2", "te_1"));
        let (place, _) = locate(&silent, &Place::default(), &known, &case);
        assert_eq!(&*place.technician_id, "te_1", "what serves a visit concerns its technician");
    }
}
