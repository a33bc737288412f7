//! Configuration: embedded commented defaults < process defaults < file < environment. Unknown keys are refused by
//! name, and everything is checked before anything is opened.
//!
//! A service's keys live beside the shared ones: its `config/default.toml` holds them at top level (`[offer] timeout =
//! "15m"`, read into its `Config`) and may set shared keys as well (`listen = …`). Every key stands in a `default.toml`:
//! what stands in none is unknown; an empty table there takes any key. One file can serve several services in one
//! process: `[dispatch.offer]` then speaks to one of them.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::Path, time::Duration};

use ::config::{File, FileFormat, Map, Source, Value, ValueKind};
use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};

pub(crate) use self::addresses::listed;
use self::addresses::{check_address, check_addresses};
use crate::{db::DatabaseConfig, lifecycle::tls::TlsSettings};

mod addresses;
mod durations;
pub use durations::{duration, duration_list};

/// The defaults of what every service shares.
pub const SHARED_DEFAULTS: &str = include_str!("../config/default.toml");

/// The key that stands in the defaults; production refuses it.
const DEVELOPMENT_KEY: &str = "development-only-this-is-not-a-secret";

/// What every service shares. The comments of the keys stand in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where calls are answered.
    pub listen: SocketAddr,
    /// Where probes and metrics are answered.
    pub admin: SocketAddr,
    /// What is allowed.
    pub environment: Environment,
    /// The service's own database.
    pub database: DatabaseConfig,
    /// The way of events.
    pub bus: BusSettings,
    /// Logs, traces, metrics.
    pub telemetry: TelemetrySettings,
    /// Identities between services.
    pub identity: IdentitySettings,
    /// What a server takes.
    pub limits: Limits,
    /// How it stops.
    pub drain: Drain,
    /// TLS of the public port.
    pub tls: TlsSettings,
    /// Addresses of the other services, by name.
    pub peers: BTreeMap<String, String>,
}

/// What is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Reflection, development identities, permissive CORS.
    Development,
    /// None of these.
    Production,
}

/// The way of events.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusSettings {
    /// Which bus.
    pub kind: BusKind,
    /// Address of Redis.
    pub url: Secret,
    /// Begins every key.
    pub prefix: String,
    /// Name of this replica; empty for the host's name.
    pub instance: String,
    /// How often unpublished events are looked for.
    #[serde(with = "duration")]
    pub poll: Duration,
    /// Term of the relay's lease.
    #[serde(with = "duration")]
    pub lease: Duration,
    /// Tries of an event before it is parked.
    pub tries: u32,
    /// How long a missing version is waited for.
    #[serde(with = "duration")]
    pub gap_wait: Duration,
    /// When a silent consumer's events are taken over.
    #[serde(with = "duration")]
    pub claim_after: Duration,
    /// How long the outbox keeps what is published.
    #[serde(with = "duration")]
    pub outbox_kept: Duration,
    /// How long the bus keeps what is handled.
    #[serde(with = "duration")]
    pub stream_kept: Duration,
}

/// Which bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BusKind {
    /// Inside one process.
    Memory,
    /// Redis Streams.
    Redis,
}

/// Logs, traces, metrics.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// OTLP collector; empty for none.
    pub otlp_endpoint: String,
    /// Share of new traces that are recorded.
    pub sample_ratio: f64,
    /// For whom logs are written.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
}

/// For whom logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For machines.
    Json,
    /// For people.
    Human,
}

/// Identities between services.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySettings {
    /// The shared signing key.
    pub key: Secret,
    /// Keys whose identities are accepted too, while keys change.
    pub previous_keys: Vec<Secret>,
}

/// What a server takes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Calls in work in this process.
    pub concurrent_calls: usize,
    /// Deadline of a call that brings none.
    #[serde(with = "duration")]
    pub default_deadline: Duration,
    /// The longest deadline a caller may ask for.
    #[serde(with = "duration")]
    pub longest_deadline: Duration,
    /// Connections of a port at once.
    pub connections: usize,
    /// The same from one address.
    pub connections_per_address: usize,
    /// Time for the HTTP/2 preface.
    #[serde(with = "duration")]
    pub handshake: Duration,
    /// Time until a connection is asked to leave.
    #[serde(with = "duration")]
    pub connection_age: Duration,
}

/// How a server stops.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// Between the signal and the refusal of new connections.
    #[serde(with = "duration")]
    pub notice: Duration,
    /// For calls in work.
    #[serde(with = "duration")]
    pub deadline: Duration,
}

/// A text that never shows in logs.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_empty() { "(empty)" } else { "(hidden)" })
    }
}

