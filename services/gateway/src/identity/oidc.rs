//! Signing in at a provider of identities: OpenID Connect, code flow with PKCE.
//!
//! Three secrets hold the way together. The *state* names the round that a browser began; it is in our database, good once.
//! A *cookie* of the browser that began must come back with it: whoever sends somebody else an address with a code of
//! their own gets nowhere. The page (or the app) that began keeps a *verifier* of its own and shows it when it fetches the
//! session: a code that is seen on the way is worth nothing. No token ever stands in an address.

pub(crate) mod config;
pub(crate) mod provider;
mod token;
pub(crate) mod web;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use common::{
    db::Tx,
    error::{Error, Result},
    record::Role,
    service::Call,
};
use proto::aftercare::gateway::v1::SignInResult;
use serde::{Deserialize, Serialize};
use url::Url;

use self::provider::Provider;
use super::{Authority, secrets, span};
use crate::{
    audit::{self, Entry},
    domain::identity::account::{Account, Patch, ProviderIdentity, State},
    error::{LAST_ADMIN, NO_ACCOUNT, SIGN_IN_OVER},
    store::identity::{
        account,
        credential::{self, Credential},
        provider as rows,
    },
};

/// How sessions are called that began at a provider.
pub(crate) const METHOD: &str = "oidc";
/// How long a page may wait before it fetches its session.
const TICKET_LIFE: Duration = Duration::seconds(60);
/// Characters of a name that are kept.
const LONGEST_NAME: usize = 100;

/// Where a browser is sent, and what it has to bring back.
#[derive(Debug)]
pub(crate) struct Departure {
    pub(crate) address: String,
    pub(crate) cookie: String,
    pub(crate) secret: String,
}

/// What came back with a browser.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    pub(crate) code: String,
    pub(crate) issuer: Option<String>,
    /// The cookie of the browser that came.
    pub(crate) secret: String,
}

/// A round that was taken, whatever comes of it.
#[derive(Debug)]
pub(crate) struct Round {
    /// Where the browser goes now.
    pub(crate) page: String,
    row: rows::Round,
}

/// What a provider said of somebody, kept until the page fetches the session.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    provider: String,
    subject: String,
    display_name: String,
    /// Role and unit, as the configuration reads the claim.
    place: Option<(Role, String)>,
}

/// S256 of RFC 7636.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(secrets::digest(verifier))
}

/// The name of a round's cookie: each its own, so that two windows do not disturb each other.
fn cookie(public_url: &str, state: &[u8]) -> String {
    let round: String = state.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    // With the prefix a browser takes it over TLS only, and from nobody but us.
    let prefix = if public_url.starts_with("https:") { "__Host-" } else { "" };
    format!("{prefix}aftercare-sign-in-{round}")
}

