//! The table of HTTP mappings, read from the descriptors, and the search in it.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use proto::google::api::{HttpRule, http_rule::Pattern};

use super::template::{Segment, Template};
use crate::contract::Rpc;

/// Where the HTTP body goes.
#[derive(Clone, Debug)]
pub(crate) enum BodyRule {
    /// There is none: what the path does not fill comes from the query.
    None,
    /// It is the whole message but what the path fills; there is no query.
    Whole,
    /// It is this field; the rest comes from the query.
    Field(FieldDescriptor),
}

/// A variable of the path with its field, from the request down.
#[derive(Clone, Debug)]
pub(crate) struct PathField {
    pub(crate) fields: Vec<FieldDescriptor>,
    pub(crate) start: usize,
    /// `None`: all that is left.
    pub(crate) end: Option<usize>,
    pub(crate) single: bool,
}

/// One HTTP mapping of one RPC.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) rpc: Rpc,
    /// The HTTP method; `None` takes any.
    pub(crate) method: Option<Method>,
    pub(crate) template: Template,
    pub(crate) path_fields: Vec<PathField>,
    pub(crate) body: BodyRule,
    /// The field of the answer that becomes the body; `None` for the whole answer.
    pub(crate) response_body: Option<FieldDescriptor>,
}

/// All mappings, in a tree by path segment.
#[derive(Debug, Default)]
pub(crate) struct Table {
    bindings: Vec<Binding>,
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    one: Option<Box<Node>>,
    ends: HashMap<String, Vec<usize>>,
    rest: HashMap<String, Vec<usize>>,
}

/// What the search found.
#[derive(Debug)]
pub(crate) enum Found<'t, 'p> {
    /// A mapping, and the path's segments as they were sent, the verb cut off.
    Binding(&'t Binding, Vec<&'p str>),
    /// The path is known, the method is not; these are.
    Methods(BTreeSet<String>),
    /// Nothing of that path.
    Nothing,
}

impl Table {
    /// Reads the mappings of all public RPCs; two mappings of one method and path are a fault of the contract.
    pub(crate) fn read(rpcs: &[Rpc]) -> Result<Self> {
        let mut table = Self::default();
        for rpc in rpcs.iter().filter(|rpc| rpc.exposed && !rpc.method.is_client_streaming()) {
            for rule in std::iter::once(&rpc.http).chain(&rpc.http.additional_bindings) {
                let binding = binding(rpc, rule).with_context(|| rpc.method.full_name().to_owned())?;
                table.insert(binding)?;
            }
        }
        Ok(table)
    }

    /// All mappings, in the order of the contract.
    pub(crate) fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    fn insert(&mut self, binding: Binding) -> Result<()> {
        let index = self.bindings.len();
        let mut node = &mut self.root;
        let mut rest = false;
        for segment in &binding.template.segments {
            match segment {
                Segment::Literal(text) => node = node.literals.entry(text.clone()).or_default(),
                Segment::One => node = node.one.get_or_insert_default(),
                Segment::Rest => rest = true,
            }
        }
        let ends = if rest { &mut node.rest } else { &mut node.ends };
        let ends = ends.entry(binding.template.verb.clone()).or_default();
        for other in ends.iter().map(|other| &self.bindings[*other]) {
            if other.method == binding.method || other.method.is_none() || binding.method.is_none() {
                bail!(
                    "{} and {} have the same HTTP mapping",
                    other.rpc.method.full_name(),
                    binding.rpc.method.full_name()
                );
            }
        }
        ends.push(index);
        self.bindings.push(binding);
        Ok(())
    }

    /// Finds the mapping of a method and a path; literal segments win over variable ones.
    pub(crate) fn find<'t, 'p>(&'t self, method: &Method, path: &'p str) -> Found<'t, 'p> {
        let Some(path) = path.strip_prefix('/') else { return Found::Nothing };
        let whole: Vec<&str> = path.split('/').collect();
        let mut allowed = BTreeSet::new();
        let split = whole.last().and_then(|last| last.rsplit_once(':'));
        let with_verb = split.map(|(last, verb)| {
            let mut segments = whole.clone();
            segments.pop();
            segments.push(last);
            (segments, verb)
        });
        for (segments, verb) in with_verb.into_iter().chain([(whole, "")]) {
            let plain: Vec<String> = segments.iter().map(|segment| decode(segment)).collect();
            let search = Search { table: self, method, verb, segments: &plain };
            if let Some(binding) = search.walk(&self.root, 0, &mut allowed) {
                return Found::Binding(binding, segments);
            }
            // The action is there, for another method: then its colon is not a part of an id.
            if !allowed.is_empty() {
                break;
            }
        }
        if allowed.is_empty() { Found::Nothing } else { Found::Methods(allowed) }
    }
}

fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

struct Search<'t, 's> {
    table: &'t Table,
    method: &'s Method,
    verb: &'s str,
    segments: &'s [String],
}

impl<'t> Search<'t, '_> {
    fn walk(&self, node: &'t Node, at: usize, allowed: &mut BTreeSet<String>) -> Option<&'t Binding> {
        let Some(segment) = self.segments.get(at) else {
            return self.pick(&node.ends, allowed).or_else(|| self.pick(&node.rest, allowed));
        };
        if let Some(next) = node.literals.get(segment)
            && let Some(found) = self.walk(next, at + 1, allowed)
        {
            return Some(found);
        }
        if let Some(next) = &node.one
            && !segment.is_empty()
            && let Some(found) = self.walk(next, at + 1, allowed)
        {
            return Some(found);
        }
        self.pick(&node.rest, allowed)
    }

    fn pick(&self, ends: &HashMap<String, Vec<usize>>, allowed: &mut BTreeSet<String>) -> Option<&'t Binding> {
        let candidates = ends.get(self.verb)?.iter().map(|index| &self.table.bindings[*index]);
        for binding in candidates {
            match &binding.method {
                None => return Some(binding),
                Some(method) if method == self.method => return Some(binding),
                Some(method) => {
                    allowed.insert(method.to_string());
                }
            }
        }
        None
    }
}

fn binding(rpc: &Rpc, rule: &HttpRule) -> Result<Binding> {
    let (method, path) = match rule.pattern.as_ref().context("no pattern")? {
        Pattern::Get(path) => (Some(Method::GET), path),
        Pattern::Put(path) => (Some(Method::PUT), path),
        Pattern::Post(path) => (Some(Method::POST), path),
        Pattern::Delete(path) => (Some(Method::DELETE), path),
        Pattern::Patch(path) => (Some(Method::PATCH), path),
        Pattern::Custom(custom) if custom.kind == "*" => (None, &custom.path),
        Pattern::Custom(custom) => (Some(custom.kind.parse()?), &custom.path),
    };
    let template = Template::parse(path)?;
    let input = rpc.method.input();
    let path_fields = template
        .variables
        .iter()
        .map(|variable| {
            let names: Vec<&str> = variable.field.iter().map(String::as_str).collect();
            let fields = fields(&input, &names).with_context(|| format!("{path}: no field {}", names.join(".")))?;
            let leaf = fields.last().context("a field path is never empty")?;
            ensure!(!leaf.is_list() && !leaf.is_map(), "{path}: a path variable is one value");
            ensure!(!matches!(leaf.kind(), Kind::Message(_)), "{path}: a path variable is no message");
            Ok(PathField { fields, start: variable.start, end: variable.end, single: variable.single })
        })
        .collect::<Result<_>>()?;
    let body = match rule.body.as_str() {
        "" => BodyRule::None,
        "*" => BodyRule::Whole,
        name => BodyRule::Field(input.get_field_by_name(name).with_context(|| format!("no body field {name}"))?),
    };
    let response_body = match rule.response_body.as_str() {
        "" => None,
        name => Some(rpc.method.output().get_field_by_name(name).with_context(|| format!("no answer field {name}"))?),
    };
    Ok(Binding { rpc: rpc.clone(), method, template, path_fields, body, response_body })
}

/// The fields along a dotted path, by proto or JSON name.
pub(crate) fn fields(message: &MessageDescriptor, names: &[&str]) -> Option<Vec<FieldDescriptor>> {
    let mut message = Some(message.clone());
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let present = message.take()?;
        let field = present.get_field_by_name(name).or_else(|| present.get_field_by_json_name(name))?;
        if let Kind::Message(inner) = field.kind()
            && !field.is_list()
            && !field.is_map()
        {
            message = Some(inner);
        }
        found.push(field);
    }
    Some(found)
}
