//! What is done on the command line and for demo data: the first accounts, partners' programs, new keys.

use anyhow::{Context as _, anyhow, bail};
use common::{
    record::Role,
    service::{Call, Core},
};

use super::{
    clients,
    keys::{Keys, Purpose},
    passwords::Passwords,
    secrets,
};
use crate::{
    Config,
    contract::Contract,
    domain::identity::{
        account::{Account, State},
        client::{self, Client},
        password,
    },
    store::identity::{account, client as clients_store, credential},
};

/// A new account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Name to sign in with.
    pub username: String,
    /// Name to show.
    pub display_name: String,
    /// What the person acts as.
    pub role: Role,
    /// Organisation unit that the person works for.
    pub org_unit_id: String,
    /// The person's record elsewhere; empty for none.
    pub person_id: String,
    /// The partner that the person works for; empty for none.
    pub partner_id: String,
}

/// Makes accounts and clients past the public door.
#[derive(Debug)]
pub struct Admin {
    core: Core,
    config: Config,
    passwords: Passwords,
}

/// A password and its hash, for as many accounts as have it.
#[derive(Clone, Debug)]
pub struct Hashed(String);

impl Admin {
    /// By the gateway's own database and settings.
    ///
    /// # Errors
    ///
    /// When the settings make no sense.
    pub fn new(core: Core, config: Config) -> anyhow::Result<Self> {
        let passwords = Passwords::new(&config.passwords)?;
        Ok(Self { core, config, passwords })
    }

    /// A password nobody has chosen.
    #[must_use]
    pub fn password() -> String {
        secrets::password()
    }

    /// The hash to keep of a password.
    ///
    /// # Errors
    ///
    /// When it is too easy to guess.
    pub async fn hash(&self, password: &str) -> anyhow::Result<Hashed> {
        let least = self.config.passwords.least_length;
        if let Err(error) = password::check(password, least, "", "") {
            bail!("the password is too easy to guess ({error})");
        }
        Ok(Hashed(self.passwords.hash(password).await.map_err(said)?))
    }

    /// Makes an account. `must_change` asks for a new password at the first sign-in.
    ///
    /// # Errors
    ///
    /// When the name is taken or the parts do not fit the role.
    pub async fn account(&self, new: NewAccount, password: &Hashed, must_change: bool) -> anyhow::Result<String> {
        let call = Call::internal(&self.core, "admin", "admin command");
        let made = Account {
            id: call.ids.make(call.now),
            version: 0,
            created_at: call.now,
            updated_at: call.now,
            org_unit_id: new.org_unit_id,
            username: new.username.to_lowercase(),
            email: String::new(),
            display_name: new.display_name,
            role: new.role,
            person_id: new.person_id,
            partner_id: new.partner_id,
            language: "zh-CN".to_owned(),
            state: State::Active,
            identities: Vec::new(),
        }
        .checked()
        .map_err(said)?;
        let tx = self.core.db.begin().await.map_err(said)?;
        let made = account::insert(&tx, &call, made).await.map_err(said)?;
        let credential = credential::Credential::new(&made.id, Some(password.0.clone()), call.now);
        credential::insert(&tx, credential::Credential { must_change, ..credential }).await.map_err(said)?;
        tx.commit().await?;
        Ok(made.id.to_string())
    }

    /// Makes a partner's program with every scope that partners can have. Gives its id and its secret.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn client(&self, name: &str, partner_id: &str, org_unit_id: &str) -> anyhow::Result<(String, String)> {
        let call = Call::internal(&self.core, "admin", "admin command");
        let scopes = Contract::read(proto::DESCRIPTORS)?.partner_scopes();
        let made = Client {
            id: call.ids.make(call.now),
            version: 0,
            created_at: call.now,
            updated_at: call.now,
            org_unit_id: org_unit_id.to_owned(),
            name: name.to_owned(),
            partner_id: partner_id.to_owned(),
            state: client::State::Active,
            scopes: scopes.clone(),
            networks: Vec::new(),
            calls_per_second: 0,
            calls_per_day: 0,
            expires_at: None,
        }
        .checked(&scopes)
        .map_err(said)?;
        let (prefix, secret) = clients::secret();
        let tx = self.core.db.begin().await.map_err(said)?;
        let made = clients_store::insert(&tx, &call, made).await.map_err(said)?;
        let kept = (&*prefix, secrets::digest(&secret));
        clients_store::add_secret(&tx, &made.id, kept, call.now).await.map_err(said)?;
        tx.commit().await?;
        Ok((made.id.to_string(), secret))
    }

    /// Adds a signing key: `purpose` is `access` or `link`. With `at_once` the present ones stop at once.
    ///
    /// # Errors
    ///
    /// When there is no such purpose.
    pub async fn rotate(&self, purpose: &str, at_once: bool) -> anyhow::Result<String> {
        let purpose = Purpose::parse(purpose).with_context(|| format!("{purpose} is neither access nor link"))?;
        let keys = Keys::new(self.core.clone(), &self.config.identity());
        keys.rotate(purpose, at_once).await.map_err(said)
    }
}

/// A refusal in words for a terminal.
fn said(error: common::Error) -> anyhow::Error {
    let text = error.to_string();
    match error.cause() {
        Some(cause) => anyhow!("{text}: {cause:#}"),
        None => anyhow!(text),
    }
}
