//! Who goes first when not everybody can be served, and which calls may be repeated: said once, in one table, derived
//! from the contract.

use std::collections::{BTreeMap, HashMap};

use prost_reflect::{Kind, MethodDescriptor};
use proto::{aftercare::access::v1::Role, google::api::http_rule::Pattern};

use crate::contract::{Contract, Rpc};

/// Whoever stands further down is shed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Files and streams of many records.
    Export,
    /// Pages of records, and documents made of them.
    List,
    /// One record.
    Read,
    /// Whatever changes something: cases being taken in and worked on at a desk.
    Intake,
    /// Technicians at the customer's, what their phones bring along, and emergencies.
    Field,
}

impl Class {
    /// All of them, first to be shed first.
    pub(crate) const ALL: [Self; 5] = [Self::Export, Self::List, Self::Read, Self::Intake, Self::Field];

    /// The part of the room that calls of this class may fill.
    pub(crate) fn share(self) -> f64 {
        match self {
            Self::Export => 0.5,
            Self::List => 0.6,
            Self::Read => 0.7,
            Self::Intake => 0.8,
            Self::Field => 1.0,
        }
    }

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::List => "list",
            Self::Read => "read",
            Self::Intake => "intake",
            Self::Field => "field",
        }
    }
}

/// Whether a rule of the table is about an RPC.
type Fits = fn(&Rpc) -> bool;

/// The table: the first rule that fits says the class.
const TABLE: [(Fits, Class); 7] = [
    // Opening it is little; what it then costs is bounded where it is served.
    (|rpc| named(rpc, &["Watch"]), Class::Read),
    (|rpc| rpc.method.is_server_streaming() || named(rpc, &["Export", "Import"]), Class::Export),
    (|rpc| named(rpc, &["Sync"]), Class::Field),
    (|rpc| writes(rpc) && rpc.access.roles().any(|role| role == Role::Technician), Class::Field),
    (writes, Class::Intake),
    (|rpc| rpc.method.input().get_field_by_name("page_size").is_some() || prints(rpc), Class::List),
    (|_| true, Class::Read),
];

fn named(rpc: &Rpc, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| rpc.method.name().starts_with(beginning))
}

/// Whether it answers with a document, which takes a processor longer than a record does.
fn prints(rpc: &Rpc) -> bool {
    rpc.method.output().full_name() == "google.api.HttpBody"
}

fn writes(rpc: &Rpc) -> bool {
    !matches!(rpc.http.pattern, Some(Pattern::Get(_)))
}

/// Whether a call that got no answer may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nobody knows what it did.
    Never,
    /// It changes nothing.
    Always,
    /// When this field, its request id, is filled: its service gives the first answer again.
    WithRequestId(u32),
}

/// What the door must know of an RPC before it lets a call in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Number of the RPC, for what is learned of it.
    pub(crate) index: usize,
    /// Number of the service that serves it.
    pub(crate) upstream: usize,
    pub(crate) class: Class,
    pub(crate) repeat: Repeat,
    /// Neither its request nor its answer is one message only.
    pub(crate) streams: bool,
    /// The enum field that says how urgent the matter is, and its highest value.
    pub(crate) urgency: Option<(u32, i32)>,
}

/// The plans of all RPCs.
#[derive(Debug)]
pub(crate) struct Plans {
    by_path: HashMap<String, Plan>,
    /// How many services there are.
    pub(crate) upstreams: usize,
    /// How many RPCs there are.
    pub(crate) rpcs: usize,
}

impl Plans {
    pub(crate) fn read(contract: &Contract) -> Self {
        let mut upstreams = BTreeMap::new();
        let by_path = contract.rpcs.iter().enumerate().map(|(index, rpc)| {
            let next = upstreams.len();
            let package = rpc.method.parent_service().package_name().to_owned();
            let upstream = *upstreams.entry(package).or_insert(next);
            (rpc.path.clone(), plan(index, upstream, rpc))
        });
        let by_path: HashMap<_, _> = by_path.collect();
        Self { rpcs: contract.rpcs.len(), upstreams: upstreams.len(), by_path }
    }

    /// The plan of an RPC of the contract.
    pub(crate) fn of(&self, path: &str) -> Option<Plan> {
        self.by_path.get(path).copied()
    }
}

fn plan(index: usize, upstream: usize, rpc: &Rpc) -> Plan {
    let class = TABLE.iter().find(|(fits, _)| fits(rpc)).map_or(Class::Read, |(_, class)| *class);
    let repeat = match rpc.method.input().get_field_by_name("request_id") {
        Some(field) if field.kind() == Kind::String => Repeat::WithRequestId(field.number()),
        Some(_) | None if writes(rpc) => Repeat::Never,
        Some(_) | None => Repeat::Always,
    };
    let streams = rpc.method.is_server_streaming() || rpc.method.is_client_streaming();
    Plan { index, upstream, class, repeat, streams, urgency: urgency(&rpc.method) }
}