impl Authority {
    /// Sends a browser to a provider, for a page that keeps the verifier of `challenge`.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_PROVIDER`, `PROVIDER_UNAVAILABLE`; `UNAVAILABLE` when the database does not answer.
    pub(crate) async fn depart(&self, provider: &str, challenge: &str, page: &str) -> Result<Departure> {
        let provider = self.providers.get(provider)?;
        let about = provider.about().await?;
        let (state, nonce, verifier, secret) = (secrets::text(), secrets::text(), secrets::text(), secrets::text());
        let mut address = Url::parse(&about.authorization_endpoint).map_err(Error::internal)?;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.config.client_id)
            .append_pair("redirect_uri", &self.way_back(provider))
            .append_pair("scope", &provider.config.scopes.join(" "))
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &self::challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        let state = secrets::digest(&state);
        let cookie = cookie(&self.config.sign_in.public_url, &state);
        let round = rows::Round {
            state,
            provider: provider.name.clone(),
            nonce,
            verifier,
            browser: secrets::digest(&secret),
            challenge: challenge.to_owned(),
            page: page.to_owned(),
            expires_at: self.core.clock.now() + span(self.config.sign_in.step_life),
        };
        let tx = self.core.db.begin().await?;
        rows::begin(&tx, round).await?;
        tx.commit().await?;
        Ok(Departure { address: address.into(), cookie, secret })
    }

    fn way_back(&self, provider: &Provider) -> String {
        let own = self.config.sign_in.public_url.trim_end_matches('/');
        format!("{own}/v1/sign-in/oidc/{}/callback", provider.name)
    }

    /// The name of the cookie that must come with a state.
    pub(crate) fn cookie_of(&self, state: &str) -> String {
        cookie(&self.config.sign_in.public_url, &secrets::digest(state))
    }

    /// Takes the round of a state. It is gone then: no state is good twice.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_OVER` when there is none, or one of another provider.
    pub(crate) async fn round(&self, provider: &str, state: &str) -> Result<Round> {
        let state = secrets::digest(state);
        if !rows::is_there(self.core.db.read(), &state).await? {
            return Err(Error::new(SIGN_IN_OVER));
        }
        let tx = self.core.db.begin().await?;
        let row = rows::take(&tx, &state).await?;
        tx.commit().await?;
        let row = row.filter(|row| row.provider == provider).ok_or_else(|| Error::new(SIGN_IN_OVER))?;
        Ok(Round { page: row.page.clone(), row })
    }

    /// Finishes a round: what the provider says of the person, kept under a code for the page.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_OVER`, `PROVIDER_REFUSED`, `PROVIDER_UNAVAILABLE`.
    pub(crate) async fn arrive(&self, round: Round, arrival: Arrival) -> Result<String> {
        let Round { row, .. } = round;
        let same_browser = secrets::same(&row.browser, &secrets::digest(&arrival.secret));
        if !same_browser || self.core.clock.now() >= row.expires_at {
            return Err(Error::new(SIGN_IN_OVER));
        }
        let provider = self.providers.get(&row.provider)?;
        let says_who = provider.about().await?.authorization_response_iss_parameter_supported;
        if arrival.issuer.as_deref().is_some_and(|issuer| issuer != provider.issuer())
            || (says_who && arrival.issuer.is_none())
        {
            return Err(provider::refused("the answer comes from somebody else"));
        }
        let back = self.way_back(provider);
        let claims = provider.claims(&arrival.code, &row.verifier, &back, &row.nonce).await?;
        let said = Said::read(provider, &claims);
        let code = secrets::text();
        let ticket = rows::Ticket {
            code: secrets::digest(&code),
            challenge: row.challenge,
            expires_at: self.core.clock.now() + TICKET_LIFE,
            body: serde_json::to_value(&said).map_err(Error::internal)?,
        };
        let tx = self.core.db.begin().await?;
        rows::hand_over(&tx, ticket).await?;
        tx.commit().await?;
        Ok(code)
    }

    /// Opens the session that a page fetches.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_OVER` for a code that is none, too old, or another page's; `NO_ACCOUNT`, also when it is disabled.
    pub(crate) async fn sign_in_oidc(&self, call: &Call, code: &str, verifier: &str) -> Result<SignInResult> {
        let over = || Error::new(SIGN_IN_OVER);
        self.guard_guessing(call, "code").await?;
        let code = secrets::digest(code);
        let ticket = rows::ticket(self.core.db.read(), &code).await?.ok_or_else(over)?;
        let proven = secrets::same(challenge(verifier).as_bytes(), ticket.challenge.as_bytes());
        if !proven || call.now >= ticket.expires_at {
            // Whoever has the code and not the verifier tries once.
            let tx = self.core.db.begin().await?;
            rows::tear(&tx, &code).await?;
            tx.commit().await?;
            return Err(over());
        }
        self.guessed_right(call, "code").await?;
        let said: Said = serde_json::from_value(ticket.body).map_err(Error::internal)?;
        let provider = self.providers.get(&said.provider)?;
        let known = match rows::account(self.core.db.read(), provider.issuer(), &said.subject).await? {
            Some(id) => account::find(self.core.db.read(), &id).await?,
            None => None,
        };
        let (person, credential) = match &known {
            Some(person) => (person.clone(), credential::of(self.core.db.read(), &person.id).await?),
            None => {
                let person = said.newcomer(call, provider);
                let credential = Credential::new(&person.id, None, call.now);
                (person, credential)
            }
        };
        self.open(call, &person, &credential, METHOD, async |tx: &Tx| {
            if !rows::tear(tx, &code).await? {
                return Err(over());
            }
            match known {
                Some(person) => self.follow(tx, call, person, &said).await,
                None => self.welcome(tx, call, person.clone(), credential.clone(), &said, provider).await,
            }
        })
        .await
    }

    /// Somebody whom we know: what the provider says of the role holds where its word made the account.
    async fn follow(&self, tx: &Tx, call: &Call, person: Account, said: &Said) -> Result<Account> {
        if person.state != State::Active {
            return Err(Error::new(NO_ACCOUNT));
        }
        let issuer = self.providers.get(&said.provider)?.issuer();
        let identity = person.identities.iter().find(|known| known.issuer == issuer && known.subject == said.subject);
        if !identity.is_some_and(|identity| identity.follows) {
            return Ok(person);
        }
        let (role, unit) = said.place.clone().ok_or_else(|| Error::new(NO_ACCOUNT))?;
        if (role, &*unit) == (person.role, &*person.org_unit_id) {
            return Ok(person);
        }
        let was_admin = person.role == Role::Admin;
        let patch = Patch { role: Some(role), org_unit_id: Some(unit), ..Patch::default() };
        let person = account::save(tx, call, person.update(patch, call.now)?).await?;
        if was_admin && account::active_admins(tx).await? == 0 {
            return Err(Error::new(LAST_ADMIN));
        }
        self.noted(tx, call, "account.update", &person, said).await?;
        Ok(person)
    }

    /// Somebody whom we do not know.
    async fn welcome(
        &self,
        tx: &Tx,
        call: &Call,
        person: Account,
        credential: Credential,
        said: &Said,
        provider: &Provider,
    ) -> Result<Account> {
        if !provider.takes_unknown() || said.place.is_none() {
            return Err(Error::new(NO_ACCOUNT));
        }
        let person = account::insert(tx, call, person.checked()?).await?;
        credential::insert(tx, credential).await?;
        self.noted(tx, call, "account.create", &person, said).await?;
        Ok(person)
    }

    /// Notes in the audit what a provider's word changed.
    async fn noted(&self, tx: &Tx, call: &Call, action: &'static str, person: &Account, said: &Said) -> Result<()> {
        let mut entry = Entry::new(&call.actor, action, "account", person.id.as_str());
        entry.subject_version = person.version;
        entry.reason = format!("provider {}", said.provider);
        entry.from_address.clone_from(&call.origin.address);
        audit::record(tx, &self.core, entry).await
    }
}

