//! The callers of the matrix.

use common::record::{Actor, Link, Role, Units};

/// How a call says who makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// With an identity that the installation signed.
    Signed,
    /// With none.
    Nobody,
    /// With one that ran out.
    Expired,
    /// With one that somebody else signed.
    Outside,
}

/// One caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) entrance: Entrance,
    pub(crate) actor: Actor,
    /// What the public door knows the caller by; empty for who never comes through it.
    pub(crate) bearer: String,
}

impl Caller {
    fn new(name: &'static str, entrance: Entrance, actor: Actor) -> Self {
        Self { name, entrance, actor, bearer: String::new() }
    }

    fn signed(name: &'static str, actor: Actor) -> Self {
        Self::new(name, Entrance::Signed, actor)
    }

    /// Whether the services know this caller at all.
    pub(crate) fn known(&self) -> bool {
        self.entrance == Entrance::Signed
    }

    /// Whether it has an account of its own.
    pub(crate) fn has_account(&self) -> bool {
        self.known() && !matches!(self.actor.role, Role::CustomerLink | Role::Service)
    }

    /// Whether personal data is masked for it, as far as its own work does not need it.
    pub(crate) fn sees_masked(&self) -> bool {
        matches!(self.actor.role, Role::Warehouse | Role::Quality | Role::Finance | Role::Technician)
    }
}

/// Who is who in the world.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) technicians: [(String, String); 2],
    pub(crate) partners: [&'static str; 2],
    pub(crate) linked_request: String,
}

/// All callers: of two regions, two technicians, two partners, a customer with a link, head office, a service, and strangers.
pub(crate) fn callers(cast: &Cast) -> Vec<Caller> {
    let of = |name, role, unit: &str| Caller::signed(name, Actor::new(format!("us_{name}"), role, unit));
    let technician = |name, (id, unit): &(String, String)| {
        let actor = Actor { account_id: format!("us_{name}"), ..Actor::new(id, Role::Technician, unit) };
        Caller::signed(name, actor)
    };
    let partner = |name, id: &str| {
        let actor = Actor::new(format!("us_{name}"), Role::Partner, "head-office");
        Caller::signed(name, Actor { partner_id: id.to_owned(), units: Units::default(), ..actor })
    };
    let link = Link { purpose: "progress".to_owned(), record_id: cast.linked_request.clone() };
    let outside = Actor::service("outside");
    vec![
        Caller::new("nobody", Entrance::Nobody, Actor::new("nobody", Role::Admin, "")),
        Caller::new("expired", Entrance::Expired, of("x", Role::Admin, "").actor.everywhere()),
        Caller::new("outside service", Entrance::Outside, outside),
        Caller::signed("link", Actor { link: Some(link), ..Actor::new("customer", Role::CustomerLink, "") }),
        technician("technician", &cast.technicians[0]),
        technician("other technician", &cast.technicians[1]),
        of("dispatcher east", Role::Dispatcher, "office-east"),
        of("supervisor east", Role::Supervisor, "office-east"),
        of("agent north", Role::Agent, "office-north"),
        of("manager north", Role::Manager, "office-north"),
        partner("partner one", cast.partners[0]),
        partner("partner two", cast.partners[1]),
        of("warehouse east", Role::Warehouse, "office-east"),
        of("finance north", Role::Finance, "office-north"),
        Caller::signed("quality", Actor::new("us_quality", Role::Quality, "head-office").everywhere()),
        Caller::signed("admin", Actor::new("us_admin", Role::Admin, "head-office").everywhere()),
        Caller::signed("service", Actor::service("gateway")),
    ]
}

/// Whether the units of a caller include this one.
pub(crate) fn sees_unit(actor: &Actor, unit: &str) -> bool {
    match &actor.units {
        Units::All => true,
        Units::Of(units) => units.iter().any(|own| own == unit),
    }
}
