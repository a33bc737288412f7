//! Somebody who signs in: who it is and what it acts as. Passwords and second factors are kept apart from it.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record, Role},
};
use serde::{Deserialize, Serialize};

use super::AccountId;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub(crate) id: AccountId,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) org_unit_id: String,
    /// Lower case, unique.
    pub(crate) username: String,
    /// Lower case, unique unless empty.
    pub(crate) email: String,
    pub(crate) display_name: String,
    pub(crate) role: Role,
    /// The person's record elsewhere: `te_…` for a technician.
    pub(crate) person_id: String,
    pub(crate) partner_id: String,
    pub(crate) language: String,
    pub(crate) state: State,
    /// Who the person is at providers of identities.
    #[serde(default)]
    pub(crate) identities: Vec<ProviderIdentity>,
}

/// Who somebody is at a provider of identities. Issuer and subject together are the only thing that an account is found
/// by: e-mail addresses and names change hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderIdentity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// Whether role and unit follow what the provider says at every sign-in: of accounts that its word made.
    pub(crate) follows: bool,
}

/// Whether it may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It may.
    Active,
    /// It is kept out.
    Disabled,
}

impl State {
    /// The name in rows and histories.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl Record for Account {
    const KIND: &'static str = "account";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn number(&self) -> &str {
        &self.username
    }

    fn state(&self) -> &'static str {
        self.state.name()
    }
}

/// The fields of a change; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    pub(crate) org_unit_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) role: Option<Role>,
    pub(crate) person_id: Option<String>,
    pub(crate) partner_id: Option<String>,
    pub(crate) language: Option<String>,
}

impl Account {
    /// The account, if its parts fit each other.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS`: a technician's account names the technician's record, a partner's the partner, no other names
    /// a partner; nobody signs in as a link or a service.
    pub(crate) fn checked(self) -> Result<Self> {
        let wrong = |field: &str, rule: &str| Err(Error::invalid(field, rule));
        match self.role {
            Role::CustomerLink | Role::Service => wrong("role", "role.of_people"),
            Role::Technician if !self.person_id.starts_with("te_") => wrong("person_id", "technician.required"),
            Role::Partner if self.partner_id.is_empty() => wrong("partner_id", "required"),
            Role::Partner => Ok(self),
            _ if !self.partner_id.is_empty() => wrong("partner_id", "role.partner_only"),
            _ if self.org_unit_id.is_empty() => wrong("org_unit_id", "required"),
            _ if self.display_name.trim().is_empty() => wrong("display_name", "required"),
            _ => Ok(self),
        }
    }

    /// The id that the rules of the services know this person by.
    pub(crate) fn actor_id(&self) -> &str {
        if self.person_id.is_empty() { self.id.as_str() } else { &self.person_id }
    }

    /// Changes it.
    ///
    /// # Errors
    ///
    /// As [`Account::checked`].
    pub(crate) fn update(mut self, patch: Patch, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state.name();
        let set = |place: &mut String, value: Option<String>| {
            if let Some(value) = value {
                *place = value;
            }
        };
        set(&mut self.org_unit_id, patch.org_unit_id);
        set(&mut self.email, patch.email.map(|email| email.to_lowercase()));
        set(&mut self.display_name, patch.display_name);
        set(&mut self.person_id, patch.person_id);
        set(&mut self.partner_id, patch.partner_id);
        set(&mut self.language, patch.language);
        self.role = patch.role.unwrap_or(self.role);
        self.updated_at = now;
        Ok(Changed::new(self.checked()?, "update", from, ""))
    }

    /// Lets the person sign in at a provider.
    pub(crate) fn linked(mut self, identity: ProviderIdentity, now: DateTime<Utc>) -> Changed<Self> {
        let same = |known: &ProviderIdentity| (&known.issuer, &known.subject) == (&identity.issuer, &identity.subject);
        if !self.identities.iter().any(same) {
            self.identities.push(identity);
        }
        self.noted("link_provider", now)
    }

    /// Takes that away again.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such link.
    pub(crate) fn unlinked(mut self, issuer: &str, subject: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let before = self.identities.len();
        self.identities.retain(|known| (&*known.issuer, &*known.subject) != (issuer, subject));
        if self.identities.len() == before {
            return Err(Error::not_found("provider_identity", subject));
        }
        Ok(self.noted("unlink_provider", now))
    }