impl Said {
    fn read(provider: &Provider, claims: &token::Claims) -> Self {
        let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().trim();
        let name = [text("name"), text("preferred_username")].into_iter().find(|name| !name.is_empty());
        let config = &provider.config;
        let values = token::texts(claims, &config.claim);
        let rule = config.roles.iter().find(|rule| values.contains(&&*rule.value));
        Self {
            provider: provider.name.clone(),
            subject: claims.get("sub").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
            display_name: name.unwrap_or_default().chars().take(LONGEST_NAME).collect(),
            place: rule.and_then(|rule| Some((Role::parse(&rule.role)?, rule.org_unit.clone()))),
        }
    }

    /// The account of somebody whom nobody knows here. Its name to sign in with is nobody else's, and no address that the
    /// provider tells finds its way into it.
    fn newcomer(&self, call: &Call, provider: &Provider) -> Account {
        let digest = secrets::hex_digest(&format!("{}\n{}", provider.issuer(), self.subject));
        let prefix: String = provider.name.chars().take(20).collect();
        let username = format!("{prefix}-{}", &digest[..16]);
        let (role, org_unit_id) = self.place.clone().unwrap_or((Role::Agent, String::new()));
        let issuer = provider.issuer().to_owned();
        Account {
            id: call.ids.make(call.now),
            version: 0,
            created_at: call.now,
            updated_at: call.now,
            org_unit_id,
            display_name: if self.display_name.is_empty() { username.clone() } else { self.display_name.clone() },
            username,
            email: String::new(),
            role,
            person_id: String::new(),
            partner_id: String::new(),
            language: "zh-CN".to_owned(),
            state: State::Active,
            identities: vec![ProviderIdentity { issuer, subject: self.subject.clone(), follows: true }],
        }
    }
}
