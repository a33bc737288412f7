//! How often a caller may call: by person, by partner with a daily quota, by address; and how often anybody may guess.

use std::{net::IpAddr, time::Duration};

use common::{
    Error,
    lifecycle::socket::ClientAddress,
    rates::{Allowance, Rate, Rates},
    record::{Actor, Role},
};
use http::{Extensions, HeaderMap};
use serde::Deserialize;

use super::classes::Class;
use crate::error::{QUOTA_EXHAUSTED, RATE_LIMITED};

/// Header in which proxies say for whom they call, the nearest last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The rates. The comments of the keys stand in `config/default.toml`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateSettings {
    /// Of one signed-in person.
    pub person: Rate,
    /// Of one partner's program.
    pub partner: Rate,
    /// Calls of one partner in a UTC day; 0 for no limit.
    pub partner_per_day: u64,
    /// Of one address, all callers together.
    pub address: Rate,
    /// Exports of one caller.
    pub exports: Rate,
    /// Wrong guesses at one log-in, link or token.
    pub guesses: Rate,
    /// Sign-ins that one address begins at providers of identities.
    pub sign_ins: Rate,
    /// Proxies in front of the gateway, whose word on the client's address is taken.
    pub proxies: usize,
}

impl RateSettings {
    /// Whether they can be kept.
    ///
    /// # Errors
    ///
    /// Names what is wrong.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Self { person, partner, address, exports, guesses, sign_ins, partner_per_day: _, proxies: _ } = self;
        let all = [
            ("person", person),
            ("partner", partner),
            ("address", address),
            ("exports", exports),
            ("guesses", guesses),
            ("sign_ins", sign_ins),
        ];
        all.into_iter().try_for_each(|(name, rate)| rate.check(&format!("rates.{name}")))
    }
}

/// A partner's program, with the rate that it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) client_id: String,
    /// Calls a second; 0 for the usual.
    pub(crate) calls_per_second: i32,
}

impl Program {
    /// A rate of its own, if it has one: as many at once as in a second.
    fn rate(&self) -> Option<(&str, Rate)> {
        let calls = u32::try_from(self.calls_per_second).ok().filter(|calls| *calls > 0)?;
        Some((&self.client_id, Rate { calls, within: Duration::from_secs(1), burst: calls }))
    }
}

/// Keeps them.
#[derive(Clone, Debug)]
pub struct Limits {
    rates: Rates,
    settings: RateSettings,
}

impl Limits {
    pub(crate) fn new(rates: Rates, settings: RateSettings) -> Self {
        Self { rates, settings }
    }

    /// Counts one call.
    ///
    /// # Errors
    ///
    /// `RATE_LIMITED` or `QUOTA_EXHAUSTED`, with the time after which a call has a prospect.
    pub(crate) async fn call(
        &self,
        actor: Option<&Actor>,
        program: Option<&Program>,
        address: Option<IpAddr>,
        class: Class,
    ) -> Result<(), Error> {
        let settings = &self.settings;
        if let Some(address) = address {
            self.take("address", &network(address), settings.address).await?;
        }
        let Some(actor) = actor.filter(|actor| actor.role != Role::CustomerLink) else { return Ok(()) };
        let who = if actor.account_id.is_empty() { &actor.id } else { &actor.account_id };
        if actor.role == Role::Partner {
            let who = if actor.partner_id.is_empty() { who } else { &actor.partner_id };
            match program.and_then(Program::rate) {
                // A rate of its own counts for this program alone, in place of the one that a partner's programs share.
                Some((id, rate)) => self.take("client", id, rate).await?,
                None => self.take("partner", who, settings.partner).await?,
            }
            let quota = Allowance::PerDay(settings.partner_per_day);
            self.rates.take("partner_day", who, quota).await.map_err(|after| {
                refused("partner_day");
                Error::new(QUOTA_EXHAUSTED).with("limit", settings.partner_per_day).after(after)
            })?;
        } else {
            self.take("person", who, settings.person).await?;
        }
        if class == Class::Export {
            self.take("exports", who, settings.exports).await?;
        }
        Ok(())
    }

    /// Counts one sign-in that is begun at a provider: each leaves a row for minutes.
    ///
    /// # Errors
    ///
    /// `RATE_LIMITED`.
    pub(crate) async fn begin_sign_in(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let key = address.map_or_else(|| "unknown".to_owned(), network);
        self.take("sign_ins", &key, self.settings.sign_ins).await
    }

    /// Counts one wrong guess: `kind` is what is guessed at (`login`, `link`, `token`), `key` whose it is (the account, or
    /// the address). After a few of them nothing is let through, right or wrong, until time has passed.
    ///
    /// # Errors
    ///
    /// `RATE_LIMITED`.
    pub async fn hit(&self, kind: &'static str, key: &str) -> Result<(), Error> {
        self.take(kind, key, self.settings.guesses).await
    }

    /// Whether a guess may still be made; counts nothing. To be asked before the guess is looked at.
    ///
    /// # Errors
    ///
    /// `RATE_LIMITED`.
    pub async fn look(&self, kind: &'static str, key: &str) -> Result<(), Error> {
        self.rates.look(kind, key, Allowance::Rate(self.settings.guesses)).await.map_err(|after| {
            refused(kind);
            Error::new(RATE_LIMITED).after(after)
        })
    }

    async fn take(&self, kind: &'static str, key: &str, rate: Rate) -> Result<(), Error> {
        self.rates.take(kind, key, Allowance::Rate(rate)).await.map_err(|after| {
            refused(kind);
            Error::new(RATE_LIMITED).after(after)
        })
    }

