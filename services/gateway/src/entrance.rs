//! Whether a call comes in: who makes it, whether the RPC's rule names that role, and what else binds the caller.

use std::net::IpAddr;

use common::{
    error::{Error, Result, reason},
    reach::named,
    record::{Actor, Role, Units},
    service::Core,
};
use http::HeaderMap;

use crate::{
    contract::Rpc,
    error::{PASSWORD_CHANGE_REQUIRED, SCOPE_MISSING, STREAM_ENDED},
    identity::{
        Authority,
        caller::{Caller, Proof, Standing, proof},
        config::Config,
    },
    protection::rates::Program,
};

/// What somebody may call who must change the password first.
const BEFORE_CHANGE: [&str; 3] = ["GetMe", "ChangePassword", "SignOut"];

/// Lets calls in.
#[derive(Debug)]
pub(crate) struct Entrance {
    authority: Option<Authority>,
    development_headers: bool,
}

/// Who was let in, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) actor: Actor,
    pub(crate) session_id: String,
    /// The partner's program.
    pub(crate) program: Option<Program>,
    /// What they were let in by.
    standing: Standing,
}

impl Entrance {
    /// By these settings; `core` is the gateway's own, without which nobody signs in.
    ///
    /// # Errors
    ///
    /// When headers would be believed in production.
    pub(crate) fn new(core: Option<Core>, config: &Config, development: bool) -> anyhow::Result<Self> {
        config.check_environment(development)?;
        let development_headers = config.sign_in.development_headers;
        Ok(Self { authority: core.map(|core| Authority::new(core, config.clone())).transpose()?, development_headers })
    }

    /// The authority, for the paths that are no RPC.
    pub(crate) fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// Lets a call of this RPC in.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED`, `NOT_ALLOWED`, and what else stands against it.
    pub(crate) async fn admit(&self, rpc: &Rpc, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Admitted> {
        if rpc.access.public {
            // Whoever has signed in is nobody in particular there, and an access token that has run out harms nobody.
            let standing = Standing::Anybody;
            return Ok(Admitted { actor: anonymous(), session_id: String::new(), program: None, standing });
        }
        let caller = self.caller(headers, address).await?;
        let caller = caller.ok_or_else(|| Error::new(reason::UNAUTHENTICATED))?;
        permits(rpc, &caller)?;
        if let (Some(bound), Some(authority)) = (&caller.client, &self.authority) {
            authority.quotas.take(authority, bound).await?;
        }
        let program =
            caller.client.map(|bound| Program { client_id: bound.client_id, calls_per_second: bound.calls_per_second });
        Ok(Admitted { actor: caller.actor, session_id: caller.session_id, program, standing: caller.standing })
    }

    /// Whether somebody who was let in would be let in again, as the same as before. It counts as no call.
    ///
    /// # Errors
    ///
    /// What stands against it by now; `STREAM_ENDED` when they may, and see or do something else than before.
    pub(crate) async fn still(&self, rpc: &Rpc, before: &Admitted, address: Option<IpAddr>) -> Result<()> {
        let Some(authority) = &self.authority else { return Ok(()) };
        let Some(caller) = authority.again(&before.standing, address).await? else { return Ok(()) };
        permits(rpc, &caller)?;
        if caller.actor == before.actor { Ok(()) } else { Err(Error::new(STREAM_ENDED)) }
    }

    async fn caller(&self, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Option<Caller>> {
        let refused = || Error::new(reason::UNAUTHENTICATED);
        match (proof(headers), &self.authority) {
            (Proof::Some(proof), Some(authority)) => authority.caller(proof, address).await.map(Some),
            (Proof::Some(_) | Proof::Malformed, _) => Err(refused()),
            (Proof::None, _) if self.development_headers => {
                let actor = development_actor(headers).ok_or_else(refused)?;
                let standing = Standing::Anybody;
                Ok(Some(Caller { actor, session_id: String::new(), must_change: false, client: None, standing }))
            }
            (Proof::None, _) => Ok(None),
        }
    }
}

/// Whether the RPC's rule names the caller's role, and nothing else binds the caller.
fn permits(rpc: &Rpc, caller: &Caller) -> Result<()> {
    let role = caller.actor.role;
    if !rpc.access.roles().any(|allowed| allowed == named(role)) {
        return Err(Error::new(reason::NOT_ALLOWED).with("role", role.as_str()));
    }
    if caller.must_change && !BEFORE_CHANGE.contains(&rpc.method.name()) {
        return Err(Error::new(PASSWORD_CHANGE_REQUIRED));
    }
    let scope = rpc.scope();
    if caller.client.as_ref().is_some_and(|bound| !bound.scopes.contains(&scope)) {
        return Err(Error::new(SCOPE_MISSING).with("scope", scope));
    }
    Ok(())
}

/// Who a developer says to be; who says nothing is taken for an administrator, and who
/// names no units sees all of them. Only read where the installation calls
/// itself a development one and its settings ask for it.
fn development_actor(headers: &HeaderMap) -> Option<Actor> {
    let given = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let role = match given("x-aftercare-role") {
        Some(role) => Role::parse(role)?,
        None => Role::Admin,
    };
    let id = given("x-aftercare-user").unwrap_or("demo");
    let actor = Actor::new(id, role, given("x-aftercare-org-unit").unwrap_or_default());
    Some(Actor {
        units: match given("x-aftercare-units") {
            Some(units) => Units::Of(units.split(',').map(|unit| unit.trim().to_owned()).collect()),
            None => Units::All,
        },
        partner_id: given("x-aftercare-partner").unwrap_or_default().to_owned(),
        ..actor
    })
}

/// Nobody in particular: who calls a public RPC.
fn anonymous() -> Actor {
    Actor::new("anonymous", Role::CustomerLink, "")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_role_that_does_not_exist_is_nobody() {
        let mut headers = HeaderMap::new();
        assert_eq!(development_actor(&headers).map(|actor| actor.role), Some(Role::Admin));
        headers.insert("x-aftercare-user", HeaderValue::from_static("us_1"));
        headers.insert("x-aftercare-role", HeaderValue::from_static("king"));
        assert_eq!(development_actor(&headers), None);
        headers.insert("x-aftercare-role", HeaderValue::from_static("agent"));
        assert_eq!(development_actor(&headers).map(|actor| actor.role), Some(Role::Agent));
    }
}