impl Settings {
    /// The shared defaults alone, for tests and tools.
    ///
    /// # Errors
    ///
    /// Never, as long as the embedded file is whole.
    pub fn defaults(service: &str) -> anyhow::Result<Self> {
        Sources::default().settings(service, "")
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.database.max_connections > 0, "database.max_connections must be 1 or more");
        let url = &self.database.url;
        ensure!(
            ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)),
            "database.url must begin with sqlite:// or postgres://"
        );
        let telemetry = &self.telemetry;
        ensure!((0.0..=1.0).contains(&telemetry.sample_ratio), "telemetry.sample_ratio must be between 0 and 1");
        telemetry
            .log_filter
            .parse::<tracing_subscriber::EnvFilter>()
            .with_context(|| format!("telemetry.log_filter cannot be read: {}", telemetry.log_filter))?;
        if !telemetry.otlp_endpoint.is_empty() {
            check_address("telemetry.otlp_endpoint", &telemetry.otlp_endpoint)?;
        }
        ensure!(!self.bus.prefix.is_empty(), "bus.prefix must not be empty");
        let bus = &self.bus;
        ensure!(bus.tries > 0, "bus.tries must be 1 or more");
        for (name, duration) in [("poll", bus.poll), ("lease", bus.lease), ("claim_after", bus.claim_after)] {
            ensure!(!duration.is_zero(), "bus.{name} must be above 0");
        }
        match self.bus.kind {
            BusKind::Memory => {}
            BusKind::Redis => ensure!(
                self.bus.url.expose().starts_with("redis://") || self.bus.url.expose().starts_with("rediss://"),
                "bus.url must be a redis:// address when bus.kind is redis"
            ),
        }
        let limits = &self.limits;
        ensure!(limits.concurrent_calls > 0, "limits.concurrent_calls must be 1 or more");
        ensure!(
            !limits.default_deadline.is_zero() && limits.default_deadline <= limits.longest_deadline,
            "limits.default_deadline must be above 0 and not above limits.longest_deadline"
        );
        ensure!(
            limits.connections > 0 && limits.connections_per_address > 0,
            "limits.connections and limits.connections_per_address must be 1 or more"
        );
        ensure!(!limits.handshake.is_zero(), "limits.handshake must be above 0");
        ensure!(limits.connection_age >= Duration::from_secs(1), "limits.connection_age must be 1s or more");
        for (name, address) in &self.peers {
            check_addresses(&format!("peers.{name}"), address)?;
        }
        if self.environment == Environment::Production {
            let key = self.identity.key.expose();
            ensure!(
                key != DEVELOPMENT_KEY && key.len() >= 32,
                "identity.key must be a secret of 32 bytes or more when environment is production"
            );
        }
        ensure!(!self.identity.key.expose().is_empty(), "identity.key must not be empty");
        Ok(())
    }
}

/// What was loaded for one service.
#[derive(Clone, Debug)]
pub struct Loaded<C> {
    /// What every service shares.
    pub settings: Settings,
    /// The service's own.
    pub service: C,
}

/// Where configuration comes from, besides the embedded defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Names of all services in this process; a file's or the environment's section of that name speaks to it alone.
    services: Vec<String>,
    layers: Vec<Layer>,
    environment: Vec<(String, String)>,
}

/// A table read from a text, later than the defaults.
#[derive(Clone, Debug)]
struct Layer {
    origin: String,
    table: Map<String, Value>,
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.table.clone())
    }
}

impl Sources {
    /// The sources of a process that runs these services.
    #[must_use]
    pub fn new(services: &[&str]) -> Self {
        Self { services: services.iter().map(|name| key_of(name)).collect(), ..Self::default() }
    }

    /// Adds what this kind of process changes in the defaults, as TOML.
    ///
    /// # Errors
    ///
    /// When it is not TOML.
    pub fn text(mut self, origin: &str, toml: &str) -> anyhow::Result<Self> {
        self.layers.push(Layer { origin: origin.to_owned(), table: parse(origin, toml)? });
        Ok(self)
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is not TOML.
    pub fn file(self, path: &Path) -> anyhow::Result<Self> {
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the configuration {origin}"))?;
        self.text(&origin, &text)
    }

    /// Adds environment variables; those that are not of the form `AFTERCARE_…__…` are passed over.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |name: &str| name.starts_with("AFTERCARE_") && name.contains("__");
        self.environment.extend(variables.into_iter().filter(|(name, _)| ours(name)));
        self
    }

    /// Loads one service: `defaults` is the text of its `config/default.toml`.
    ///
    /// # Errors
    ///
    /// Names the key and where it was set, when it is unknown, of another type, or out of its limits.
    pub fn load<C: DeserializeOwned>(&self, service: &str, defaults: &str) -> anyhow::Result<Loaded<C>> {
        let (settings, own) = self.layered(service, defaults)?;
        Ok(Loaded { settings, service: read(own)? })
    }

    /// Loads only what every service shares.
    ///
    /// # Errors
    ///
    /// As [`Sources::load`].
    pub fn settings(&self, service: &str, defaults: &str) -> anyhow::Result<Settings> {
        Ok(self.layered(service, defaults)?.0)
    }

