//! What every record is and how a change of it is told: pure values, shared by the rules and the plumbing.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a person or program acts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the platform.
    Admin,
    /// Regional or head-office manager.
    Manager,
    /// Approves.
    Supervisor,
    /// Takes calls.
    Agent,
    /// Plans visits.
    Dispatcher,
    /// Visits homes.
    Technician,
    /// Keeps a warehouse.
    Warehouse,
    /// Judges responsibility.
    Quality,
    /// Settles fees.
    Finance,
    /// A partner's program.
    Partner,
    /// The bearer of a signed link.
    CustomerLink,
    /// Another service, or a timer of this one.
    Service,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 12] = [
        Self::Admin,
        Self::Manager,
        Self::Supervisor,
        Self::Agent,
        Self::Dispatcher,
        Self::Technician,
        Self::Warehouse,
        Self::Quality,
        Self::Finance,
        Self::Partner,
        Self::CustomerLink,
        Self::Service,
    ];

    /// The name used in histories and tokens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Supervisor => "supervisor",
            Self::Agent => "agent",
            Self::Dispatcher => "dispatcher",
            Self::Technician => "technician",
            Self::Warehouse => "warehouse",
            Self::Quality => "quality",
            Self::Finance => "finance",
            Self::Partner => "partner",
            Self::CustomerLink => "customer_link",
            Self::Service => "service",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Organisation units a person sees: those at or below the own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Units {
    /// Head office sees all.
    All,
    /// These and no others; nobody sees anything by an empty list.
    Of(Vec<String>),
}

impl Default for Units {
    fn default() -> Self {
        Self::Of(Vec::new())
    }
}

impl Units {
    /// Whether the unit is one of them.
    #[must_use]
    pub fn include(&self, unit: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(units) => units.iter().any(|own| own == unit),
        }
    }
}

/// What a signed link is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The one purpose it was made for.
    pub purpose: String,
    /// The record that it is about.
    pub record_id: String,
}

/// Whose personal data somebody sees in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personal {
    /// Everybody's.
    All,
    /// That of the customers whom the own visits are for, while it is needed.
    OwnVisits,
    /// Nobody's.
    None,
}

/// Who acts. Records keep who it was (`id`, `role`, `org_unit_id`, `account_id`); how far the person saw at that moment
/// is a matter of the call and is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The id that the rules know: a technician's record, otherwise the account's, the client's or the service's.
    pub id: String,
    /// The role acted in.
    pub role: Role,
    /// Organisation unit acted for; empty for services.
    pub org_unit_id: String,
    /// Who signed in, for the audit; empty in records that are older than this field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account_id: String,
    /// Units at or below the own.
    #[serde(skip)]
    pub units: Units,
    /// The partner acted for; empty for everybody who is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub partner_id: String,
    /// The link that was followed.
    #[serde(skip)]
    pub link: Option<Link>,
    /// Whether personal data is shown in full; the gateway has noted why.
    #[serde(skip)]
    pub unmask: bool,
}

impl Actor {
    /// Somebody who sees one organisation unit and none below it.
    #[must_use]
    pub fn new(id: impl Into<String>, role: Role, org_unit_id: impl Into<String>) -> Self {
        let (id, org_unit_id) = (id.into(), org_unit_id.into());
        let units = Units::Of(if org_unit_id.is_empty() { Vec::new() } else { vec![org_unit_id.clone()] });
        Self {
            account_id: id.clone(),
            id,
            role,
            org_unit_id,
            units,
            partner_id: String::new(),
            link: None,
            unmask: false,
        }
    }

    /// A service acting by itself.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self::new(name, Role::Service, "").everywhere()
    }

    /// Whose personal data the actor needs, of the records that are seen at all. The one table of it.
    #[must_use]
    pub fn sees_personal(&self) -> Personal {
        match self.role {
            _ if self.unmask => Personal::All,
            Role::Admin
            | Role::Manager
            | Role::Supervisor
            | Role::Agent
            | Role::Dispatcher
            | Role::Partner
            | Role::CustomerLink
            | Role::Service => Personal::All,
            Role::Technician => Personal::OwnVisits,
            Role::Warehouse | Role::Quality | Role::Finance => Personal::None,
        }
    }

    /// The same, seeing every organisation unit.
    #[must_use]
    pub fn everywhere(self) -> Self {
        Self { units: Units::All, ..self }
    }
}

/// An aggregate: what is loaded, changed by one action and saved as a whole.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its kind, for example `work_order`: stands in ids of events, histories and errors.
    const KIND: &'static str;

    /// Its id.
    fn id(&self) -> &str;

    /// How many changes it has seen; 1 once it is created, 0 before.
    fn version(&self) -> i64;

    /// Set by the store, and only there.
    fn set_version(&mut self, version: i64);

    /// Its short human number; empty when it has none.
    fn number(&self) -> &str {
        ""
    }

    /// Its state's name; empty when it has none.
    fn state(&self) -> &'static str {
        ""
    }

    /// Whom it is about, for the timeline over all services.
    fn subject_id(&self) -> Option<&str> {
        None
    }

    /// Which case it belongs to, for the timeline over all services.
    fn case_id(&self) -> Option<&str> {
        None
    }
}

/// A record after an action, not saved yet, with what its history must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<R> {
    /// The record as it is to be.
    pub record: R,
    /// The named action.
    pub action: &'static str,
    /// The state before.
    pub from: &'static str,
    /// Why, in the actor's words or as a stable code; may be empty.
    pub reason: String,
}

impl<R: Record> Changed<R> {
    /// `record` is the state after `action`, which led out of `from`.
    #[must_use]
    pub fn new(record: R, action: &'static str, from: &'static str, reason: impl Into<String>) -> Self {
        Self { record, action, from, reason: reason.into() }
    }
}
