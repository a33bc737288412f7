//! Opening, refreshing and ending sessions.

use std::net::IpAddr;

use chrono::Duration;
use common::{
    convert::timestamp,
    db::Tx,
    error::{Error, Result, reason},
    id::Id as _,
    service::Call,
};
use proto::aftercare::gateway::v1::SignInResult;

use super::{
    Authority, oidc, secrets, span,
    tokens::{Bearer, Kind},
};
use crate::{
    convert::identity as convert,
    domain::identity::{
        AccountId, SessionId,
        account::{Account, State},
        totp,
    },
    error::{CODE_REFUSED, SESSION_ENDED, SIGN_IN_LOCKED, SIGN_IN_REFUSED},
    store::identity::{
        account,
        credential::{self, Credential},
        guard, session,
    },
};

/// How every refresh token begins.
const REFRESH: &str = "rt_";

impl Authority {
    /// Signs in by name and password: a session, or a challenge when a second factor is asked for. Who does not exist, who
    /// is disabled and who mistypes get the same answer after the same work.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_REFUSED`, `SIGN_IN_LOCKED`.
    pub(crate) async fn sign_in(&self, call: &Call, name: &str, password: &str) -> Result<SignInResult> {
        let name = name.trim().to_lowercase();
        let account = account::named(self.core.db.read(), &name).await?;
        let key = account.as_ref().map_or_else(|| unknown_key(&name), account_key);
        self.count_try(call, &key).await?;
        let nobody = || AccountId::wrap(String::new());
        let id = account.as_ref().map_or_else(nobody, |account| account.id.clone());
        let credential = credential::of(self.core.db.read(), &id).await?;
        let right = self.passwords.verify(password, credential.password_hash.as_deref()).await?;
        let account = account.filter(|account| right && account.state == State::Active);
        let account = account.ok_or_else(|| Error::new(SIGN_IN_REFUSED))?;
        self.renew_hash(&credential, password).await?;
        if credential.totp().is_some() {
            return self.challenge(&account).await;
        }
        self.open(call, &account, &credential, "password", async |tx: &Tx| {
            proven(tx, call, &account).await?;
            Ok(account.clone())
        })
        .await
    }

    async fn challenge(&self, account: &Account) -> Result<SignInResult> {
        let bearer = Bearer { subject: account.id.to_string(), session: String::new(), scopes: Vec::new() };
        let challenge = self.sign(Kind::Step, &bearer).await?;
        Ok(SignInResult { totp_required: true, challenge, ..Default::default() })
    }

    /// The second step of a sign-in: a code of the second factor, or a recovery code.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` for a challenge that is none or too old; `CODE_REFUSED`, `SIGN_IN_LOCKED`.
    pub(crate) async fn second_step(&self, call: &Call, challenge: &str, code: &str) -> Result<SignInResult> {
        let (_, bearer) = self.verify(&[Kind::Step], challenge).await?;
        let id = AccountId::parse(&bearer.subject).map_err(|_| Error::new(reason::UNAUTHENTICATED))?;
        let account = account::find(self.core.db.read(), &id).await?;
        let account = account.filter(|account| account.state == State::Active);
        let account = account.ok_or_else(|| Error::new(SIGN_IN_REFUSED))?;
        self.count_try(call, &account_key(&account)).await?;
        let credential = credential::of(self.core.db.read(), &id).await?;
        let used = credential.clone();
        self.open(call, &account, &credential, "totp", async |tx: &Tx| {
            if !use_code(tx, call, used.clone(), code).await? {
                return Err(Error::new(CODE_REFUSED));
            }
            proven(tx, call, &account).await?;
            Ok(account.clone())
        })
        .await
    }