    fn layered(&self, service: &str, defaults: &str) -> anyhow::Result<(Settings, Map<String, Value>)> {
        let shared = parse("common/config/default.toml", SHARED_DEFAULTS)?;
        let own = parse("config/default.toml", defaults)?;
        let mut known = shared.clone();
        for (key, value) in own {
            merge(&mut known, key, value);
        }
        let mut builder = ::config::Config::builder().add_source(Layer { origin: String::new(), table: known.clone() });
        let name = key_of(service);
        for layer in &self.layers {
            for part in self.parts_for(&name, layer, &shared)? {
                refuse_unknown(&part.origin, "", &part.table, &known)?;
                builder = builder.add_source(part);
            }
        }
        for (path, value) in self.variables_for(&name, &shared, &known)? {
            builder = builder.set_override(path, value)?;
        }
        let all = builder.build().context("the configuration cannot be put together")?.collect()?;
        let (shared_part, own_part): (Map<_, _>, Map<_, _>) =
            all.into_iter().partition(|(key, _)| shared.contains_key(key));
        let mut settings: Settings = read(shared_part)?;
        settings.database.url = settings.database.url.replace("{service}", &name);
        settings.check()?;
        Ok((settings, own_part))
    }

    /// Splits a file into what is for all and what is for this service. In a process of several services only shared
    /// keys may stand at the top.
    fn parts_for(&self, name: &str, layer: &Layer, shared: &Map<String, Value>) -> anyhow::Result<Vec<Layer>> {
        let mut for_all = Map::new();
        let mut for_one = Map::new();
        for (key, value) in &layer.table {
            let section = self.services.contains(&key_of(key));
            if section && key_of(key) == name {
                for_one = value.clone().into_table()?;
            } else if !section {
                if self.services.len() > 1 && !shared.contains_key(key) {
                    bail!("unknown configuration key `{key}` in {}", layer.origin);
                }
                for_all.insert(key.clone(), value.clone());
            }
        }
        let origin = layer.origin.clone();
        Ok(vec![Layer { origin: origin.clone(), table: for_all }, Layer { origin, table: for_one }])
    }

    /// The variables that speak to this service, those for all services first. The defaults say their types.
    fn variables_for(
        &self,
        name: &str,
        shared: &Map<String, Value>,
        known: &Map<String, Value>,
    ) -> anyhow::Result<Vec<(String, Value)>> {
        let for_one = format!("AFTERCARE_{}__", name.to_uppercase());
        let mut values = Vec::new();
        for (prefix, keys) in [("AFTERCARE__", shared), (for_one.as_str(), known)] {
            for (variable, text) in &self.environment {
                let Some(rest) = variable.strip_prefix(prefix) else { continue };
                let path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
                let kind = typed(&path, text, keys)
                    .with_context(|| format!("unknown configuration key in the environment variable {variable}"))?;
                values.push((path.join("."), Value::new(Some(&format!("the environment variable {variable}")), kind)));
            }
        }
        Ok(values)
    }
}

/// `parts-inventory` and `parts_inventory` are the same service.
fn key_of(service: &str) -> String {
    service.replace('-', "_").to_lowercase()
}

fn parse(origin: &str, toml: &str) -> anyhow::Result<Map<String, Value>> {
    File::from_str(toml, FileFormat::Toml).collect().with_context(|| format!("{origin} is not valid TOML"))
}

fn read<T: DeserializeOwned>(table: Map<String, Value>) -> anyhow::Result<T> {
    Value::new(None, ValueKind::Table(table)).try_deserialize().context("the configuration is wrong")
}

fn merge(into: &mut Map<String, Value>, key: String, value: Value) {
    match (into.get_mut(&key).map(|old| &mut old.kind), value.kind) {
        (Some(ValueKind::Table(old)), ValueKind::Table(new)) => {
            for (key, value) in new {
                merge(old, key, value);
            }
        }
        (_, kind) => {
            into.insert(key, Value::new(None, kind));
        }
    }
}

/// Every key must stand in the defaults; an empty table there takes any key.
fn refuse_unknown(
    origin: &str,
    above: &str,
    table: &Map<String, Value>,
    known: &Map<String, Value>,
) -> anyhow::Result<()> {
    for (key, value) in table {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        let Some(default) = known.get(key) else { bail!("unknown configuration key `{path}` in {origin}") };
        if let (ValueKind::Table(inner), ValueKind::Table(known)) = (&value.kind, &default.kind)
            && !known.is_empty()
        {
            refuse_unknown(origin, &path, inner, known)?;
        }
    }
    Ok(())
}

/// The value of a variable, of the type its default has; `None` when there is no such key. Lists are split at commas.
fn typed(path: &[String], text: &str, known: &Map<String, Value>) -> Option<ValueKind> {
    let (key, rest) = path.split_first()?;
    if known.is_empty() && !key.is_empty() {
        return Some(ValueKind::String(text.to_owned()));
    }
    let default = known.get(key)?;
    match (&default.kind, rest.is_empty()) {
        (ValueKind::Table(inner), false) => typed(rest, text, inner),
        (ValueKind::Table(_), true) | (_, false) => None,
        (ValueKind::Array(_), true) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(ValueKind::Array(items.map(|item| Value::new(None, item)).collect()))
        }
        (_, true) => Some(ValueKind::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
