//! Who makes a call: the credentials of its headers, checked against the records. What was read rests for a few seconds,
//! so that a busy session costs no query a call, and a change still holds at once in the terms of people.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use common::{
    config::Secret,
    error::{Error, Kind as ErrorKind, Result, reason},
    id::Id as _,
    record::{Actor, Role, Units},
};
use http::{HeaderMap, HeaderName, header};

use super::{
    Authority, clients, oidc, secrets, span,
    tokens::{Bearer, Kind},
};
use crate::{
    domain::identity::{
        SessionId,
        account::{Account, State},
        client::Client,
    },
    error::{ADDRESS_NOT_ALLOWED, SESSION_ENDED},
    store::identity::{account, client, credential, session},
};

/// A partner's key by itself.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Known callers that are kept; more than that come in a few seconds only under attack.
const KEPT: usize = 20_000;
/// How long a known caller is believed while the database does not answer.
const BELIEVED: Duration = Duration::seconds(60);

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    /// Session of a person.
    pub(crate) session_id: String,
    /// Whether nothing but a change of the password is allowed.
    pub(crate) must_change: bool,
    /// What binds a partner's program.
    pub(crate) client: Option<Bound>,
    /// What they are known by, to be looked at again.
    pub(crate) standing: Standing,
}

/// What a caller was let in by, after its proof was judged: while a stream is open, this is looked at again. A token runs
/// out meanwhile, as it may; the session, the key or the link behind it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// By nothing: everybody is.
    Anybody,
    /// By a session.
    Person(Bearer),
    /// By a token of a partner's program.
    Client(Bearer),
    /// By a key.
    Key(Secret),
    /// By a link.
    Link(Secret),
}

/// What binds a partner's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) calls_per_second: i32,
    pub(crate) calls_per_day: i64,
}

/// What a call brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof<'a> {
    /// Nothing.
    None,
    /// A token or a key.
    Some(&'a str),
    /// Something that is neither, or more than one.
    Malformed,
}

/// Reads what a call brings along. Two proofs in one call are none: whoever adds the second wants it to win.
pub(crate) fn proof(headers: &HeaderMap) -> Proof<'_> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter().chain(headers.get_all(API_KEY));
    let (first, second) = (given.next(), given.next());
    let Some(value) = first else { return Proof::None };
    let Ok(text) = value.to_str() else { return Proof::Malformed };
    if second.is_some() {
        return Proof::Malformed;
    }
    if headers.contains_key(API_KEY) {
        return if text.starts_with(clients::KEY) { Proof::Some(text) } else { Proof::Malformed };
    }
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => Proof::Some(token),
        _ => Proof::Malformed,
    }
}

/// Callers as they were read last.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    known: Mutex<HashMap<String, (DateTime<Utc>, Known)>>,
}

#[derive(Clone, Debug)]
enum Known {
    Person { session: session::Session, account: Box<Account>, must_change: bool },
    Client { client: Box<Client>, digest: Vec<u8> },
}

impl Callers {
    fn get(&self, key: &str) -> Option<(DateTime<Utc>, Known)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: &str, now: DateTime<Utc>, known: Option<&Known>) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            Some(known) => {
                if all.len() >= KEPT {
                    all.retain(|_, (at, _)| now - *at < BELIEVED);
                    if all.len() >= KEPT {
                        all.clear();
                    }
                }
                all.insert(key.to_owned(), (now, known.clone()));
            }
            None => drop(all.remove(key)),
        }
    }
}

impl Authority {
    /// Who makes a call with this proof from this address.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED`, `SESSION_ENDED`, `ADDRESS_NOT_ALLOWED`; `UNAVAILABLE` when nothing is known and the database
    /// does not answer.
    pub(crate) async fn caller(&self, proof: &str, address: Option<IpAddr>) -> Result<Caller> {
        if proof.starts_with(clients::KEY) {
            return self.key_caller(proof, address).await;
        }
        if proof.starts_with(crate::links::TOKEN) {
            return self.link(proof).await;
        }
        let (kind, bearer) = self.verify(&[Kind::Person, Kind::Client], proof).await?;
        match kind {
            Kind::Person => self.person(&bearer).await,
            Kind::Client => self.token_client(bearer, address).await,
            Kind::Step => Err(Error::new(reason::UNAUTHENTICATED)),
        }
    }

