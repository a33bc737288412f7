//! Hashing passwords: argon2id, a bounded number at once, never on a thread that serves calls.

use std::sync::Arc;

use anyhow::anyhow;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use common::error::{Error, Result, reason};
use tokio::sync::Semaphore;

use super::config::PasswordRules;

/// Calls that wait for their turn, for each that is in work; more are refused.
const QUEUE: usize = 16;

/// Hashes and verifies.
#[derive(Clone)]
pub(crate) struct Passwords {
    argon: Argon2<'static>,
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// The hash of nobody's password: who does not exist takes as long as who does.
    nobody: Arc<str>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Passwords")
    }
}

impl Passwords {
    /// By these settings.
    ///
    /// # Errors
    ///
    /// When argon2 does not take them.
    pub(crate) fn new(rules: &PasswordRules) -> anyhow::Result<Self> {
        let params = Params::new(rules.memory_kib, rules.passes, rules.lanes, None)
            .map_err(|error| anyhow!("passwords: {error}"))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon, "nobody's password").map_err(|error| anyhow!("passwords: {error:?}"))?;
        Ok(Self {
            argon,
            turns: Arc::new(Semaphore::new(rules.at_once)),
            waiting: Arc::new(Semaphore::new(rules.at_once.saturating_mul(QUEUE))),
            nobody: nobody.into(),
        })
    }

    /// The hash to keep of a new password.
    ///
    /// # Errors
    ///
    /// `OVERLOADED` when too many wait.
    pub(crate) async fn hash(&self, password: &str) -> Result<String> {
        let (argon, password) = (self.argon.clone(), password.to_owned());
        self.in_turn(move || hash(&argon, &password)).await?
    }

    /// Whether this is the password of `kept`; of nobody, when there is none. It takes as long either way.
    ///
    /// # Errors
    ///
    /// `OVERLOADED` when too many wait; `INTERNAL` when the kept hash is none.
    pub(crate) async fn verify(&self, password: &str, kept: Option<&str>) -> Result<bool> {
        let somebody = kept.is_some();
        let kept = kept.unwrap_or(&self.nobody).to_owned();
        let (argon, password) = (self.argon.clone(), password.to_owned());
        let right = self
            .in_turn(move || {
                let kept = PasswordHash::new(&kept).map_err(|error| Error::internal(anyhow!("{error}")))?;
                Ok::<_, Error>(argon.verify_password(password.as_bytes(), &kept).is_ok())
            })
            .await??;
        Ok(right && somebody)
    }

    /// Whether a hash was made by other settings than today's.
    pub(crate) fn outdated(&self, kept: &str) -> bool {
        let of = |hash: &str| PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        of(kept).is_none_or(|kept| {
            let now = self.argon.params();
            (kept.m_cost(), kept.t_cost(), kept.p_cost()) != (now.m_cost(), now.t_cost(), now.p_cost())
        })
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _place = self.waiting.try_acquire().map_err(|_| Error::new(reason::OVERLOADED))?;
        // Moved into the work: a caller that goes away does not make room for more before the work is done.
        let turn = self.turns.clone().acquire_owned().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(Error::internal)
    }
}

fn hash(argon: &Argon2<'_>, password: &str) -> Result<String> {
    let hash = argon.hash_password(password.as_bytes()).map_err(|error| Error::internal(anyhow!("{error}")))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(passes: u32) -> PasswordRules {
        PasswordRules { least_length: 10, memory_kib: 64, passes, lanes: 1, at_once: 1 }
    }

    #[tokio::test]
    async fn a_password_is_known_again() {
        let passwords = Passwords::new(&rules(1)).unwrap();
        let kept = passwords.hash("correct horse").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{kept}");
        assert_ne!(kept, passwords.hash("correct horse").await.unwrap(), "every hash has its salt");
        assert!(passwords.verify("correct horse", Some(&kept)).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(&kept)).await.unwrap());
        assert!(!passwords.verify("nobody's password", None).await.unwrap(), "nobody has no password");
        assert!(!passwords.outdated(&kept));
        assert!(Passwords::new(&rules(2)).unwrap().outdated(&kept));
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_refused() {
        let passwords = Passwords::new(&rules(1)).unwrap();
        let _turn = passwords.turns.clone().acquire_owned().await.unwrap();
        let waiting: Vec<_> = (0..QUEUE)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.hash("correct horse").await })
            })
            .collect();
        while passwords.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(passwords.hash("one more").await.unwrap_err().reason, reason::OVERLOADED);
        drop(_turn);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
    }
}
