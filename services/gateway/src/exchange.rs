//! Lists as tables and tables as records: the shared parts of exports, imports and their jobs.

pub(crate) mod cell;
pub(crate) mod columns;
pub(crate) mod download;
pub(crate) mod export;
pub(crate) mod file;
pub(crate) mod import;
pub(crate) mod jobs;
pub(crate) mod list;
pub(crate) mod person;
pub(crate) mod report;
pub(crate) mod sheet;

use std::{sync::Arc, time::Duration};

use common::{Error, Result, catalog::Language, config::duration, reach, record::Actor};
use http::{HeaderMap, Method};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde::Deserialize;
use tokio::sync::Notify;

use self::{columns::Plans, list::List};
use crate::{
    contract::Contract,
    error::NO_LIST,
    rest::{
        bind,
        table::{Found, Table},
    },
};

/// Settings of exports and imports. The comments of the keys stand in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Jobs that one process runs at once.
    pub workers: usize,
    /// How long a result can be fetched.
    #[serde(with = "duration")]
    pub result_kept: Duration,
    /// Bytes of an imported file at the most.
    pub file_limit: usize,
    /// Lines of an imported file at the most.
    pub lines_limit: usize,
    /// Jobs of one person that wait or run at once.
    pub open_jobs: u64,
}

/// Settings of personal data. The comments of the keys stand in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacySettings {
    /// Days that records of a kind must be kept after their last change; before that their customer is not erased.
    pub kept_days: std::collections::BTreeMap<String, i64>,
}

/// What exports and imports share.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    contract: Arc<Contract>,
    table: Arc<Table>,
    pub(crate) plans: Arc<Plans>,
    /// Rung when a job was started.
    pub(crate) wake: Arc<Notify>,
}

/// A list that somebody wants, with its filters.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) list: List,
    pub(crate) request: DynamicMessage,
}

impl Exchange {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let contract = Contract::read(proto::DESCRIPTORS)?;
        let table = Table::read(&contract.rpcs)?;
        let plans = Plans::read()?;
        for method in plans.rpcs() {
            let known = contract.rpcs.iter().any(|rpc| rpc.method.full_name() == method);
            anyhow::ensure!(known, "data/imports.toml names {method}, which the contract does not know");
        }
        Ok(Self { contract: Arc::new(contract), table: Arc::new(table), plans: Arc::new(plans), wake: Arc::default() })
    }

    /// The list at an address, with its filters, if this person's role may see it at all.
    ///
    /// # Errors
    ///
    /// `NO_LIST`, `NOT_ALLOWED`, or what is wrong with the filters.
    pub(crate) fn wanted(&self, path: &str, query: &str, actor: &Actor) -> Result<Wanted> {
        let nothing = || Error::new(NO_LIST).with("path", path);
        let Found::Binding(binding, segments) = self.table.find(&Method::GET, path) else { return Err(nothing()) };
        let list = List::of(&binding.rpc.method).ok_or_else(nothing)?;
        self.allowed(&binding.rpc.method, actor)?;
        let request = bind::request(binding, &segments, query, &HeaderMap::new(), &[])?;
        Ok(Wanted { list, request })
    }

    /// The RPC of that name.
    ///
    /// # Errors
    ///
    /// `INTERNAL` when there is none; `NOT_ALLOWED` when this person's role may not call it.
    pub(crate) fn rpc(&self, name: &str, actor: &Actor) -> Result<MethodDescriptor> {
        let rpc = self.contract.rpcs.iter().find(|rpc| rpc.method.full_name() == name);
        let rpc = rpc.ok_or_else(|| Error::internal(anyhow::anyhow!("no RPC {name}")))?;
        self.allowed(&rpc.method, actor)?;
        Ok(rpc.method.clone())
    }

    /// Every service checks this again; here it is said before a job is made of it.
    fn allowed(&self, method: &MethodDescriptor, actor: &Actor) -> Result<()> {
        let rpc = self.contract.rpcs.iter().find(|rpc| rpc.method == *method);
        let named = reach::named(actor.role);
        if rpc.is_some_and(|rpc| rpc.access.public || rpc.access.roles().any(|role| role == named)) {
            return Ok(());
        }
        Err(Error::new(common::error::reason::NOT_ALLOWED).with("role", actor.role.as_str()))
    }
}

/// The language of that tag.
pub(crate) fn language(tag: &str) -> Language {
    Language::negotiate(tag)
}
