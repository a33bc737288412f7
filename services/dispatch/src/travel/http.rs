//! The few lines of HTTP that a routing server in the same network needs.

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Uri, body::Bytes, header::CONTENT_TYPE};
use hyper_util::{
    client::legacy::{Client as Legacy, connect::HttpConnector},
    rt::TokioExecutor,
};

/// A matrix of a hundred by a hundred is far smaller.
const LARGEST: usize = 16 << 20;

/// A client of one server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    base: String,
    client: Legacy<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of the server at this address.
    ///
    /// # Errors
    ///
    /// When it is no `http` address. Routing servers speak plain HTTP and stand in the same network.
    pub(crate) fn new(base: &str) -> anyhow::Result<Self> {
        let uri: Uri = base.parse().with_context(|| format!("travel.url {base:?} is no address"))?;
        anyhow::ensure!(
            uri.scheme_str() == Some("http") && uri.host().is_some(),
            "travel.url {base:?} must be an http:// address of a routing server in your own network"
        );
        let client = Legacy::builder(TokioExecutor::new()).build_http();
        Ok(Self { base: base.trim_end_matches('/').to_owned(), client })
    }

    /// Asks for JSON.
    pub(crate) async fn json<A: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<A> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))?;
        let response = self.client.request(request).await.context("no connection to the routing server")?;
        let status = response.status();
        let limited = Limited::new(response.into_body(), LARGEST);
        let bytes = match limited.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => bail!("the routing server's answer broke off: {error}"),
        };
        anyhow::ensure!(status.is_success(), "the routing server answered {status}");
        serde_json::from_slice(&bytes).context("the routing server's answer is not what was asked for")
    }
}