fn urgency(method: &MethodDescriptor) -> Option<(u32, i32)> {
    let field = method.input().get_field_by_name("urgency")?;
    let Kind::Enum(kind) = field.kind() else { return None };
    let highest = kind.values().find(|value| value.name().ends_with("_EMERGENCY"))?;
    Some((field.number(), highest.number()))
}

/// What of an encoded message the door looks at, without the rest: a text that is not empty, a number. The last one of a
/// field counts, as everywhere in protobuf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glimpse {
    /// Length of the text.
    pub(crate) text: usize,
    /// The number.
    pub(crate) number: u64,
}

/// Looks for a top-level field of an encoded message; a message that is none has nothing in it.
pub(crate) fn glimpse(message: &[u8], field: u32) -> Glimpse {
    use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
    let mut left = message;
    let mut found = Glimpse::default();
    while !left.is_empty() {
        let Ok((tag, wire)) = decode_key(&mut left) else { break };
        match wire {
            WireType::LengthDelimited if tag == field => {
                let Ok(length) = decode_varint(&mut left) else { break };
                let Some(rest) = usize::try_from(length).ok().and_then(|length| left.get(length..)) else { break };
                found.text = left.len() - rest.len();
                left = rest;
            }
            WireType::Varint if tag == field => {
                let Ok(number) = decode_varint(&mut left) else { break };
                found.number = number;
            }
            wire => {
                if skip_field(wire, tag, &mut left, DecodeContext::default()).is_err() {
                    break;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use proto::aftercare::intake::v1::{CreateServiceRequestRequest, Urgency};

    use super::*;

    fn plans() -> (Contract, Plans) {
        let contract = Contract::read(proto::DESCRIPTORS).unwrap();
        let plans = Plans::read(&contract);
        (contract, plans)
    }

    #[test]
    fn the_order_of_shedding_is_that_of_the_specification() {
        let (_, plans) = plans();
        let class = |rpc: &str| plans.of(rpc).unwrap_or_else(|| panic!("no {rpc}")).class;
        for (rpc, expected) in [
            ("/aftercare.dispatch.v1.DispatchService/CompleteWorkOrder", Class::Field),
            ("/aftercare.dispatch.v1.DispatchService/ArriveWorkOrder", Class::Field),
            ("/aftercare.intake.v1.IntakeService/CreateServiceRequest", Class::Intake),
            ("/aftercare.dispatch.v1.DispatchService/AssignWorkOrder", Class::Intake),
            ("/aftercare.intake.v1.IntakeService/GetCustomer", Class::Read),
            ("/aftercare.intake.v1.IntakeService/ListCustomers", Class::List),
            ("/aftercare.gateway.v1.TimelineService/GetCustomerTimeline", Class::List),
            ("/aftercare.gateway.v1.FileService/GetServiceReport", Class::List),
        ] {
            assert_eq!(class(rpc), expected, "{rpc}");
        }
        assert!(Class::ALL.is_sorted(), "first to be shed first");
        assert!(Class::ALL.map(Class::share).is_sorted());
    }

    #[test]
    fn only_what_changes_nothing_or_has_a_request_id_is_repeated() {
        let (contract, plans) = plans();
        let mut with_id = 0;
        for rpc in &contract.rpcs {
            let plan = plans.of(&rpc.path).unwrap();
            match plan.repeat {
                Repeat::Always => assert!(!writes(rpc), "{} writes", rpc.path),
                Repeat::WithRequestId(number) => {
                    assert_eq!(rpc.method.input().get_field(number).unwrap().name(), "request_id");
                    with_id += 1;
                }
                Repeat::Never => assert!(writes(rpc), "{}", rpc.path),
            }
        }
        assert!(with_id > 50, "only {with_id}");
    }

    #[test]
    fn an_emergency_and_a_request_id_are_seen_in_the_encoded_message() {
        let (_, plans) = plans();
        let plan = plans.of("/aftercare.intake.v1.IntakeService/CreateServiceRequest").unwrap();
        let (urgency, highest) = plan.urgency.unwrap();
        let Repeat::WithRequestId(id) = plan.repeat else { panic!("no request id") };
        let mut request = CreateServiceRequestRequest {
            request_id: "r-1".to_owned(),
            description: "漏电".to_owned(),
            urgency: Urgency::Emergency.into(),
            ..Default::default()
        };
        let bytes = request.encode_to_vec();
        assert_eq!(glimpse(&bytes, urgency).number, u64::try_from(highest).unwrap());
        assert_eq!(glimpse(&bytes, id).text, 3);
        request.request_id.clear();
        request.urgency = Urgency::Normal.into();
        let bytes = request.encode_to_vec();
        assert_eq!((glimpse(&bytes, urgency).number, glimpse(&bytes, id).text), (1, 0));
        for nonsense in [&b"\xff\xff\xff"[..], b"\x0a\xff\xff\xff\xff\x0f", b"\x0b", &bytes[..bytes.len() - 1]] {
            glimpse(nonsense, 1);
        }
    }
}