    /// Where a call comes from: the connection's other end, or what the proxies that we know of say.
    pub(crate) fn address(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let peer = extensions.get::<ClientAddress>().map(|client| client.0.ip());
        let Some(back) = self.settings.proxies.checked_sub(1) else { return peer };
        let told = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let told: Vec<&str> = told.flat_map(|value| value.split(',')).map(str::trim).collect();
        // Every proxy adds whom it saw at the end; what stands before may be invented.
        told.iter().rev().nth(back).and_then(|text| text.parse().ok()).or(peer)
    }
}

fn refused(kind: &'static str) {
    metrics::counter!("aftercare_rate_limited_total", "kind" => kind).increment(1);
}

/// What counts as one address: a household has a whole /64 of IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use common::{clock::Clock, config::Sources};
    use http::HeaderValue;

    use super::*;
    use crate::{Config, DEFAULTS, NAME};

    fn limits(change: impl FnOnce(&mut RateSettings)) -> Limits {
        let loaded = Sources::default().load::<Config>(NAME, DEFAULTS).unwrap();
        let mut settings = loaded.service.rates;
        change(&mut settings);
        settings.check().unwrap();
        Limits::new(Rates::new(&loaded.settings.bus, Clock::system()).unwrap(), settings)
    }

    fn slow(burst: u32) -> Rate {
        Rate { calls: 1, within: Duration::from_secs(3600), burst }
    }

    fn actor(role: Role, id: &str) -> Actor {
        Actor::new(id, role, "")
    }

    #[tokio::test]
    async fn one_noisy_caller_harms_only_itself() {
        let limits = limits(|settings| {
            settings.person = slow(5);
            settings.partner = slow(100);
            settings.partner_per_day = 7;
            settings.exports = slow(1);
        });
        let call = async |actor: &Actor, class| limits.call(Some(actor), None, None, class).await;
        let (noisy, quiet) = (actor(Role::Agent, "a"), actor(Role::Agent, "b"));
        for _ in 0..5 {
            call(&noisy, Class::Read).await.unwrap();
        }
        let refused = call(&noisy, Class::Read).await.unwrap_err();
        assert_eq!(refused.reason, RATE_LIMITED);
        assert!(refused.retry_after.unwrap() > Duration::from_secs(3000));
        call(&quiet, Class::Export).await.unwrap();
        assert_eq!(call(&quiet, Class::Export).await.unwrap_err().reason, RATE_LIMITED);
        call(&quiet, Class::Read).await.unwrap();

        let partner = actor(Role::Partner, "p");
        for _ in 0..7 {
            call(&partner, Class::Read).await.unwrap();
        }
        assert_eq!(call(&partner, Class::Read).await.unwrap_err().reason, QUOTA_EXHAUSTED);
    }

    #[tokio::test]
    async fn a_program_has_the_rate_that_it_was_given() {
        let limits = limits(|settings| settings.partner = slow(3));
        let partner = Actor { partner_id: "haier".to_owned(), ..actor(Role::Partner, "pc_1") };
        let program = |id: &str, calls_per_second| Program { client_id: id.to_owned(), calls_per_second };
        let call = async |program: &Program| limits.call(Some(&partner), Some(program), None, Class::Read).await;
        // Slower than its partner may be: at once as many as in a second, and no more.
        let slower = program("pc_slow", 1);
        call(&slower).await.unwrap();
        let refused = call(&slower).await.unwrap_err();
        assert_eq!(refused.reason, RATE_LIMITED);
        assert!(refused.retry_after.is_some_and(|after| after <= Duration::from_secs(1)));
        // Quicker: it does not use up what its partner's other programs share.
        let quicker = program("pc_quick", 500);
        for _ in 0..50 {
            call(&quicker).await.unwrap();
        }
        let usual = program("pc_usual", 0);
        for _ in 0..3 {
            call(&usual).await.unwrap();
        }
        assert_eq!(call(&usual).await.unwrap_err().reason, RATE_LIMITED);
        call(&quicker).await.unwrap();
    }

    #[tokio::test]
    async fn guessing_stops_after_a_few_and_another_account_is_free() {
        let limits = limits(|_| ());
        let mut wrong = 0;
        while limits.look("login", "wang").await.is_ok() && limits.hit("login", "wang").await.is_ok() {
            wrong += 1;
            assert!(wrong < 100, "guessing never stops");
        }
        assert!((5..=10).contains(&wrong), "{wrong} guesses");
        limits.look("login", "zhao").await.unwrap();
        limits.look("link", "wang").await.unwrap();
    }

    #[tokio::test]
    async fn an_address_is_the_connections_or_what_our_own_proxies_say() {
        let mut extensions = Extensions::new();
        extensions.insert(ClientAddress(SocketAddr::from(([10, 0, 0, 1], 5000))));
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("1.1.1.1, 2.2.2.2"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("3.3.3.3"));
        let seen =
            |proxies| limits(|settings| settings.proxies = proxies).address(&headers, &extensions).unwrap().to_string();
        assert_eq!([seen(0), seen(1), seen(2), seen(9)], ["10.0.0.1", "3.3.3.3", "2.2.2.2", "10.0.0.1"]);
        assert_eq!(network("2001:db8:1:2:3::1".parse().unwrap()), network("2001:db8:1:2::9".parse().unwrap()));
        assert_eq!(network("::ffff:1.2.3.4".parse().unwrap()), "1.2.3.4");
    }
}
