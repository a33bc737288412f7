//! Random calls of every public RPC, made from the descriptors: none is a failure of ours, and the same request gives the
//! same answer over both surfaces. `AFTERCARE_FULL=1` makes ten times as many, and more.

use std::collections::BTreeMap;

use futures::future::join_all;
use harness::{Faults, Platform, Shape, Surface, contract};
use http::HeaderValue;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, MethodDescriptor, Value as Field,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tonic::Code;

use crate::wire::{Refused, Wire, public_rpcs};

/// Callers at once, each with random numbers of its own.
const CALLERS: u64 = 4;
/// Ids that are remembered to be asked for.
const REMEMBERED: usize = 2_000;
/// Messages in messages.
const DEPTH: u32 = 3;

const TEXTS: &[&str] = &[
    "",
    "a",
    "nonsense",
    "王秀英",
    "上海市",
    "310104",
    "+8613800138000",
    "WM01",
    "WM-80S",
    "appliance.washer",
    "CNY",
    "Asia/Shanghai",
    "2026-11-22",
    "2026-02-30",
    "08:00",
    "25:99",
    "create_time desc",
    "../../etc/passwd",
    "' OR 1=1 --",
    "%00%ff",
    "\u{0}",
    "\u{202e}\u{1f9ff}",
    "{placeholder}",
    "999999999999999999999999",
];

/// What a well-meant call says.
const TAME: &[&str] = &["", "", "a", "王秀英", "310104", "+8613800138000", "WM01", "WM-80S", "2026-11-22", "en"];

struct Fuzz {
    random: StdRng,
    ids: Vec<String>,
    /// Whether the present call is well meant: nothing absurd in it, so that it comes past the rules of single fields.
    tame: bool,
}

/// What was seen of all callers together.
#[derive(Default)]
struct Seen {
    calls: usize,
    pairs: usize,
    answered: usize,
    codes: BTreeMap<String, usize>,
    problems: Vec<String>,
}

