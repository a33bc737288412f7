//! What a provider tells about itself, and the change of a code for an id token. Addresses come from the configuration: those
//! that a provider names must be its own, or at hosts that the configuration names too.

use std::collections::BTreeMap;

use anyhow::anyhow;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Duration, Utc};
use common::{
    clock::Clock,
    error::{Error, Result},
};
use http::{StatusCode, header};
use jsonwebtoken::{Algorithm, jwk::Jwk};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::{
    config::{ProviderConfig, Unknown},
    token::{self, Claims, Expected, Head},
};
use crate::error::{PROVIDER_REFUSED, PROVIDER_UNAVAILABLE, UNKNOWN_PROVIDER};

/// How long what a provider tells about itself is rested on.
const KNOWN_FOR: Duration = Duration::hours(1);
/// How long it is believed while the provider does not answer.
const BELIEVED: Duration = Duration::hours(24);
/// How long between two looks for keys that nobody knows: tokens that name invented ones cost the provider nothing.
const LOOK: Duration = Duration::seconds(10);
/// How long a provider that did not answer is left alone.
const REST: Duration = Duration::seconds(2);
/// Bytes of an answer at the most.
const LONGEST: usize = 512 * 1024;

/// All providers of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Providers(BTreeMap<String, Provider>);

/// One provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(super) name: String,
    pub(super) config: ProviderConfig,
    algorithms: Vec<Algorithm>,
    client: Client,
    clock: Clock,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    about: Option<(DateTime<Utc>, About)>,
    keys: Option<(DateTime<Utc>, Vec<Jwk>)>,
    looked_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
}

/// What a provider says of itself, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct About {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether it says in its answer who it is, as RFC 9207 has it.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

#[derive(Debug, Deserialize)]
struct Granted {
    id_token: String,
}

#[derive(Debug, Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Providers {
    /// Those of the configuration.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub(crate) fn new(configured: &BTreeMap<String, ProviderConfig>, clock: &Clock) -> anyhow::Result<Self> {
        if !configured.is_empty() {
            // The only TLS provider we have, said once for every client of the process; a second time is no fault.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let provider = |(name, config): (&String, &ProviderConfig)| {
            let client = Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .connect_timeout(config.timeout)
                .timeout(config.timeout)
                .user_agent(concat!("Aftercare/", env!("CARGO_PKG_VERSION")))
                .build()?;
            let algorithms = config.algorithms()?;
            let (config, clock, known) = (config.clone(), clock.clone(), Mutex::default());
            Ok((name.clone(), Provider { name: name.clone(), config, algorithms, client, clock, known }))
        };
        Ok(Self(configured.iter().map(provider).collect::<anyhow::Result<_>>()?))
    }

    /// The provider of that name.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_PROVIDER`.
    pub(crate) fn get(&self, name: &str) -> Result<&Provider> {
        self.0.get(name).ok_or_else(|| Error::new(UNKNOWN_PROVIDER).with("provider", name))
    }

    /// Names and names to show.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, provider)| {
            let shown = &provider.config.display_name;
            (&**name, if shown.is_empty() { &**name } else { &**shown })
        })
    }
}

fn unavailable(why: impl Into<anyhow::Error>) -> Error {
    Error::new(PROVIDER_UNAVAILABLE).caused_by(why)
}

/// Not believed; why is for the log alone.
pub(super) fn refused(why: &str) -> Error {
    Error::new(PROVIDER_REFUSED).caused_by(anyhow!("{why}"))
}

impl Provider {
    /// Who it is.
    pub(crate) fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Whether people without an account are given one.
    pub(super) fn takes_unknown(&self) -> bool {
        self.config.unknown == Unknown::Create
    }

    /// What it tells about itself.
    ///
    /// # Errors
    ///
    /// `PROVIDER_UNAVAILABLE`.
    pub(super) async fn about(&self) -> Result<About> {
        let now = self.clock.now();
        // Held while it is asked: whoever comes meanwhile takes the answer instead of asking as well.
        let mut known = self.known.lock().await;
        let kept = known.about.clone();
        if let Some((at, about)) = &kept
            && now - *at < KNOWN_FOR
        {
            return Ok(about.clone());
        }
        let asked = self.ask_about(&known, now).await;
        let about = known.settle(asked, kept, now)?;
        known.about = Some(about.clone());
        Ok(about.1)
    }

    async fn ask_about(&self, known: &Known, now: DateTime<Utc>) -> Result<About> {
        known.rested(now)?;
        let address = format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
        let about: About = self.ask(self.client.get(address)).await?;
        if about.issuer != self.config.issuer {
            return Err(unavailable(anyhow!("it calls itself {}", about.issuer)));
        }
        for address in [&about.authorization_endpoint, &about.token_endpoint, &about.jwks_uri] {
            self.may_be_at(address).map_err(|why| unavailable(anyhow!("{address}: {why}")))?;
        }
        Ok(about)
    }

