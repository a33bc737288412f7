//! The ring of signing keys, shared by all replicas through the database. A new key verifies before it signs, an old one
//! verifies until the last thing it signed has run out: rotation fails no call.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use common::{
    error::{Error, Result},
    service::Core,
};

use super::{config::Config, secrets, span};
use crate::store::identity::key::{self, Key};

/// How long a replica rests on what it knows of the ring; a new key does not sign earlier.
const KNOWN_FOR: Duration = Duration::seconds(30);
/// How long between two looks for a name that nobody knows.
const LOOK: Duration = Duration::seconds(1);

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Access tokens and what stands between two steps of a sign-in.
    Access,
    /// Public links.
    Link,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Link => "link",
        }
    }

    /// The purpose of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Access, Self::Link].into_iter().find(|purpose| purpose.name() == name)
    }
}

/// The ring.
#[derive(Debug)]
pub(crate) struct Keys {
    core: Core,
    access_life: Duration,
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    at: DateTime<Utc>,
    keys: Vec<Key>,
}

/// The longest life of a link: its keys live as long.
pub(crate) const LONGEST_LINK: Duration = Duration::days(180);

impl Keys {
    pub(crate) fn new(core: Core, config: &Config) -> Self {
        Self { core, access_life: span(config.sign_in.access_life), known: Mutex::default() }
    }

    /// The key to sign with. The first one is made when it is needed.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database does not answer and nothing is known.
    pub(crate) async fn signing(&self, purpose: Purpose) -> Result<Key> {
        let now = self.core.clock.now();
        let present = |keys: &[Key]| {
            let of = keys.iter().filter(|key| key.purpose == purpose.name() && key.active_at <= now);
            of.filter(|key| key.retired_at.is_none_or(|at| now < at)).max_by_key(|key| key.active_at).cloned()
        };
        if let Some(key) = present(&self.known(now, KNOWN_FOR).await?) {
            return Ok(key);
        }
        let tx = self.core.db.begin().await?;
        let generation = generations(&key::all(&tx).await?, purpose) + 1;
        key::add(&tx, made(purpose, generation, now)).await?;
        tx.commit().await?;
        present(&self.known(now, Duration::zero()).await?)
            .ok_or_else(|| Error::internal(anyhow::anyhow!("no key for {}", purpose.name())))
    }

    /// The key of that name, if it still verifies. An unknown name is looked up, at most once a second when there
    /// are others.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database does not answer and nothing is known.
    pub(crate) async fn find(&self, purpose: Purpose, id: &str) -> Result<Option<Key>> {
        let now = self.core.clock.now();
        let matches =
            |key: &&Key| key.id == id && key.purpose == purpose.name() && key.retired_at.is_none_or(|at| now < at);
        for age in [KNOWN_FOR, LOOK, Duration::zero()] {
            let keys = self.known(now, age).await?;
            if let Some(key) = keys.iter().find(matches) {
                return Ok(Some(key.clone()));
            }
            // The first key of all signs at once: whoever knows none of its purpose looks until there is one.
            if age == LOOK && keys.iter().any(|key| key.purpose == purpose.name()) {
                break;
            }
        }
        Ok(None)
    }

    /// Adds a key that signs as soon as every replica knows it; the present ones go on verifying what they signed. With
    /// `at_once` they stop, and everybody refreshes.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database does not answer.
    pub(crate) async fn rotate(&self, purpose: Purpose, at_once: bool) -> Result<String> {
        let now = self.core.clock.now();
        let active_at = if at_once { now } else { now + KNOWN_FOR + KNOWN_FOR };
        let life = match purpose {
            Purpose::Access => self.access_life,
            Purpose::Link => LONGEST_LINK,
        };
        let retired_at = if at_once { now } else { active_at + life + Duration::minutes(2) };
        let tx = self.core.db.begin().await?;
        let key = made(purpose, generations(&key::all(&tx).await?, purpose) + 1, active_at);
        let id = key.id.clone();
        key::retire(&tx, purpose.name(), retired_at).await?;
        key::add(&tx, key).await?;
        tx.commit().await?;
        self.known(now, Duration::zero()).await?;
        Ok(id)
    }

    /// The ring, no older than `age` if the database answers; for a while the last one known otherwise.
    async fn known(&self, now: DateTime<Utc>, age: Duration) -> Result<Vec<Key>> {
        let cached = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = &cached
            && now - known.at < age
        {
            return Ok(known.keys.clone());
        }
        match key::all(self.core.db.read()).await {
            Ok(keys) => {
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Known { at: now, keys: keys.clone() });
                Ok(keys)
            }
            Err(error) => match cached {
                Some(known) => {
                    tracing::warn!(%error, "the signing keys cannot be read; the known ones are used");
                    Ok(known.keys)
                }
                None => Err(error),
            },
        }
    }
}

fn made(purpose: Purpose, generation: usize, active_at: DateTime<Utc>) -> Key {
    Key {
        id: format!("{}-{generation}", purpose.name()),
        purpose: purpose.name().to_owned(),
        secret: secrets::bytes::<32>().to_vec(),
        active_at,
        retired_at: None,
    }
}

/// The highest generation so far: names are never used twice, also after old keys were forgotten.
fn generations(keys: &[Key], purpose: Purpose) -> usize {
    let of = keys.iter().filter(|key| key.purpose == purpose.name());
    of.filter_map(|key| key.id.rsplit_once('-')?.1.parse().ok()).max().unwrap_or(0)
}