impl Fuzz {
    fn below(&mut self, most: usize) -> usize {
        self.random.random_range(0..most)
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn text(&mut self, field: &FieldDescriptor) -> String {
        if field.name().ends_with("_id") && !self.ids.is_empty() && self.chance(70) {
            let at = self.below(self.ids.len());
            return self.ids[at].clone();
        }
        if self.tame {
            return if field.name().ends_with("_id") { String::new() } else { TAME[self.below(TAME.len())].to_owned() };
        }
        match self.below(20) {
            0 => "长".repeat(self.below(3_000)),
            1 => (0..self.below(20)).map(|_| self.random.random::<char>()).collect(),
            _ => TEXTS[self.below(TEXTS.len())].to_owned(),
        }
    }

    fn number(&mut self) -> i64 {
        if self.tame {
            return self.random.random_range(0..10);
        }
        match self.below(8) {
            0 => i64::MAX,
            1 => i64::MIN,
            2 => -1,
            3 => self.random.random(),
            _ => self.random.random_range(0..1_000),
        }
    }

    fn value(&mut self, field: &FieldDescriptor, depth: u32) -> Field {
        match field.kind() {
            Kind::String => Field::String(self.text(field)),
            Kind::Bytes => Field::Bytes((0..self.below(40)).map(|_| self.random.random()).collect()),
            Kind::Bool => Field::Bool(self.chance(50)),
            Kind::Double => Field::F64(
                [0.0, 31.2, 21.4, -1.5, 1e300, f64::NAN, f64::INFINITY][self.below(if self.tame { 3 } else { 7 })],
            ),
            Kind::Float => Field::F32([0.0, 31.2, -1.5, f32::NAN][self.below(if self.tame { 2 } else { 4 })]),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Field::I32(self.number() as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Field::I64(self.number()),
            Kind::Uint32 | Kind::Fixed32 => Field::U32(self.number() as u32),
            Kind::Uint64 | Kind::Fixed64 => Field::U64(self.number() as u64),
            Kind::Enum(kind) => {
                let values: Vec<i32> = kind.values().map(|value| value.number()).collect();
                let at = self.below(values.len() + usize::from(!self.tame));
                Field::EnumNumber(values.get(at).copied().unwrap_or(9_999))
            }
            Kind::Message(kind) => Field::Message(self.message(&kind, depth + 1)),
        }
    }

    /// A message of this kind: mostly what could be meant, sometimes anything.
    fn message(&mut self, kind: &MessageDescriptor, depth: u32) -> DynamicMessage {
        let mut message = DynamicMessage::new(kind.clone());
        if kind.full_name() == "google.protobuf.Timestamp" && self.chance(90) {
            let seconds = 1_790_000_000 + self.random.random_range(-50_000_000..50_000_000_i64);
            message.set_field_by_name("seconds", Field::I64(seconds));
            return message;
        }
        for field in kind.fields() {
            let deep = matches!(field.kind(), Kind::Message(_)) && depth >= DEPTH;
            // Tokens and orders are sound only where they belong.
            let odd = self.tame && matches!(field.name(), "page_token" | "order_by" | "etag");
            if deep || odd || !self.chance(if self.tame { 45 } else { 60 }) {
                continue;
            }
            let value = if field.is_map() {
                Field::Map([(MapKey::String("key".to_owned()), Field::String("value".to_owned()))].into())
            } else if field.is_list() {
                let length = self.below(4);
                Field::List((0..length).map(|_| self.value(&field, depth)).collect())
            } else if field.name() == "page_size" {
                Field::I32([0, 1, 10, -1, i32::MAX][self.below(if self.tame { 3 } else { 5 })])
            } else {
                self.value(&field, depth)
            };
            // A map with other types than texts stays empty.
            let _ = message.try_set_field(&field, value);
        }
        message
    }

    /// Keeps the ids of an answer to ask for them later.
    fn remember(&mut self, answer: &Value) {
        match answer {
            Value::String(text) => {
                let id = text.split_once('_').is_some_and(|(prefix, rest)| prefix.len() <= 3 && rest.len() == 26);
                if id && self.ids.len() < REMEMBERED {
                    self.ids.push(text.clone());
                }
            }
            Value::Array(values) => values.iter().take(5).for_each(|value| self.remember(value)),
            Value::Object(object) => object.values().for_each(|value| self.remember(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

type Answer = Result<Value, Box<Refused>>;

/// What is wrong with an answer by itself.
fn problem(answer: &Answer) -> Option<String> {
    let refused = answer.as_ref().err()?;
    let ours = matches!(
        refused.code,
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Unimplemented | Code::Unavailable | Code::Cancelled
    );
    (ours || refused.reason.is_empty()).then(|| format!("{refused:?}"))
}

/// What both surfaces must agree on.
fn essence(answer: &Answer) -> Result<&Value, (Code, &str, &[String])> {
    answer.as_ref().map_err(|refused| (refused.code, refused.reason.as_str(), refused.fields.as_slice()))
}

fn is_file(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(message) if message.full_name() == "google.api.HttpBody")
}

/// Whether the request can be said over REST at all: its path must be whole, its values must exist in JSON.
fn sayable(rpc: &MethodDescriptor, message: &DynamicMessage) -> bool {
    let Ok(call) = contract::rest(rpc, message) else { return false };
    // Over REST there always is a file, and its type is a header.
    let file = match &call.file {
        Some((kind, _)) => {
            kind.trim() == kind
                && HeaderValue::from_str(kind).is_ok()
                && rpc.input().fields().all(|field| !is_file(&field) || message.has_field(&field))
        }
        None => true,
    };
    let path = call.target.split('?').next().unwrap_or_default();
    // A dot segment is a way through a tree for HTTP clients, not a name.
    file && !path
        .split('/')
        .skip(1)
        .any(|segment| segment.is_empty() || segment.starts_with(':') || segment.starts_with('.'))
        && contract::json(message)
            .is_ok_and(|json| contract::from_json(rpc.input(), json).is_ok_and(|again| again == *message))
}

/// One random call, and every fourth time the same over REST.
async fn one(wire: &Wire, fuzz: &mut Fuzz, rpc: &MethodDescriptor, number: usize, seen: &mut Seen) {
    fuzz.tame = fuzz.chance(60);
    let mut message = fuzz.message(&rpc.input(), 0);
    if rpc.input().get_field_by_name("request_id").is_some() {
        let id = format!("fuzz-{:016x}", fuzz.random.random::<u64>());
        message.set_field_by_name("request_id", Field::String(id));
    }
    let answer = wire.send(Surface::Grpc, rpc, &message, "en").await;
    seen.calls += 1;
    let code = answer.as_ref().err().map_or(Code::Ok, |refused| refused.code);
    *seen.codes.entry(format!("{code:?}")).or_default() += 1;
    let what = || format!("{} {message:?}", rpc.full_name()).chars().take(1_500).collect::<String>();
    seen.problems.extend(problem(&answer).map(|problem| format!("{}\n  {problem}", what())));
    if let Ok(answer) = &answer {
        seen.answered += 1;
        fuzz.remember(answer);
    }
    // With its request id a write gives its first answer again; what changes nothing gives the same.
    let repeatable = message.has_field_by_name("request_id") || rpc.name().starts_with("Get");
    let file = rpc.output().full_name() == "google.api.HttpBody";
    if !number.is_multiple_of(4) || !repeatable || file || !sayable(rpc, &message) {
        return;
    }
    let other = wire.send(Surface::Rest, rpc, &message, "en").await;
    seen.pairs += 1;
    seen.problems.extend(problem(&other).map(|problem| format!("REST {}\n  {problem}", what())));
    // REST shows empty fields as well: read as the message that it is.
    let other = other.map(|body| {
        let message = contract::from_json(rpc.output(), body).expect("an answer of the contract");
        contract::json(&message).expect("JSON")
    });
    if essence(&answer) == essence(&other) {
        return;
    }
    // Another caller may have changed something between the two, or the answer tells the time: what stays the same over
    // one surface must be the same over the other.
    let again = wire.send(Surface::Grpc, rpc, &message, "en").await;
    if essence(&again) == essence(&answer) {
        let both = format!("grpc {:?}\n  rest {:?}", essence(&again), essence(&other));
        seen.problems.push(format!("{}\n  {both}", what()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_calls_never_find_a_failure_of_ours_and_both_surfaces_agree() {
    let calls: usize = if std::env::var("AFTERCARE_FULL").is_ok() { 100_000 } else { 10_000 };
    let platform = Platform::start(Shape::OneProcess, Surface::Rest, Faults::None).await;
    let wire = Wire::to(&platform);
    let unary = |rpc: &MethodDescriptor| !rpc.is_server_streaming() && !rpc.is_client_streaming();
    let rpcs: Vec<_> = public_rpcs().into_iter().filter(unary).collect();
    assert!(rpcs.len() > 100, "only {} RPCs", rpcs.len());
    let callers = (0..CALLERS).map(|caller| {
        let (wire, rpcs) = (wire.clone(), rpcs.clone());
        tokio::spawn(async move {
            let mut fuzz = Fuzz { random: StdRng::seed_from_u64(20_261_122 + caller), ids: Vec::new(), tame: false };
            let mut seen = Seen::default();
            for number in 0..calls / CALLERS as usize {
                let rpc = &rpcs[fuzz.below(rpcs.len())];
                one(&wire, &mut fuzz, rpc, number, &mut seen).await;
            }
            seen
        })
    });
    let mut all = Seen::default();
    for seen in join_all(callers).await {
        let seen = seen.expect("a caller that does not panic");
        all.calls += seen.calls;
        all.pairs += seen.pairs;
        all.answered += seen.answered;
        all.problems.extend(seen.problems);
        for (code, times) in seen.codes {
            *all.codes.entry(code).or_default() += times;
        }
    }
    #[expect(clippy::print_stdout, reason = "the figures are what this is run for")]
    {
        println!("{} calls, {} pairs, {} answered: {:?}", all.calls, all.pairs, all.answered, all.codes);
    }
    let shown: Vec<_> = all.problems.iter().take(20).map(String::as_str).collect();
    assert!(all.problems.is_empty(), "{} problems:\n{}", all.problems.len(), shown.join("\n"));
    assert!(all.answered * 20 >= all.calls, "only {} of {} calls got past the rules", all.answered, all.calls);
    assert!(all.pairs * 20 >= all.calls, "only {} pairs", all.pairs);
    platform.stop().await;
}
