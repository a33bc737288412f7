//! The customer file: its fields, what changed in it, and merging.

use chrono::{DateTime, NaiveDate, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    CustomerId,
    names::names,
    values::{Address, Tier},
};
use crate::error::{ALREADY_MERGED, MERGE_WITH_ITSELF};

names! {
    /// What a customer is.
    pub enum CustomerKind {
        /// A private person.
        Person = "person",
        /// A company.
        Company = "company",
    }
}

/// A telephone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// In E.164.
    pub number: String,
    /// What it is.
    pub label: String,
    /// Whether it is the one to call first.
    pub primary: bool,
}

/// What the customer agreed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// To be asked about satisfaction.
    pub survey: bool,
    /// To get offers.
    pub marketing: bool,
}

/// What of a file may be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Person or company.
    pub kind: CustomerKind,
    /// Name.
    pub name: String,
    /// Telephones; exactly one is primary when there is any.
    pub phones: Vec<Phone>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// Addresses, the usual one first.
    pub addresses: Vec<Address>,
    /// Tier.
    pub tier: Tier,
    /// Free words.
    pub tags: Vec<String>,
    /// Language, BCP 47.
    pub language: String,
    /// From when on the customer likes to be called, local; empty for any.
    pub contact_from: String,
    /// Until when the customer likes to be called, local; empty for any.
    pub contact_until: String,
    /// What the customer agreed to.
    pub consent: Consent,
    /// Birthday.
    pub birthday: Option<NaiveDate>,
    /// Where the customer came from.
    pub source: String,
    /// Who looks after the customer; empty for nobody.
    pub agent_id: String,
    /// Notes.
    pub notes: String,
}

/// A customer file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// Id.
    pub id: CustomerId,
    /// Version.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// The partner that made it; empty for none.
    #[serde(default)]
    pub partner_id: String,
    /// What may be changed.
    pub profile: Profile,
    /// The file it was merged into.
    pub merged_into: Option<CustomerId>,
}

impl Record for Customer {
    const KIND: &'static str = "customer";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        if self.merged_into.is_some() { "merged" } else { "active" }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(self.id.as_str())
    }
}

/// One field that changed, old and new value as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// What stood there.
    pub old: String,
    /// What stands there since.
    pub new: String,
}

impl Profile {
    /// Puts the phones in order: exactly one is primary, the first one unless another is marked; none stands twice.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when a number stands twice or more than one is marked.
    pub fn settle_phones(&mut self) -> Result<()> {
        for (place, phone) in self.phones.iter().enumerate() {
            if self.phones[..place].iter().any(|other| other.number == phone.number) {
                return Err(Error::invalid(format!("phones[{place}].number"), "unique"));
            }
        }
        match self.phones.iter().filter(|phone| phone.primary).count() {
            0 => {
                if let Some(first) = self.phones.first_mut() {
                    first.primary = true;
                }
                Ok(())
            }
            1 => Ok(()),
            _ => Err(Error::invalid("phones", "one_primary")),
        }
    }

    /// The phone to call first; empty when there is none.
    #[must_use]
    pub fn primary_phone(&self) -> &str {
        self.phones.iter().find(|phone| phone.primary).map_or("", |phone| &phone.number)
    }