    /// Opens a session, `prove` being the last proof inside the same transaction; it gives the account as it is then.
    ///
    /// # Errors
    ///
    /// What `prove` answers.
    pub(crate) async fn open(
        &self,
        call: &Call,
        account: &Account,
        credential: &Credential,
        method: &str,
        prove: impl AsyncFnOnce(&Tx) -> Result<Account>,
    ) -> Result<SignInResult> {
        let id: SessionId = call.ids.make(call.now);
        // Signed before the transaction: the first signature of all makes its key in one of its own.
        let access = self.access(account, id.as_str()).await?;
        let refresh = format!("{REFRESH}{}", secrets::text());
        let sign_in = &self.config.sign_in;
        let session = session::Session {
            id: id.to_string(),
            account_id: account.id.to_string(),
            method: method.to_owned(),
            address: call.origin.address.clone(),
            user_agent: call.origin.user_agent.clone(),
            created_at: call.now,
            last_used_at: call.now,
            expires_at: call.now + span(sign_in.idle_life).min(span(sign_in.session_life)),
            revoked_at: None,
            revoke_reason: String::new(),
        };
        let tx = self.core.db.begin().await?;
        let account = prove(&tx).await?;
        session::insert(&tx, session.clone(), secrets::digest(&refresh)).await?;
        tx.commit().await?;
        Ok(self.result(&account, credential, &session, access, refresh))
    }

    /// Changes a refresh token for the next pair.
    ///
    /// # Errors
    ///
    /// `SESSION_ENDED`: also when the token was used before, which ends the session for whoever holds it.
    pub(crate) async fn refresh(&self, call: &Call, token: &str) -> Result<SignInResult> {
        let ended = || Error::new(SESSION_ENDED);
        let digest = secrets::digest(token);
        let found = session::of_token(self.core.db.read(), &digest).await?;
        let (used, session) = found.filter(|_| token.starts_with(REFRESH)).ok_or_else(ended)?;
        let id = AccountId::parse(&session.account_id)?;
        let account = account::find(self.core.db.read(), &id).await?;
        let account = account.filter(|account| account.state == State::Active).ok_or_else(ended)?;
        if !session.live(call.now) {
            return Err(ended());
        }
        if used.used_at.is_some_and(|at| call.now - at > span(self.config.sign_in.refresh_grace)) {
            let tx = self.core.db.begin().await?;
            session::end(&tx, session::Which::One(&session.id), "reused", call.now).await?;
            tx.commit().await?;
            tracing::warn!(session = session.id, account = session.account_id, "a refresh token came twice");
            return Err(ended());
        }
        let credential = credential::of(self.core.db.read(), &id).await?;
        let access = self.access(&account, &session.id).await?;
        let refresh = format!("{REFRESH}{}", secrets::text());
        let last = session.created_at + span(self.config.sign_in.session_life);
        let expires_at = last.min(call.now + span(self.config.sign_in.idle_life));
        let tx = self.core.db.begin().await?;
        if used.used_at.is_none() {
            session::use_token(&tx, &digest, call.now).await?;
        }
        session::add_token(&tx, &session.id, secrets::digest(&refresh), call.now).await?;
        session::touch(&tx, &session.id, call.now, expires_at).await?;
        tx.commit().await?;
        let session = session::Session { expires_at, ..session };
        Ok(self.result(&account, &credential, &session, access, refresh))
    }

