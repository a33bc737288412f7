//! What the gateway knows of the contract: every RPC with its HTTP mapping and its access rule.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result};
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use proto::{
    aftercare::access::v1::{AccessRule, Role},
    google::api::HttpRule,
};

use crate::domain::identity::client::scope_of;

/// One RPC.
#[derive(Clone, Debug)]
pub(crate) struct Rpc {
    pub(crate) method: MethodDescriptor,
    /// Path of the call, for example `/aftercare.intake.v1.IntakeService/GetCustomer`.
    pub(crate) path: String,
    pub(crate) http: HttpRule,
    pub(crate) access: AccessRule,
    /// Whether the public door serves it: all but what only services may call.
    pub(crate) exposed: bool,
}

impl Rpc {
    /// The group of RPCs that it belongs to.
    pub(crate) fn scope(&self) -> String {
        let service = self.method.parent_service();
        let package = service.package_name().split('.').nth(1).unwrap_or_default().to_owned();
        scope_of(&package, self.method.name())
    }
}

/// The whole contract.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) pool: DescriptorPool,
    pub(crate) rpcs: Vec<Rpc>,
    by_path: HashMap<String, usize>,
}

impl Contract {
    /// Reads an encoded `FileDescriptorSet`.
    pub(crate) fn read(descriptors: &[u8]) -> Result<Self> {
        let pool = DescriptorPool::decode(descriptors)?;
        let http = pool.get_extension_by_name("google.api.http").context("google.api.http is not in the contract")?;
        let rule = pool
            .get_extension_by_name("aftercare.access.v1.rule")
            .context("aftercare.access.v1.rule is not in the contract")?;
        let mut rpcs = Vec::new();
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let options = method.options();
            let decode = |extension| options.get_extension(extension).as_message().map(prost::Message::encode_to_vec);
            let http = HttpRule::decode(decode(&http).unwrap_or_default().as_slice())?;
            let access = AccessRule::decode(decode(&rule).unwrap_or_default().as_slice())?;
            let exposed = access.public || access.roles().any(|role| role != Role::Service);
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            rpcs.push(Rpc { method, path, http, access, exposed });
        }
        let by_path = rpcs.iter().enumerate().map(|(index, rpc)| (rpc.path.clone(), index)).collect();
        Ok(Self { pool, rpcs, by_path })
    }

    /// Groups of RPCs that a partner's program can be given, in order.
    pub(crate) fn partner_scopes(&self) -> Vec<String> {
        let of_partners = self.rpcs.iter().filter(|rpc| rpc.access.roles().any(|role| role == Role::Partner));
        let all: BTreeSet<String> = of_partners.map(Rpc::scope).collect();
        all.into_iter().collect()
    }

    /// The RPC that a gRPC path names, when the public door serves it.
    pub(crate) fn exposed(&self, path: &str) -> Option<&Rpc> {
        self.by_path.get(path).map(|index| &self.rpcs[*index]).filter(|rpc| rpc.exposed)
    }
}