    /// Keeps the person out.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless active.
    pub(crate) fn disable(self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Active => Ok(self.turned(State::Disabled, "disable", why, now)),
            State::Disabled => Err(Error::illegal(Self::KIND, "disable", "disabled", &["enable"])),
        }
    }

    /// Lets the person in again.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless disabled.
    pub(crate) fn enable(self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Disabled => Ok(self.turned(State::Active, "enable", why, now)),
            State::Active => Err(Error::illegal(Self::KIND, "enable", "active", &["disable"])),
        }
    }

    /// Notes that something about signing in changed that the record itself does not hold.
    pub(crate) fn noted(mut self, action: &'static str, now: DateTime<Utc>) -> Changed<Self> {
        let from = self.state.name();
        self.updated_at = now;
        Changed::new(self, action, from, "")
    }

    fn turned(mut self, to: State, action: &'static str, why: String, now: DateTime<Utc>) -> Changed<Self> {
        let from = self.state.name();
        self.state = to;
        self.updated_at = now;
        Changed::new(self, action, from, why)
    }
}

#[cfg(test)]
mod tests {
    use common::id::Id as _;

    use super::*;

    fn account(role: Role) -> Account {
        let now = DateTime::UNIX_EPOCH;
        Account {
            id: AccountId::wrap("us_00000000000000000000000001".to_owned()),
            version: 1,
            created_at: now,
            updated_at: now,
            org_unit_id: "head-office".to_owned(),
            username: "wang".to_owned(),
            email: String::new(),
            display_name: "王".to_owned(),
            role,
            person_id: String::new(),
            partner_id: String::new(),
            language: "zh-CN".to_owned(),
            state: State::Active,
            identities: Vec::new(),
        }
    }

    #[test]
    fn an_identity_is_linked_once_and_taken_away() {
        let now = DateTime::UNIX_EPOCH;
        let identity = |subject: &str| ProviderIdentity {
            issuer: "https://id.example".to_owned(),
            subject: subject.to_owned(),
            follows: false,
        };
        let linked = account(Role::Agent).linked(identity("a"), now).record.linked(identity("a"), now).record;
        assert_eq!(linked.identities, [identity("a")]);
        let both = linked.linked(identity("b"), now).record;
        assert!(both.clone().unlinked("https://id.example", "c", now).is_err());
        assert!(both.clone().unlinked("https://other.example", "a", now).is_err());
        let left = both.unlinked("https://id.example", "a", now).unwrap();
        assert_eq!((left.action, left.record.identities), ("unlink_provider", vec![identity("b")]));
    }

    #[test]
    fn parts_fit_the_role() {
        assert!(account(Role::Agent).checked().is_ok());
        for wrong in [Role::Technician, Role::Partner, Role::CustomerLink, Role::Service] {
            assert!(account(wrong).checked().is_err(), "{wrong:?}");
        }
        let technician = Account { person_id: "te_1".to_owned(), ..account(Role::Technician) };
        assert_eq!(technician.checked().unwrap().actor_id(), "te_1");
        let partner = Account { partner_id: "haier".to_owned(), ..account(Role::Partner) };
        assert!(partner.clone().checked().is_ok());
        assert!(Account { role: Role::Agent, ..partner }.checked().is_err(), "our own people belong to no partner");
    }

    #[test]
    fn it_goes_out_and_in_again() {
        let now = DateTime::UNIX_EPOCH;
        let out = account(Role::Agent).disable("left".to_owned(), now).unwrap();
        assert_eq!((out.action, out.from, out.record.state), ("disable", "active", State::Disabled));
        assert!(out.record.clone().disable(String::new(), now).is_err());
        let back = out.record.enable(String::new(), now).unwrap().record;
        assert_eq!(back.state, State::Active);
        assert!(back.enable(String::new(), now).is_err());
    }

    #[test]
    fn a_change_that_does_not_fit_is_refused() {
        let patch = Patch { role: Some(Role::Technician), ..Patch::default() };
        assert!(account(Role::Agent).update(patch, DateTime::UNIX_EPOCH).is_err());
        let patch = Patch { email: Some("Wang@Example.com".to_owned()), ..Patch::default() };
        let changed = account(Role::Agent).update(patch, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(changed.record.email, "wang@example.com");
    }
}