    /// Counts a try of an account and of the caller's address before it is judged.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_LOCKED` with the seconds to wait.
    pub(crate) async fn count_try(&self, call: &Call, account: &str) -> Result<()> {
        let lockout = &self.config.lockout;
        let address = address_key(call);
        let keys = [(Some(account), lockout.of_account()), (address.as_deref(), lockout.of_address())];
        let tx = self.core.db.begin().await?;
        for (key, terms) in keys {
            let Some(key) = key else { continue };
            if let Err(wait) = guard::count(&tx, key, &terms, call.now).await? {
                return Err(locked(wait));
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Whether this is the account's password; tries are counted.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_LOCKED`; `SIGN_IN_REFUSED` when it is not.
    pub(crate) async fn check_password(&self, call: &Call, account: &Account, password: &str) -> Result<Credential> {
        self.count_try(call, &account_key(account)).await?;
        let credential = credential::of(self.core.db.read(), &account.id).await?;
        if !self.passwords.verify(password, credential.password_hash.as_deref()).await? {
            return Err(Error::new(SIGN_IN_REFUSED));
        }
        Ok(credential)
    }

    async fn access(&self, account: &Account, session: &str) -> Result<String> {
        let bearer = Bearer { subject: account.id.to_string(), session: session.to_owned(), scopes: Vec::new() };
        self.sign(Kind::Person, &bearer).await
    }

    fn result(
        &self,
        account: &Account,
        credential: &Credential,
        session: &session::Session,
        access_token: String,
        refresh_token: String,
    ) -> SignInResult {
        SignInResult {
            access_token,
            expires_in: i32::try_from(self.config.sign_in.access_life.as_secs()).unwrap_or(i32::MAX),
            refresh_token,
            session_expire_time: Some(timestamp(session.expires_at)),
            session_id: session.id.clone(),
            account: Some(convert::account(account, credential)),
            totp_required: false,
            challenge: String::new(),
            password_change_required: credential.must_change && session.method != oidc::METHOD,
        }
    }

    /// Hashes a password again by today's settings, now that it is here in clear.
    async fn renew_hash(&self, credential: &Credential, password: &str) -> Result<()> {
        let Some(old) = credential.password_hash.as_deref().filter(|old| self.passwords.outdated(old)) else {
            return Ok(());
        };
        let new = self.passwords.hash(password).await?;
        let tx = self.core.db.begin().await?;
        credential::rehash(&tx, &credential.account_id, old, new).await?;
        tx.commit().await
    }
}

/// Takes back what was counted against an account and its caller's address before they were right.
async fn proven(tx: &Tx, call: &Call, account: &Account) -> Result<()> {
    guard::succeed(tx, &account_key(account), address_key(call).as_deref()).await
}

/// Uses a code of the second factor up, or a recovery code. Each is good once.
pub(crate) async fn use_code(tx: &Tx, call: &Call, mut credential: Credential, code: &str) -> Result<bool> {
    let Some(secret) = credential.totp() else { return Ok(false) };
    let code = code.trim();
    if let Some(step) = totp::check(secret, code, call.now, credential.totp_last_step) {
        return credential::use_step(tx, &credential.account_id, step).await;
    }
    if credential.use_recovery(&secrets::hex_digest(&code.to_lowercase())) {
        credential::save(tx, credential).await?;
        return Ok(true);
    }
    Ok(false)
}

/// The key that an account's failures are counted under.
pub(crate) fn account_key(account: &Account) -> String {
    format!("account:{}", account.id)
}

/// A name that nobody has is counted as well, and no name is kept that somebody typed by mistake.
fn unknown_key(name: &str) -> String {
    format!("name:{}", secrets::hex_digest(name))
}

/// An IPv6 customer has a whole /64 to call from.
fn address_key(call: &Call) -> Option<String> {
    let address: IpAddr = call.origin.address.parse().ok()?;
    Some(match address.to_canonical() {
        IpAddr::V4(address) => format!("address:{address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    })
}

fn locked(wait: Duration) -> Error {
    // Up to a whole second: whoever waits so long is not told to wait again.
    let seconds = (wait.num_milliseconds() + 999) / 1000;
    let after = std::time::Duration::from_secs(seconds.unsigned_abs());
    Error::new(SIGN_IN_LOCKED).with("retry_seconds", seconds).after(after)
}

impl Authority {
    /// Counts a guess of a secret that is no password (a link) by the caller's address.
    ///
    /// # Errors
    ///
    /// `SIGN_IN_LOCKED`.
    pub(crate) async fn guard_guessing(&self, call: &Call, what: &str) -> Result<()> {
        let Some(address) = address_key(call) else { return Ok(()) };
        let key = format!("{what}:{address}");
        let tx = self.core.db.begin().await?;
        if let Err(wait) = guard::count(&tx, &key, &self.config.lockout.of_address(), call.now).await? {
            return Err(locked(wait));
        }
        tx.commit().await
    }

    /// Takes back what [`Authority::guard_guessing`] counted, once it was no guess.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub(crate) async fn guessed_right(&self, call: &Call, what: &str) -> Result<()> {
        let Some(address) = address_key(call) else { return Ok(()) };
        let tx = self.core.db.begin().await?;
        guard::succeed_one(&tx, &format!("{what}:{address}")).await?;
        tx.commit().await
    }
}
