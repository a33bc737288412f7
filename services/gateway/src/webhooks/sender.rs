//! One POST to one checked address: no pool, no redirects, no proxy, bounded in time and in size.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use super::guard::{self, Refused, Resolve};
use crate::domain::webhook::location::{Location, Rules};

/// Bytes of an answer that are read at the most.
const LONGEST_ANSWER: usize = 64 * 1024;
/// Characters of an answer that are kept.
const SNIPPET: usize = 500;
/// Addresses that are tried.
const TRIES: usize = 3;

/// What goes out.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// HTTP status; 0 when there was no answer.
    pub(crate) status: u16,
    pub(crate) latency: Duration,
    /// Why it failed, as a stable code; empty when it did not.
    pub(crate) error: &'static str,
    pub(crate) snippet: String,
    /// Seconds that the endpoint asks to be left alone.
    pub(crate) retry_after: Option<i64>,
}

impl Outcome {
    /// Whether the endpoint took it.
    pub(crate) fn taken(&self) -> bool {
        self.error.is_empty()
    }
}

/// Sends.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    rules: Rules,
    resolve: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
    connect_timeout: Duration,
    timeout: Duration,
    /// Whether places are looked at: what our own configuration names is not.
    guarded: bool,
}

impl Sender {
    /// A sender by these rules.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub(crate) fn new(config: &super::WebhookConfig, resolve: Arc<dyn Resolve>) -> anyhow::Result<Self> {
        Ok(Self {
            rules: config.rules(),
            resolve,
            tls: tls()?,
            connect_timeout: config.connect_timeout,
            timeout: config.timeout,
            guarded: true,
        })
    }

    /// A sender to places that our own configuration names, wherever they are.
    ///
    /// # Errors
    ///
    /// As [`Sender::new`].
    pub(crate) fn unguarded(timeout: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            rules: Rules::default(),
            resolve: Arc::new(guard::System),
            tls: tls()?,
            connect_timeout: timeout / 3,
            timeout,
            guarded: false,
        })
    }

    /// Sends, and says what came of it.
    pub(crate) async fn send(&self, post: &Post) -> Outcome {
        let begun = Instant::now();
        let sent = tokio::time::timeout(self.timeout, self.try_send(post)).await;
        let latency = begun.elapsed();
        let failed = |error| Outcome { status: 0, latency, error, snippet: String::new(), retry_after: None };
        match sent {
            Ok(Ok(outcome)) => Outcome { latency, ..outcome },
            Ok(Err(error)) => failed(error),
            Err(_) => failed("timeout"),
        }
    }

    async fn try_send(&self, post: &Post) -> Result<Outcome, &'static str> {
        let parsed = match self.guarded {
            true => Location::parse(&post.url, &self.rules),
            false => Location::anywhere(&post.url),
        };
        let location = parsed.map_err(|_| "address_refused")?;
        let refused = |refused| match refused {
            Refused::Name => "name",
            Refused::Address => "address_refused",
        };
        let found = guard::look_up(&location, &*self.resolve).await.map_err(refused)?;
        let addresses = match self.guarded {
            true => guard::allowed(found, &location, &self.rules).map_err(refused)?,
            false => found,
        };
        let stream = self.connect(&addresses).await?;
        if location.tls {
            let name = match location.ip() {
                Some(ip) => ServerName::from(ip),
                None => {
                    let name = location.host.to_string();
                    ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| "name")?
                }
            };
            let tls = TlsConnector::from(self.tls.clone());
            let stream = tls.connect(name, stream).await.map_err(|error| {
                tracing::debug!(%error, "a webhook's endpoint has no TLS that we trust");
                "tls"
            })?;
            exchange(stream, &location, post).await
        } else {
            exchange(stream, &location, post).await
        }
    }

    /// Connects to one of the checked addresses, and to no other.
    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, &'static str> {
        for address in addresses.iter().take(TRIES) {
            match tokio::time::timeout(self.connect_timeout, TcpStream::connect(*address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => tracing::debug!(%error, "a webhook's endpoint is not there"),
                Err(_) => tracing::debug!("a webhook's endpoint does not answer"),
            }
        }
        Err("connect")
    }
}

/// TLS with the certificates that browsers trust.
fn tls() -> anyhow::Result<Arc<ClientConfig>> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS has no protocol version")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(tls))
}

async fn exchange<S>(stream: S, location: &Location, post: &Post) -> Result<Outcome, &'static str>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| "protocol")?;
    let mut request = Request::post(&location.path)
        .header(header::HOST, &location.authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("Aftercare-Webhooks/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close");
    for (name, value) in &post.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(post.body.clone()))).map_err(|_| "protocol")?;
    let talking = async {
        let answer = sender.send_request(request).await.map_err(|_| "protocol")?;
        let status = answer.status();
        let retry_after =
            answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        // Of a longer answer only the beginning is of interest; the connection is dropped with the rest.
        let mut body = Limited::new(answer.into_body(), LONGEST_ANSWER);
        let mut start = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                start.extend_from_slice(data);
            }
        }
        Ok(Outcome {
            status: status.as_u16(),
            latency: Duration::ZERO,
            error: if status.is_success() { "" } else { "status" },
            snippet: snippet(&start),
            retry_after,
        })
    };
    // The connection does the reading and writing; it ends with the call.
    tokio::pin!(connection);
    tokio::pin!(talking);
    tokio::select! {
        outcome = &mut talking => outcome,
        _ = &mut connection => talking.await,
    }
}

/// The beginning of an answer as text that can be shown.
fn snippet(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..SNIPPET * 4).unwrap_or(body));
    text.chars().filter(|letter| !letter.is_control() || *letter == '\n').take(SNIPPET).collect()
}