    /// Whether an address that the provider names may be called.
    fn may_be_at(&self, address: &str) -> std::result::Result<(), &'static str> {
        let issuer = Url::parse(&self.config.issuer).map_err(|_| "the issuer is no address")?;
        let address = Url::parse(address).map_err(|_| "no address")?;
        let plain = address.username().is_empty() && address.password().is_none() && address.fragment().is_none();
        let same = (issuer.scheme(), issuer.host_str(), issuer.port_or_known_default())
            == (address.scheme(), address.host_str(), address.port_or_known_default());
        let named = address.scheme() == "https"
            && address.port_or_known_default() == Some(443)
            && address.host_str().is_some_and(|host| self.config.hosts.iter().any(|named| named == host));
        if plain && (same || named) { Ok(()) } else { Err("neither the issuer's nor at a host of the configuration") }
    }

    /// The keys that may have signed. `unknown` when the known ones do not have what is looked for.
    async fn keys(&self, unknown: bool) -> Result<Vec<Jwk>> {
        let about = self.about().await?;
        let now = self.clock.now();
        let mut known = self.known.lock().await;
        let kept = known.keys.clone();
        if let Some((at, keys)) = &kept {
            let look = unknown && known.looked_at.is_none_or(|at| now - at >= LOOK);
            if now - *at < KNOWN_FOR && !look {
                return Ok(keys.clone());
            }
        }
        if unknown {
            known.looked_at = Some(now);
        }
        let asked = match known.rested(now) {
            Ok(()) => self.ask::<KeySet>(self.client.get(&about.jwks_uri)).await.map(|set| {
                // A key that we cannot read signs nothing that we take; the others still do.
                set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect()
            }),
            Err(error) => Err(error),
        };
        let keys: (DateTime<Utc>, Vec<Jwk>) = known.settle(asked, kept, now)?;
        known.keys = Some(keys.clone());
        Ok(keys.1)
    }

    /// Changes a code for what the provider says of the person.
    ///
    /// # Errors
    ///
    /// `PROVIDER_REFUSED`, `PROVIDER_UNAVAILABLE`.
    pub(super) async fn claims(&self, code: &str, verifier: &str, back: &str, nonce: &str) -> Result<Claims> {
        let about = self.about().await?;
        let granted: Granted = self.ask(self.exchange(&about, code, verifier, back)).await?;
        self.believed(&granted.id_token, nonce).await
    }

    fn exchange(&self, about: &About, code: &str, verifier: &str, back: &str) -> RequestBuilder {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code");
        form.append_pair("code", code).append_pair("redirect_uri", back).append_pair("code_verifier", verifier);
        let (id, secret) = (&*self.config.client_id, self.config.client_secret.expose());
        let mut request = self.client.post(&about.token_endpoint);
        let methods = &about.token_endpoint_auth_methods_supported;
        let has = |method: &str| methods.iter().any(|name| name == method);
        if secret.is_empty() {
            form.append_pair("client_id", id);
        } else if methods.is_empty() || has("client_secret_basic") {
            let quoted = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let both = STANDARD.encode(format!("{}:{}", quoted(id), quoted(secret)));
            request = request.header(header::AUTHORIZATION, format!("Basic {both}"));
        } else {
            form.append_pair("client_id", id).append_pair("client_secret", secret);
        }
        request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form.finish())
    }

    async fn believed(&self, token: &str, nonce: &str) -> Result<Claims> {
        let head = token::head(token, &self.algorithms).map_err(refused)?;
        let key = match self.signer(&head, false).await? {
            Some(key) => key,
            None => {
                self.signer(&head, true).await?.ok_or_else(|| refused("signed with a key that it does not have"))?
            }
        };
        let (issuer, client_id) = (&*self.config.issuer, &*self.config.client_id);
        let expected = Expected { issuer, client_id, nonce, now: self.clock.now() };
        token::verify(token, &key, &head, expected).map_err(refused)
    }

    async fn signer(&self, head: &Head, unknown: bool) -> Result<Option<Jwk>> {
        Ok(token::key(&self.keys(unknown).await?, head).cloned())
    }

    /// Asks, and reads an answer of bounded size.
    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let mut answer = request.send().await.map_err(unavailable)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unavailable)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(unavailable(anyhow!("its answer is longer than {LONGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| refused(&format!("its answer: {error}"))),
            status if status.is_client_error() => {
                let said: Value = serde_json::from_slice(&body).unwrap_or_default();
                let said: String = said["error"].as_str().unwrap_or_default().chars().take(80).collect();
                Err(refused(&format!("it answers {status} {said:?}")))
            }
            status => Err(unavailable(anyhow!("it answers {status}"))),
        }
    }
}

impl Known {
    /// Whether the provider may be asked again.
    fn rested(&self, now: DateTime<Utc>) -> Result<()> {
        if self.failed_at.is_some_and(|at| now - at < REST) {
            return Err(unavailable(anyhow!("it did not answer a moment ago")));
        }
        Ok(())
    }

    /// What holds now: the answer, or while there is none what was known.
    fn settle<T>(
        &mut self,
        asked: Result<T>,
        kept: Option<(DateTime<Utc>, T)>,
        now: DateTime<Utc>,
    ) -> Result<(DateTime<Utc>, T)> {
        match (asked, kept) {
            (Ok(fresh), _) => {
                self.failed_at = None;
                Ok((now, fresh))
            }
            (Err(error), kept) => {
                if self.failed_at.is_none_or(|at| now - at >= REST) {
                    self.failed_at = Some(now);
                }
                match kept {
                    Some((at, old)) if now - at < BELIEVED => {
                        tracing::warn!(%error, cause = ?error.cause(), "a provider does not answer; what is known holds");
                        Ok((at, old))
                    }
                    _ => Err(unavailable(anyhow!("{error}: {:?}", error.cause()))),
                }
            }
        }
    }
}