    /// Which fields differ, by name.
    #[must_use]
    pub fn differences(&self, new: &Self) -> Vec<FieldChange> {
        let fields = |profile: &Self| match serde_json::to_value(profile) {
            Ok(Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (old, new) = (fields(self), fields(new));
        new.iter()
            .filter(|(field, value)| old.get(*field) != Some(value))
            .map(|(field, value)| FieldChange {
                field: field.clone(),
                old: old.get(field).map(Value::to_string).unwrap_or_default(),
                new: value.to_string(),
            })
            .collect()
    }
}

impl Customer {
    /// Changes the file.
    ///
    /// # Errors
    ///
    /// `ALREADY_MERGED`; `INVALID_FIELDS` when the phones contradict each other or no name is left.
    pub fn update(mut self, mut profile: Profile) -> Result<(Changed<Self>, Vec<FieldChange>)> {
        self.living()?;
        if profile.name.trim().is_empty() {
            return Err(Error::invalid("name", "string.min_len"));
        }
        profile.settle_phones()?;
        let changes = self.profile.differences(&profile);
        let from = self.state();
        self.profile = profile;
        Ok((Changed::new(self, "update", from, ""), changes))
    }

    /// Merges `other` into this file: phones, e-mails, addresses and tags come over, consent stays what this file says.
    ///
    /// # Errors
    ///
    /// `MERGE_WITH_ITSELF`, `ALREADY_MERGED`.
    pub fn merge(mut self, mut other: Self, reason: &str) -> Result<(Changed<Self>, Changed<Self>, Vec<FieldChange>)> {
        if self.id == other.id {
            return Err(Error::new(MERGE_WITH_ITSELF));
        }
        self.living()?;
        other.living()?;
        let before = self.profile.clone();
        for phone in &other.profile.phones {
            if !self.profile.phones.iter().any(|own| own.number == phone.number) {
                let primary = self.profile.phones.is_empty();
                self.profile.phones.push(Phone { primary, ..phone.clone() });
            }
        }
        add_missing(&mut self.profile.emails, &other.profile.emails);
        add_missing(&mut self.profile.tags, &other.profile.tags);
        for address in &other.profile.addresses {
            if !self.profile.addresses.iter().any(|own| own.key() == address.key()) {
                self.profile.addresses.push(address.clone());
            }
        }
        if self.profile.birthday.is_none() {
            self.profile.birthday = other.profile.birthday;
        }
        let changes = before.differences(&self.profile);
        other.merged_into = Some(self.id.clone());
        let kept = Changed::new(self, "merge", "active", reason);
        let given_up = Changed::new(other, "give_up", "active", reason);
        Ok((kept, given_up, changes))
    }

    fn living(&self) -> Result<()> {
        match &self.merged_into {
            None => Ok(()),
            Some(kept) => Err(Error::new(ALREADY_MERGED).with("id", &self.id).with("kept_id", kept)),
        }
    }
}

fn add_missing(to: &mut Vec<String>, from: &[String]) {
    for text in from {
        if !to.contains(text) {
            to.push(text.clone());
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use common::{error::reason, id::Ids};

    use super::*;

    pub(crate) fn customer(phone: &str) -> Customer {
        let now = DateTime::UNIX_EPOCH;
        Customer {
            id: Ids::random().make(now),
            version: 1,
            created_at: now,
            updated_at: now,
            org_unit_id: "head-office".to_owned(),
            partner_id: String::new(),
            profile: Profile {
                kind: CustomerKind::Person,
                name: "Li Ming".to_owned(),
                phones: vec![Phone { number: phone.to_owned(), label: String::new(), primary: true }],
                emails: vec![],
                addresses: vec![],
                tier: Tier::C,
                tags: vec![],
                language: "zh-CN".to_owned(),
                contact_from: String::new(),
                contact_until: String::new(),
                consent: Consent { survey: true, marketing: false },
                birthday: None,
                source: String::new(),
                agent_id: String::new(),
                notes: String::new(),
            },
            merged_into: None,
        }
    }

    #[test]
    fn an_update_tells_every_field_that_changed_and_no_other() {
        let customer = customer("+8613800138000");
        let profile = Profile { name: "Li Ming Jr".to_owned(), tier: Tier::A, ..customer.profile.clone() };
        let (changed, changes) = customer.update(profile).unwrap();
        let mut fields: Vec<_> =
            changes.iter().map(|change| (change.field.as_str(), change.old.as_str(), change.new.as_str())).collect();
        fields.sort_unstable();
        assert_eq!(fields, [("name", "\"Li Ming\"", "\"Li Ming Jr\""), ("tier", "\"C\"", "\"A\"")]);
        assert_eq!(changed.action, "update");
    }

    #[test]
    fn exactly_one_phone_is_primary() {
        let mut profile = customer("+8613800138000").profile;
        profile.phones.push(Phone { number: "+8613800138001".to_owned(), label: String::new(), primary: true });
        assert!(profile.settle_phones().is_err());
        profile.phones.iter_mut().for_each(|phone| phone.primary = false);
        profile.settle_phones().unwrap();
        assert_eq!(profile.primary_phone(), "+8613800138000");
        profile.phones[1].number = "+8613800138000".to_owned();
        assert_eq!(profile.settle_phones().unwrap_err().reason, reason::INVALID_FIELDS);
    }

    #[test]
    fn merging_keeps_what_only_the_other_had_and_leaves_a_forward() {
        let kept = customer("+8613800138000");
        let mut other = customer("+8613800138001");
        other.profile.consent.marketing = true;
        let kept_id = kept.id.clone();
        let (kept, given_up, changes) = kept.merge(other.clone(), "same person").unwrap();
        assert_eq!(kept.record.profile.phones.len(), 2);
        assert_eq!(kept.record.profile.phones.iter().filter(|phone| phone.primary).count(), 1);
        assert!(!kept.record.profile.consent.marketing, "consent is never widened by a merge");
        assert_eq!(given_up.record.merged_into, Some(kept_id));
        assert_eq!(changes.len(), 1);
        let again = customer("+8613800138002").merge(given_up.record.clone(), "again").unwrap_err();
        assert_eq!(again.reason, ALREADY_MERGED);
        assert_eq!(given_up.record.update(other.profile).unwrap_err().reason, ALREADY_MERGED);
    }

    #[test]
    fn a_file_is_not_merged_with_itself() {
        let one = customer("+8613800138000");
        assert_eq!(one.clone().merge(one, "").unwrap_err().reason, MERGE_WITH_ITSELF);
    }
}