    /// Who somebody is by now who was let in before; `None` for anybody.
    ///
    /// # Errors
    ///
    /// As [`Authority::caller`].
    pub(crate) async fn again(&self, standing: &Standing, address: Option<IpAddr>) -> Result<Option<Caller>> {
        match standing {
            Standing::Anybody => Ok(None),
            Standing::Person(bearer) => self.person(bearer).await.map(Some),
            Standing::Client(bearer) => self.token_client(bearer.clone(), address).await.map(Some),
            Standing::Key(key) => self.key_caller(key.expose(), address).await.map(Some),
            Standing::Link(token) => self.link(token.expose()).await.map(Some),
        }
    }

    async fn link(&self, token: &str) -> Result<Caller> {
        let link = crate::links::open(self, token).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::new(reason::UNAUTHENTICATED),
            _ => error,
        })?;
        let mut actor = Actor::new(link.id.to_string(), Role::CustomerLink, "");
        let purpose = link.purpose.name().to_owned();
        actor.link = Some(common::record::Link { purpose, record_id: link.record_id });
        let standing = Standing::Link(Secret::new(token));
        Ok(Caller { actor, session_id: String::new(), must_change: false, client: None, standing })
    }

    async fn person(&self, bearer: &Bearer) -> Result<Caller> {
        let now = self.core.clock.now();
        let id = SessionId::parse(&bearer.session).map_err(|_| Error::new(reason::UNAUTHENTICATED))?;
        let read = async {
            let on = self.core.db.read();
            let Some(session) = session::find(on, &id).await? else { return Ok(None) };
            let owner = common::id::Id::parse(&session.account_id)?;
            let Some(account) = account::find(on, &owner).await? else { return Ok(None) };
            let must_change = credential::of(on, &owner).await?.must_change;
            Ok(Some(Known::Person { session, account: Box::new(account), must_change }))
        };
        let known = self.recall(&bearer.session, read).await?;
        let Some(Known::Person { session, account, must_change }) = known else {
            return Err(Error::new(reason::UNAUTHENTICATED));
        };
        if session.account_id != bearer.subject {
            return Err(Error::new(reason::UNAUTHENTICATED));
        }
        if !session.live(now) || account.state != State::Active {
            return Err(Error::new(SESSION_ENDED));
        }
        let mut actor = Actor::new(account.actor_id(), account.role, &*account.org_unit_id);
        actor.account_id = account.id.to_string();
        actor.partner_id.clone_from(&account.partner_id);
        actor.units = match account.role {
            Role::Admin => Units::All,
            Role::Partner => Units::default(),
            _ => self.units.below(&account.org_unit_id).await,
        };
        // Whoever came from a provider has shown no password that could be changed.
        let must_change = must_change && session.method != oidc::METHOD;
        let standing = Standing::Person(bearer.clone());
        Ok(Caller { actor, session_id: session.id, must_change, client: None, standing })
    }

    async fn token_client(&self, bearer: Bearer, address: Option<IpAddr>) -> Result<Caller> {
        let read = async {
            let found = client::find(self.core.db.read(), &bearer.subject).await?;
            Ok(found.map(|client| Known::Client { client: Box::new(client), digest: Vec::new() }))
        };
        let known = self.recall(&bearer.subject, read).await?;
        let Some(Known::Client { client, .. }) = known else { return Err(Error::new(reason::UNAUTHENTICATED)) };
        // What was taken from the client since holds for its tokens as well.
        let scopes = bearer.scopes.iter().filter(|scope| client.scopes.contains(scope)).cloned().collect();
        self.bound(*client, scopes, address, Standing::Client(bearer))
    }

    async fn key_caller(&self, key: &str, address: Option<IpAddr>) -> Result<Caller> {
        let (client, _) = self.client_of(key).await?;
        let scopes = client.scopes.clone();
        self.bound(client, scopes, address, Standing::Key(Secret::new(key)))
    }

    /// The client of a secret, with the secret's beginning.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED`.
    pub(crate) async fn client_of(&self, key: &str) -> Result<(Client, String)> {
        let refused = || Error::new(reason::UNAUTHENTICATED);
        let prefix = clients::prefix(key).ok_or_else(refused)?;
        let read = async {
            let on = self.core.db.read();
            let Some(secret) = client::secret_of(on, prefix).await? else { return Ok(None) };
            if secret.retired_at.is_some() {
                return Ok(None);
            }
            let found = client::find(on, &secret.client_id).await?;
            Ok(found.map(|client| Known::Client { client: Box::new(client), digest: secret.digest }))
        };
        let Some(Known::Client { client, digest }) = self.recall(prefix, read).await? else { return Err(refused()) };
        if !secrets::same(&digest, &secrets::digest(key)) {
            return Err(refused());
        }
        Ok((*client, prefix.to_owned()))
    }

    fn bound(
        &self,
        client: Client,
        scopes: Vec<String>,
        address: Option<IpAddr>,
        standing: Standing,
    ) -> Result<Caller> {
        if !client.alive(self.core.clock.now()) {
            return Err(Error::new(reason::UNAUTHENTICATED));
        }
        if !client.may_call_from(address) {
            let from = address.map(|address| address.to_string()).unwrap_or_default();
            return Err(Error::new(ADDRESS_NOT_ALLOWED).with("address", from));
        }
        let mut actor = Actor::new(client.id.to_string(), Role::Partner, client.org_unit_id);
        actor.units = Units::default();
        actor.partner_id = client.partner_id;
        let bound = Bound {
            client_id: client.id.to_string(),
            scopes,
            calls_per_second: client.calls_per_second,
            calls_per_day: client.calls_per_day,
        };
        Ok(Caller { actor, session_id: String::new(), must_change: false, client: Some(bound), standing })
    }

    /// What is known under a key: a fresh answer, one of a few seconds ago, or an older one while the database is away.
    async fn recall(&self, key: &str, read: impl Future<Output = Result<Option<Known>>>) -> Result<Option<Known>> {
        let now = self.core.clock.now();
        let kept = self.callers.get(key);
        if let Some((at, known)) = &kept
            && now - *at < span(self.config.sign_in.recheck)
        {
            return Ok(Some(known.clone()));
        }
        match (read.await, kept) {
            (Ok(found), _) => {
                self.callers.keep(key, now, found.as_ref());
                Ok(found)
            }
            (Err(error), Some((at, known))) if error.kind() == ErrorKind::Unavailable && now - at < BELIEVED => {
                tracing::warn!(%error, "the database does not answer; a known caller is believed");
                Ok(Some(known))
            }
            (Err(error), _) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in of {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn one_proof_and_no_other() {
        for (given, expected) in [
            (&[][..], Proof::None),
            (&[("authorization", "Bearer abc")], Proof::Some("abc")),
            (&[("authorization", "bearer abc")], Proof::Some("abc")),
            (&[("x-api-key", "ak_1_2")], Proof::Some("ak_1_2")),
            (&[("x-api-key", "abc")], Proof::Malformed),
            (&[("authorization", "Basic abc")], Proof::Malformed),
            (&[("authorization", "abc")], Proof::Malformed),
            (&[("authorization", "Bearer ")], Proof::Malformed),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer b")], Proof::Malformed),
            (&[("authorization", "Bearer a"), ("x-api-key", "ak_1_2")], Proof::Malformed),
        ] {
            assert_eq!(proof(&headers(given)), expected, "{given:?}");
        }
    }
}
