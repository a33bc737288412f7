//! Calls at the door: who read a single record with personal data, who was refused, and from where each change came.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::LazyLock,
};

use common::record::{Actor, Role};
use http::HeaderMap;
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
};
use tonic::Code;

use super::{Buffer, Entry};
use crate::contract::Rpc;

/// What a call leaves behind when it went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    /// Nothing: a list, or a record without personal data.
    Nothing,
    /// That somebody saw a person's data.
    Read,
    /// From where a change came; what was changed is told by the record's owner, under the same trace.
    Change,
}

/// By the path of the call.
static LEAVES: LazyLock<HashMap<String, Leaves>> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap_or_default();
    let personal = pool.get_extension_by_name("aftercare.access.v1.personal");
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods
        .map(|method| {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let reads = ["Get", "List", "Find", "Resolve", "Watch"].iter().any(|verb| method.name().starts_with(verb));
            let shows = || personal.as_ref().is_some_and(|mark| is_personal(&method.output(), mark));
            let leaves = match method.name().starts_with("Get") {
                true if shows() => Leaves::Read,
                _ if reads => Leaves::Nothing,
                _ => Leaves::Change,
            };
            (path, leaves)
        })
        .collect()
});

/// Whether personal data stands anywhere in the message.
fn is_personal(message: &MessageDescriptor, mark: &ExtensionDescriptor) -> bool {
    let (mut open, mut seen) = (vec![message.clone()], BTreeSet::new());
    while let Some(message) = open.pop() {
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            if field.options().get_extension(mark).as_bool() == Some(true) {
                return true;
            }
            if let Kind::Message(inner) = field.kind() {
                open.push(inner);
            }
        }
    }
    false
}

/// A call under way, and what it will leave behind.
#[derive(Debug)]
pub(crate) struct Watched {
    buffer: Buffer,
    leaves: Leaves,
    entry: Entry,
}

impl Buffer {
    /// Begins to watch a call; `None` for one that leaves nothing, however it ends.
    pub(crate) fn watch(
        &self,
        rpc: &Rpc,
        actor: Option<&Actor>,
        address: Option<IpAddr>,
        metadata: &HeaderMap,
        message: &DynamicMessage,
    ) -> Option<Watched> {
        let actor = actor.filter(|actor| actor.role != Role::Service)?;
        let leaves = LEAVES.get(&rpc.path).copied().unwrap_or(Leaves::Change);
        let (kind, id) = subject(message);
        let action = match leaves {
            Leaves::Read => "read".to_owned(),
            Leaves::Nothing | Leaves::Change => format!("call.{}", rpc.method.name()),
        };
        let customer = text(message, "customer_id");
        let traceparent = metadata.get("traceparent").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let entry = Entry::new(actor, &action, &kind, &id)
            .customer(&customer)
            .seen_from(&address.map(|address| address.to_string()).unwrap_or_default())
            .trace(traceparent);
        Some(Watched { buffer: self.clone(), leaves, entry })
    }
}

impl Watched {
    /// The call ended like this.
    pub(crate) fn ended(self, code: Code) {
        let Self { buffer, leaves, entry } = self;
        match (code, leaves) {
            (Code::PermissionDenied, _) => buffer.note(entry.refused("NOT_ALLOWED")),
            (Code::Unauthenticated, _) => buffer.note(entry.refused("UNAUTHENTICATED")),
            (Code::Ok, Leaves::Read | Leaves::Change) => buffer.note(entry),
            // What changed nothing and showed nothing is no matter of the trail.
            (_, Leaves::Nothing | Leaves::Read | Leaves::Change) => {}
        }
    }
}

/// The first id of the request that is not the request's own: kind and id.
fn subject(message: &DynamicMessage) -> (String, String) {
    let descriptor = message.descriptor();
    for field in descriptor.fields() {
        let Some(kind) = field.name().strip_suffix("_id").filter(|kind| *kind != "request") else { continue };
        let id = text(message, field.name());
        if !id.is_empty() {
            return (kind.to_owned(), id);
        }
    }
    (String::new(), String::new())
}

/// A text of the request, short enough for the trail.
fn text(message: &DynamicMessage, name: &str) -> String {
    let value = message.get_field_by_name(name);
    let value = value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    if value.len() <= 100 { value } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_leaves_follows_from_the_contract() {
        for (path, leaves) in [
            ("/aftercare.intake.v1.IntakeService/GetCustomer", Leaves::Read),
            ("/aftercare.intake.v1.IntakeService/ListCustomers", Leaves::Nothing),
            ("/aftercare.intake.v1.IntakeService/UpdateCustomer", Leaves::Change),
            ("/aftercare.dispatch.v1.DispatchService/AssignWorkOrder", Leaves::Change),
            ("/aftercare.gateway.v1.AuditService/ListAuditEntries", Leaves::Nothing),
        ] {
            assert_eq!(LEAVES.get(path), Some(&leaves), "{path}");
        }
    }
}
