//! The settings of providers of identities. The comments of the keys stand in `config/default.toml`.

use std::{collections::BTreeMap, str::FromStr as _, time::Duration};

use anyhow::{Context as _, ensure};
use common::{
    config::{Secret, duration},
    record::Role,
};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use url::{Host, Url};

/// Longest name of a provider.
const LONGEST_NAME: usize = 40;

/// One provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Name to show; the provider's own name in the configuration when it is empty.
    #[serde(default)]
    pub display_name: String,
    /// The issuer, exactly as it calls itself.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// What we prove ourselves by; empty for a public client.
    #[serde(default)]
    pub client_secret: Secret,
    /// What is asked for.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// Hosts other than the issuer's that its endpoints may be at.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Signatures that are taken.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<String>,
    /// Time for one answer of the provider.
    #[serde(default = "timeout", with = "duration")]
    pub timeout: Duration,
    /// What becomes of somebody who has no account here.
    #[serde(default)]
    pub unknown: Unknown,
    /// Claim of the id token that says what somebody is: a name, or a path with dots.
    #[serde(default)]
    pub claim: String,
    /// What its values mean; the first that fits holds.
    #[serde(default)]
    pub roles: Vec<Rule>,
}

/// What becomes of somebody who has no account here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Stays out until an administrator links an account.
    #[default]
    Refuse,
    /// Is given one, with the role and the unit that the claim says.
    Create,
}

/// What a value of the claim means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The value.
    pub value: String,
    /// The role.
    pub role: String,
    /// The organisation unit.
    pub org_unit: String,
}

fn scopes() -> Vec<String> {
    ["openid", "profile"].map(str::to_owned).into()
}

fn algorithms() -> Vec<String> {
    ["RS256", "PS256", "ES256", "EdDSA"].map(str::to_owned).into()
}

fn timeout() -> Duration {
    Duration::from_secs(5)
}

impl ProviderConfig {
    /// Signatures that are taken. Only those of key pairs: a key that everybody can read signs nothing.
    ///
    /// # Errors
    ///
    /// Names the one that is none.
    pub(super) fn algorithms(&self) -> anyhow::Result<Vec<Algorithm>> {
        let parsed = self.algorithms.iter().map(|name| {
            let algorithm = Algorithm::from_str(name).with_context(|| format!("there is no signature {name}"))?;
            let shared = matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
            ensure!(!shared, "{name} is signed with a shared secret");
            Ok(algorithm)
        });
        let parsed: Vec<_> = parsed.collect::<anyhow::Result<_>>()?;
        ensure!(!parsed.is_empty(), "algorithms must not be empty");
        Ok(parsed)
    }

    fn check(&self) -> anyhow::Result<()> {
        let issuer = Url::parse(&self.issuer).with_context(|| format!("issuer is no address: {}", self.issuer))?;
        let plain = issuer.query().is_none() && issuer.fragment().is_none() && issuer.username().is_empty();
        ensure!(plain && issuer.has_host(), "issuer must be an address without user, query and fragment");
        ensure!(!self.client_id.is_empty(), "client_id must not be empty");
        ensure!(self.scopes.iter().any(|scope| scope == "openid"), "scopes must contain openid");
        ensure!(!self.timeout.is_zero() && self.timeout <= Duration::from_secs(30), "timeout must be 30s or less");
        self.algorithms()?;
        ensure!(self.claim.is_empty() == self.roles.is_empty(), "claim and roles need each other");
        ensure!(
            self.unknown == Unknown::Refuse || !self.roles.is_empty(),
            "unknown = \"create\" needs claim and roles: nobody is given an account without a role"
        );
        for rule in &self.roles {
            let role = Role::parse(&rule.role).with_context(|| format!("there is no role {}", rule.role))?;
            // A technician is a record in dispatch, a partner's person belongs to a partner: an administrator links them.
            ensure!(
                !matches!(role, Role::Technician | Role::Partner | Role::CustomerLink | Role::Service),
                "a claim makes nobody a {}: an administrator links such accounts",
                rule.role
            );
            ensure!(!rule.value.is_empty() && !rule.org_unit.is_empty(), "roles need value and org_unit");
        }
        Ok(())
    }
}

/// Whether these settings can be kept.
///
/// # Errors
///
/// Names the key.
pub(crate) fn check(
    providers: &BTreeMap<String, ProviderConfig>,
    public_url: &str,
    pages: &[String],
) -> anyhow::Result<()> {
    if providers.is_empty() {
        return Ok(());
    }
    let own = Url::parse(public_url).context("sign_in.public_url is needed where there are providers")?;
    ensure!(own.has_host() && own.query().is_none() && own.fragment().is_none(), "sign_in.public_url is no address");
    ensure!(!pages.is_empty(), "sign_in.pages is needed where there are providers");
    for page in pages {
        let parsed = Url::parse(page).with_context(|| format!("sign_in.pages: {page} is no address"))?;
        ensure!(parsed.fragment().is_none(), "sign_in.pages: {page} must have no fragment");
    }
    for (name, provider) in providers {
        let good = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter);
        ensure!(
            !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(good),
            "sign_in.providers.{name}: a name has lower-case letters, digits, - and _"
        );
        provider.check().with_context(|| format!("sign_in.providers.{name}"))?;
    }
    Ok(())
}

