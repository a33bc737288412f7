//! A signed link: opens one record for one purpose, for a time, until it is revoked.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::LinkId;

/// What a link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The progress of a service request.
    Progress,
    /// Who stands before the door.
    TechnicianCheck,
}

impl Purpose {
    /// The name in rows and in the identity that is signed for the bearer.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::TechnicianCheck => "technician_check",
        }
    }

    /// How ids of the records it opens begin.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Progress => "sr_",
            Self::TechnicianCheck => "wo_",
        }
    }
}

/// A link. Its token is made of its id, its end and a signature; the record only knows whether it still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub(crate) id: LinkId,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) org_unit_id: String,
    pub(crate) created_by: String,
    pub(crate) purpose: Purpose,
    pub(crate) record_id: String,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) revoked_at: Option<DateTime<Utc>>,
}

impl Record for Link {
    const KIND: &'static str = "link";

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
        if self.revoked_at.is_some() { "revoked" } else { "valid" }
    }
}

impl Link {
    /// Whether it opens anything at this instant.
    pub(crate) fn valid(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// Revokes it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is revoked.
    pub(crate) fn revoke(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        if self.revoked_at.is_some() {
            return Err(Error::illegal(Self::KIND, "revoke", "revoked", &[]));
        }
        self.revoked_at = Some(now);
        self.updated_at = now;
        Ok(Changed::new(self, "revoke", "valid", ""))
    }
}

#[cfg(test)]
mod tests {
    use common::id::Id as _;

    use super::*;

    #[test]
    fn it_ends_by_time_and_by_revocation() {
        let now = DateTime::UNIX_EPOCH;
        let link = Link {
            id: LinkId::wrap("lk_00000000000000000000000001".to_owned()),
            version: 1,
            created_at: now,
            updated_at: now,
            org_unit_id: String::new(),
            created_by: "us_1".to_owned(),
            purpose: Purpose::Progress,
            record_id: "sr_1".to_owned(),
            expires_at: now + chrono::Duration::hours(1),
            revoked_at: None,
        };
        assert!(link.valid(now));
        assert!(!link.valid(now + chrono::Duration::hours(1)));
        let revoked = link.revoke(now).unwrap().record;
        assert!(!revoked.valid(now));
        assert!(revoked.revoke(now).is_err());
    }
}
