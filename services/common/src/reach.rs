//! How far one call sees: worked out once, when it comes in, from the rule of its RPC and from who calls. Every finder of
//! a service takes it (`common::store`), so that another's record looks exactly like one that is not there.

use proto::aftercare::access::v1::{Role as Named, Scope};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter as _, QuerySelect as _, QueryTrait as _, Select,
    sea_query::{Expr, SelectStatement},
};

use crate::{
    error::{Error, Result, reason},
    record::{Actor, Link, Role, Units},
};

/// Which records one call sees and changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    All,
    /// Those of these organisation units.
    Units(Vec<String>),
    /// What concerns one technician: the own visits, the own file, the own van.
    Technician {
        /// The technician's record.
        id: String,
        /// The unit that the technician belongs to.
        org_unit_id: String,
    },
    /// What one partner created, and what followed from it.
    Partner(String),
    /// What one signed link is about.
    Link(Link),
    /// What one account, or one partner's program, made for itself.
    Own(String),
    /// None: only what is everybody's.
    Nothing,
}

impl Reach {
    /// How far `actor` sees in a call of the RPC at `method`.
    ///
    /// # Errors
    ///
    /// `NOT_ALLOWED` when the RPC's rule does not name the actor's role.
    pub fn of(method: &str, actor: &Actor) -> Result<Self> {
        let refused = || Error::new(reason::NOT_ALLOWED).with("role", actor.role.as_str());
        let rule = proto::access(method).ok_or_else(refused)?;
        if rule.public {
            return Ok(actor.link.clone().map_or(Self::Nothing, Self::Link));
        }
        if !rule.roles.contains(&named(actor.role)) {
            return Err(refused());
        }
        if rule.scope == Scope::Any {
            return Ok(Self::All);
        }
        // Own is own, an administrator's too.
        if rule.scope == Scope::Own && actor.role != Role::Service {
            return Ok(Self::own(actor));
        }
        Ok(match actor.role {
            Role::Admin | Role::Service => Self::All,
            Role::Technician => Self::Technician { id: actor.id.clone(), org_unit_id: actor.org_unit_id.clone() },
            Role::Partner if actor.partner_id.is_empty() => Self::Nothing,
            Role::Partner => Self::Partner(actor.partner_id.clone()),
            Role::CustomerLink => actor.link.clone().map_or(Self::Nothing, Self::Link),
            Role::Manager
            | Role::Supervisor
            | Role::Agent
            | Role::Dispatcher
            | Role::Warehouse
            | Role::Quality
            | Role::Finance => match &actor.units {
                Units::All => Self::All,
                Units::Of(units) => Self::Units(units.clone()),
            },
        })
    }
}

impl Reach {
    /// What `actor` made for itself.
    #[must_use]
    pub fn own(actor: &Actor) -> Self {
        Self::Own(if actor.account_id.is_empty() { actor.id.clone() } else { actor.account_id.clone() })
    }

    /// Whether what belongs to this unit and to nobody else is seen: for pictures that are kept in memory.
    #[must_use]
    pub fn sees_unit(&self, unit: &str) -> bool {
        match self {
            Self::All => true,
            Self::Units(units) => units.iter().any(|own| own == unit),
            Self::Technician { .. } | Self::Partner(_) | Self::Link(_) | Self::Own(_) | Self::Nothing => false,
        }
    }
}

/// A connection that knows how far it sees.
pub trait Scoped: ConnectionTrait {
    /// How far.
    fn reach(&self) -> &Reach;
}

/// A table whose rows belong to somebody. There is no way to list or load rows for a caller without it.
pub trait Owned: EntityTrait {
    /// The rows that one sees who reaches so far. Everything for [`Reach::All`].
    fn within(reach: &Reach) -> Condition;
}

/// The columns that say whose a row is; a reach whose column is not named sees no row.
#[derive(Clone, Copy, Debug)]
pub struct Owner<C> {
    unit: Option<C>,
    partner: Option<C>,
    technician: Option<C>,
    technicians_unit: Option<C>,
    link: Option<C>,
    account: Option<C>,
}

impl<C: ColumnTrait> Owner<C> {
    /// Rows of an organisation unit.
    #[must_use]
    pub fn unit(column: C) -> Self {
        Self { unit: Some(column), ..Self::nobody() }
    }

    /// Rows of an account alone.
    #[must_use]
    pub fn only_account(column: C) -> Self {
        Self::nobody().account(column)
    }

    fn nobody() -> Self {
        Self { unit: None, partner: None, technician: None, technicians_unit: None, link: None, account: None }
    }

    /// Also of a partner.
    #[must_use]
    pub fn partner(self, column: C) -> Self {
        Self { partner: Some(column), ..self }
    }

    /// Also of a technician.
    #[must_use]
    pub fn technician(self, column: C) -> Self {
        Self { technician: Some(column), ..self }
    }

    /// Also of every technician of that unit.
    #[must_use]
    pub fn technicians_unit(self, column: C) -> Self {
        Self { technicians_unit: Some(column), ..self }
    }

    /// Also of who holds a link about it.
    #[must_use]
    pub fn link(self, column: C) -> Self {
        Self { link: Some(column), ..self }
    }

    /// Also of an account.
    #[must_use]
    pub fn account(self, column: C) -> Self {
        Self { account: Some(column), ..self }
    }