/// Whether everything is reached by TLS, as it must be outside development: there this machine's own addresses need none.
///
/// # Errors
///
/// Names the key.
pub(crate) fn check_transport(
    providers: &BTreeMap<String, ProviderConfig>,
    public_url: &str,
    development: bool,
) -> anyhow::Result<()> {
    if providers.is_empty() {
        return Ok(());
    }
    let of = |name: &str, issuer: &str| (format!("sign_in.providers.{name}.issuer"), issuer.to_owned());
    let issuers = providers.iter().map(|(name, provider)| of(name, &provider.issuer));
    for (key, address) in issuers.chain([("sign_in.public_url".to_owned(), public_url.to_owned())]) {
        let parsed = Url::parse(&address).with_context(|| format!("{key} is no address: {address}"))?;
        let fine = parsed.scheme() == "https" || (development && parsed.scheme() == "http" && is_here(&parsed));
        ensure!(fine, "{key} must begin with https://");
    }
    Ok(())
}

fn is_here(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        issuer = "https://id.example"
        client_id = "aftercare"
        client_secret = "s"
        unknown = "create"
        claim = "groups"
        roles = [{ value = "a", role = "agent", org_unit = "head-office" }]
    "#;

    fn checked(from: &str, to: &str) -> anyhow::Result<()> {
        assert!(GOOD.contains(from), "{from}");
        let provider: ProviderConfig = toml::from_str(&GOOD.replace(from, to))?;
        check(&BTreeMap::from([("corp".to_owned(), provider)]), "https://a.example", &["https://b.example/in".into()])
    }

    #[test]
    fn settings_that_leave_the_door_open_are_refused() {
        checked("", "").unwrap();
        for (from, to) in [
            ("https://id.example", "id.example"),
            ("https://id.example", "https://id.example?tenant=1"),
            ("\"aftercare\"", "\"\""),
            ("client_secret = \"s\"", "scopes = [\"profile\"]"),
            ("client_secret = \"s\"", "algorithms = []"),
            ("client_secret = \"s\"", "algorithms = [\"none\"]"),
            ("client_secret = \"s\"", "algorithms = [\"RS256\", \"HS256\"]"),
            ("client_secret = \"s\"", "timeout = \"5m\""),
            ("client_secret = \"s\"", "link_by_email = true"),
            ("claim = \"groups\"", ""),
            ("roles = [{ value = \"a\", role = \"agent\", org_unit = \"head-office\" }]", ""),
            ("agent", "king"),
            ("agent", "technician"),
            ("agent", "partner"),
            ("agent", "service"),
            ("head-office", ""),
        ] {
            assert!(checked(from, to).is_err(), "{from} -> {to}");
        }
        let provider: ProviderConfig = toml::from_str(GOOD).unwrap();
        let all = BTreeMap::from([("corp".to_owned(), provider.clone())]);
        assert!(check(&all, "", &["https://b.example".into()]).is_err(), "no address of our own");
        assert!(check(&all, "https://a.example", &[]).is_err(), "no page");
        let all = BTreeMap::from([("Corp".to_owned(), provider)]);
        assert!(check(&all, "https://a.example", &["https://b.example".into()]).is_err(), "the name");
        assert!(check(&BTreeMap::new(), "", &[]).is_ok());
    }

    #[test]
    fn a_secret_comes_from_the_environment() {
        let text = GOOD.replace("client_secret = \"s\"", "").replace("\n        ", "\n");
        let text = format!(
            "[gateway.sign_in]\npublic_url = \"https://a.example\"\npages = [\"https://b.example\"]\n[gateway.sign_in.providers.corp]\n{text}"
        );
        let variable = ("AFTERCARE_GATEWAY__SIGN_IN__PROVIDERS__CORP__CLIENT_SECRET", "0123:of & the environment");
        let sources = common::config::Sources::new(&[crate::NAME]).text("test", &text).unwrap();
        let sources = sources.environment([(variable.0.to_owned(), variable.1.to_owned())]);
        let loaded = sources.load::<crate::Config>(crate::NAME, crate::DEFAULTS).unwrap().service;
        loaded.identity().check().unwrap();
        let provider = &loaded.sign_in.providers["corp"];
        assert_eq!(provider.client_secret.expose(), variable.1);
        assert!(!format!("{provider:?}").contains("of & the environment"), "it shows in no log");
        let mut identity = loaded.identity();
        identity.sign_in.stream_recheck = Duration::from_secs(61);
        assert!(identity.check().is_err(), "whoever lost a right keeps a stream for a minute at the most");
    }

    #[test]
    fn plain_http_is_for_this_machine_in_development() {
        let mut provider: ProviderConfig = toml::from_str(GOOD).unwrap();
        for (issuer, public, development, expected) in [
            ("https://id.example", "https://a.example", false, true),
            ("http://id.example", "https://a.example", true, false),
            ("http://127.0.0.1:1", "http://localhost:2", true, true),
            ("http://127.0.0.1:1", "https://a.example", false, false),
            ("https://id.example", "http://127.0.0.1:1", false, false),
        ] {
            provider.issuer = issuer.to_owned();
            let all = BTreeMap::from([("corp".to_owned(), provider.clone())]);
            assert_eq!(check_transport(&all, public, development).is_ok(), expected, "{issuer} {public}");
        }
    }
}
