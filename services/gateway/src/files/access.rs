//! Who may see a file is who may see its record: the record's owner is asked, as the caller.

use std::{collections::HashMap, str::FromStr as _};

use anyhow::Context as _;
use common::{
    catalog::Language,
    error::{Error, Result, reason},
    record::Actor,
    service::Core,
};
use http::uri::PathAndQuery;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};
use tonic::Code;

use crate::{error::UNKNOWN_RECORD_KIND, rest::codec::DynamicCodec};

/// One record kind: who answers for it, and how it is asked.
#[derive(Clone, Debug)]
struct Owner {
    service: String,
    path: PathAndQuery,
    method: MethodDescriptor,
    id_field: String,
}

/// Every kind of record that has a `Get` of its own, out of the contract.
#[derive(Clone, Debug)]
pub(crate) struct Owners(HashMap<String, Owner>);

impl Owners {
    /// Reads an encoded `FileDescriptorSet`.
    pub(crate) fn read(descriptors: &[u8]) -> anyhow::Result<Self> {
        let pool = DescriptorPool::decode(descriptors)?;
        let mut owners = HashMap::new();
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let package = method.parent_service().package_name().to_owned();
            let Some(service) = package.strip_prefix("aftercare.").and_then(|rest| rest.strip_suffix(".v1")) else {
                continue;
            };
            let Some(kind) = method.name().strip_prefix("Get").map(snake) else { continue };
            let id_field = format!("{kind}_id");
            let ours = ["gateway", "common"].contains(&service);
            if ours || method.input().get_field_by_name(&id_field).is_none() {
                continue;
            }
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let path = PathAndQuery::from_str(&path).with_context(|| path.clone())?;
            owners.insert(kind, Owner { service: service.replace('_', "-"), path, method, id_field });
        }
        Ok(Self(owners))
    }

    /// Whether a record is there for this caller: `None` when not, otherwise the customer it is about (or no text).
    ///
    /// # Errors
    ///
    /// `UNKNOWN_RECORD_KIND`; `UNAVAILABLE` when the owner does not answer.
    pub(crate) async fn ask(
        &self,
        core: &Core,
        actor: &Actor,
        language: Language,
        kind: &str,
        id: &str,
    ) -> Result<Option<String>> {
        let owner = self.0.get(kind).ok_or_else(|| Error::new(UNKNOWN_RECORD_KIND).with("kind", kind))?;
        let mut question = DynamicMessage::new(owner.method.input());
        question.set_field_by_name(&owner.id_field, Value::String(id.to_owned()));
        let mut client = tonic::client::Grpc::new(core.way(&owner.service, actor, language)?);
        let silent = |status: tonic::Status| Error::new(reason::UNAVAILABLE).caused_by(status);
        client.ready().await.map_err(silent)?;
        let codec = DynamicCodec(owner.method.output());
        match client.unary(tonic::Request::new(question), owner.path.clone(), codec).await {
            Ok(answer) => {
                let record = answer.into_inner();
                let customer = record.get_field_by_name("customer_id");
                let customer = customer.and_then(|value| value.as_str().map(str::to_owned));
                Ok(Some(customer.unwrap_or_default()))
            }
            Err(status) => match status.code() {
                Code::NotFound | Code::PermissionDenied | Code::Unauthenticated | Code::InvalidArgument => Ok(None),
                _ => Err(silent(status)),
            },
        }
    }
}

/// `ServiceRequest` as `service_request`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (place, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && place > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_names_the_owners_of_records() {
        let owners = Owners::read(proto::DESCRIPTORS).unwrap().0;
        for (kind, service) in [
            ("customer", "intake"),
            ("service_request", "intake"),
            ("work_order", "dispatch"),
            ("complaint", "complaint"),
            ("supplementary_order", "parts-inventory"),
            ("response", "survey"),
        ] {
            assert_eq!(owners.get(kind).map(|owner| owner.service.as_str()), Some(service), "{kind}");
        }
        assert!(!owners.contains_key("audit_entry"));
    }
}