    /// The rows within a reach.
    #[must_use]
    pub fn within(&self, reach: &Reach) -> Condition {
        let equal = |column: Option<C>, value: &str| match column {
            Some(column) if !value.is_empty() => Condition::all().add(column.eq(value)),
            Some(_) | None => nothing(),
        };
        match reach {
            Reach::All => Condition::all(),
            Reach::Units(units) => match self.unit {
                Some(column) if !units.is_empty() => {
                    Condition::all().add(column.is_in(units.iter().map(String::as_str)))
                }
                Some(_) | None => nothing(),
            },
            Reach::Technician { id, org_unit_id } => {
                Condition::any().add(equal(self.technician, id)).add(equal(self.technicians_unit, org_unit_id))
            }
            Reach::Partner(id) => equal(self.partner, id),
            Reach::Link(link) => equal(self.link, &link.record_id),
            Reach::Own(id) => equal(self.account, id),
            Reach::Nothing => nothing(),
        }
    }
}

/// Rows that are everybody's who may call at all: catalogues.
#[must_use]
pub fn shared() -> Condition {
    Condition::all()
}

/// No row.
#[must_use]
pub fn nothing() -> Condition {
    Condition::all().add(Expr::cust("1 = 0"))
}

/// Rows that belong to whoever the row of `P` belongs to that `column` names by its `id`.
#[must_use]
pub fn like<P: Owned>(column: impl ColumnTrait, id: P::Column, reach: &Reach) -> Condition {
    match ids::<P>(id, reach) {
        None => Condition::all(),
        Some(parents) => Condition::all().add(column.in_subquery(parents)),
    }
}

/// The ids of a table's rows within a reach; `None` for all of them.
#[must_use]
pub fn ids<T: Owned>(id: T::Column, reach: &Reach) -> Option<SelectStatement> {
    if *reach == Reach::All {
        return None;
    }
    Some(T::find().select_only().column(id).filter(T::within(reach)).into_query())
}

/// The rows of a table that `on` sees.
#[must_use]
pub fn select<T: Owned>(on: &impl Scoped) -> Select<T> {
    T::find().filter(T::within(on.reach()))
}

/// The role as the contract names it.
#[must_use]
pub fn named(role: Role) -> Named {
    match role {
        Role::Admin => Named::Admin,
        Role::Manager => Named::Manager,
        Role::Supervisor => Named::Supervisor,
        Role::Agent => Named::Agent,
        Role::Dispatcher => Named::Dispatcher,
        Role::Technician => Named::Technician,
        Role::Warehouse => Named::Warehouse,
        Role::Quality => Named::Quality,
        Role::Finance => Named::Finance,
        Role::Partner => Named::Partner,
        Role::CustomerLink => Named::CustomerLink,
        Role::Service => Named::Service,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "aftercare.dispatch.v1.DispatchService/get_work_order";

    fn reach(method: &str, actor: &Actor) -> Result<Reach> {
        Reach::of(method, actor)
    }

    #[test]
    fn every_role_has_its_reach() {
        let units = |names: &[&str]| Reach::Units(names.iter().map(|&name| name.to_owned()).collect());
        let actor = |role| Actor::new("x_1", role, "east");
        assert_eq!(reach(GET, &actor(Role::Admin)).unwrap(), Reach::All);
        assert_eq!(reach(GET, &actor(Role::Service)).unwrap(), Reach::All);
        assert_eq!(reach(GET, &actor(Role::Dispatcher)).unwrap(), units(&["east"]));
        assert_eq!(reach(GET, &actor(Role::Dispatcher).everywhere()).unwrap(), Reach::All);
        assert_eq!(reach(GET, &Actor::new("x_1", Role::Agent, "")).unwrap(), units(&[]));
        let own = Reach::Technician { id: "x_1".to_owned(), org_unit_id: "east".to_owned() };
        assert_eq!(reach(GET, &actor(Role::Technician).everywhere()).unwrap(), own);
    }

    #[test]
    fn own_is_the_account_whatever_the_role() {
        let method = "aftercare.gateway.v1.ExchangeService/get_job";
        for role in [Role::Admin, Role::Manager, Role::Technician, Role::Partner] {
            let person = Actor { account_id: "us_1".to_owned(), ..Actor::new("x_1", role, "east").everywhere() };
            assert_eq!(reach(method, &person).unwrap(), Reach::Own("us_1".to_owned()));
            let program = Actor { account_id: String::new(), ..person };
            assert_eq!(reach(method, &program).unwrap(), Reach::Own("x_1".to_owned()));
        }
    }

    #[test]
    fn who_is_not_named_is_refused() {
        for (method, role) in [
            (GET, Role::CustomerLink),
            ("aftercare.dispatch.v1.DispatchService/assign_work_order", Role::Technician),
            ("aftercare.common.v1.EventService/republish", Role::Admin),
            ("aftercare.dispatch.v1.DispatchService/no_such_rpc", Role::Admin),
        ] {
            let refused = reach(method, &Actor::new("x_1", role, "east").everywhere()).unwrap_err();
            assert_eq!(refused.reason, reason::NOT_ALLOWED, "{method}");
        }
    }

    #[test]
    fn a_public_rpc_shows_nothing_by_itself() {
        let method = "aftercare.survey.v1.SurveyService/get_survey_by_token";
        assert_eq!(reach(method, &Actor::new("anonymous", Role::CustomerLink, "")).unwrap(), Reach::Nothing);
        assert_eq!(reach(method, &Actor::new("a_1", Role::Admin, "").everywhere()).unwrap(), Reach::Nothing);
    }

    #[test]
    fn every_role_of_the_contract_is_one_of_ours() {
        for role in Role::ALL {
            let name = format!("ROLE_{}", role.as_str().to_uppercase());
            assert_eq!(named(role).as_str_name(), name);
        }
    }
}
