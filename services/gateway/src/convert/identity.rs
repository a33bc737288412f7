//! Accounts, sessions, clients and links as messages.

use common::{
    convert::{optional_instant, timestamp},
    error::{Error, Result},
    reach::named,
    record::Role,
};
use prost_types::Timestamp;
use proto::aftercare::{access::v1::Role as RoleMessage, gateway::v1 as api};

use crate::{
    domain::identity::{
        account::{Account, ProviderIdentity, State},
        client::{self, Client},
        link::{Link, Purpose},
        network::Network,
    },
    store::identity::{client::Secret, credential::Credential, session::Session},
};

/// An account.
pub(crate) fn account(account: &Account, credential: &Credential) -> api::Account {
    let state = match account.state {
        State::Active => api::AccountState::Active,
        State::Disabled => api::AccountState::Disabled,
    };
    api::Account {
        account_id: account.id.to_string(),
        etag: account.version.to_string(),
        create_time: Some(timestamp(account.created_at)),
        update_time: Some(timestamp(account.updated_at)),
        org_unit_id: account.org_unit_id.clone(),
        username: account.username.clone(),
        email: account.email.clone(),
        display_name: account.display_name.clone(),
        role: named(account.role).into(),
        person_id: account.person_id.clone(),
        partner_id: account.partner_id.clone(),
        state: state.into(),
        totp_enabled: credential.totp().is_some(),
        password_change_required: credential.must_change,
        has_password: credential.password_hash.is_some(),
        language: account.language.clone(),
        identities: account.identities.iter().map(identity).collect(),
    }
}

fn identity(identity: &ProviderIdentity) -> api::ProviderIdentity {
    let ProviderIdentity { issuer, subject, follows } = identity.clone();
    api::ProviderIdentity { issuer, subject, follows_provider: follows }
}

/// The role of a message; `None` when it says none.
///
/// # Errors
///
/// `INVALID_FIELDS` when nobody is of that role.
pub(crate) fn role(role: i32) -> Result<Option<Role>> {
    let wrong = || Error::invalid("role", "enum.defined_only");
    let wanted = RoleMessage::try_from(role).map_err(|_| wrong())?;
    if wanted == RoleMessage::Unspecified {
        return Ok(None);
    }
    Role::ALL.into_iter().find(|role| named(*role) == wanted).map(Some).ok_or_else(wrong)
}

/// The state that a list asks for.
pub(crate) fn wanted_state(state: i32) -> Option<State> {
    match api::AccountState::try_from(state) {
        Ok(api::AccountState::Active) => Some(State::Active),
        Ok(api::AccountState::Disabled) => Some(State::Disabled),
        Ok(api::AccountState::Unspecified) | Err(_) => None,
    }
}

/// A session; `current` is the id of the caller's own.
pub(crate) fn session(session: &Session, current: &str) -> api::Session {
    api::Session {
        session_id: session.id.clone(),
        account_id: session.account_id.clone(),
        create_time: Some(timestamp(session.created_at)),
        last_use_time: Some(timestamp(session.last_used_at)),
        expire_time: Some(timestamp(session.expires_at)),
        method: session.method.clone(),
        address: session.address.clone(),
        user_agent: session.user_agent.clone(),
        revoke_time: session.revoked_at.map(timestamp),
        revoke_reason: session.revoke_reason.clone(),
        current: session.id == current,
    }
}

/// A client with its live secrets.
pub(crate) fn client(client: &Client, secrets: &[Secret]) -> api::Client {
    let state = match client.state {
        client::State::Active => api::ClientState::Active,
        client::State::Disabled => api::ClientState::Disabled,
    };
    let secrets = secrets.iter().map(|secret| api::ClientSecret {
        prefix: secret.prefix.clone(),
        create_time: Some(timestamp(secret.created_at)),
        last_use_time: secret.last_used_at.map(timestamp),
    });
    api::Client {
        client_id: client.id.to_string(),
        etag: client.version.to_string(),
        create_time: Some(timestamp(client.created_at)),
        update_time: Some(timestamp(client.updated_at)),
        org_unit_id: client.org_unit_id.clone(),
        name: client.name.clone(),
        partner_id: client.partner_id.clone(),
        state: state.into(),
        scopes: client.scopes.clone(),
        allowed_networks: client.networks.iter().map(ToString::to_string).collect(),
        calls_per_second: client.calls_per_second,
        calls_per_day: client.calls_per_day,
        expire_time: client.expires_at.map(timestamp),
        secrets: secrets.collect(),
    }
}

/// The state that a list of clients asks for.
pub(crate) fn wanted_client_state(state: i32) -> Option<client::State> {
    match api::ClientState::try_from(state) {
        Ok(api::ClientState::Active) => Some(client::State::Active),
        Ok(api::ClientState::Disabled) => Some(client::State::Disabled),
        Ok(api::ClientState::Unspecified) | Err(_) => None,
    }
}

/// Networks of a message.
///
/// # Errors
///
/// `INVALID_FIELDS` naming the one that is none.
pub(crate) fn networks(texts: &[String]) -> Result<Vec<Network>> {
    let read = |(place, text): (usize, &String)| Network::parse(text, &format!("allowed_networks[{place}]"));
    texts.iter().enumerate().map(read).collect()
}

/// An end that may be missing, and lies ahead when it is there.
///
/// # Errors
///
/// `INVALID_FIELDS`.
pub(crate) fn end(
    at: Option<&Timestamp>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Option<chrono::DateTime<chrono::Utc>>> {
    let at = optional_instant(at, "expire_time")?;
    if at.is_some_and(|at| at <= now) {
        return Err(Error::invalid("expire_time", "timestamp.ahead"));
    }
    Ok(at)
}

/// A link.
pub(crate) fn link(link: &Link) -> api::Link {
    api::Link {
        link_id: link.id.to_string(),
        purpose: purpose(link.purpose).into(),
        record_id: link.record_id.clone(),
        org_unit_id: link.org_unit_id.clone(),
        create_time: Some(timestamp(link.created_at)),
        expire_time: Some(timestamp(link.expires_at)),
        revoke_time: link.revoked_at.map(timestamp),
        created_by: link.created_by.clone(),
    }
}

/// A purpose as a message.
pub(crate) fn purpose(purpose: Purpose) -> api::LinkPurpose {
    match purpose {
        Purpose::Progress => api::LinkPurpose::Progress,
        Purpose::TechnicianCheck => api::LinkPurpose::TechnicianCheck,
    }
}

/// The purpose of a message.
///
/// # Errors
///
/// `INVALID_FIELDS` when it says none.
pub(crate) fn wanted_purpose(purpose: i32) -> Result<Purpose> {
    match api::LinkPurpose::try_from(purpose) {
        Ok(api::LinkPurpose::Progress) => Ok(Purpose::Progress),
        Ok(api::LinkPurpose::TechnicianCheck) => Ok(Purpose::TechnicianCheck),
        Ok(api::LinkPurpose::Unspecified) | Err(_) => Err(Error::invalid("purpose", "enum.defined_only")),
    }
}
