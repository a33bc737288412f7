//! `POST /oauth/token`: client credentials for an access token, after RFC 6749, section 4.4.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::{
    Authority,
    tokens::{Bearer, Kind},
};
use crate::{door::Door, store::identity::client};

/// Bytes of a form; ours are far shorter.
const LONGEST: usize = 8 * 1024;

/// Why no token is given, in the words of the standard.
struct Refusal(StatusCode, &'static str, &'static str);

const INVALID_REQUEST: &str = "invalid_request";
const INVALID_CLIENT: Refusal = Refusal(StatusCode::UNAUTHORIZED, "invalid_client", "unknown client or wrong secret");

/// The handler.
pub(crate) async fn token(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let address = door.protection.limits.address(&parts.headers, &parts.extensions);
    let key = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let answer = async {
        let Some(authority) = door.entrance.authority() else {
            return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "nobody signs in here"));
        };
        let slow_down = |_| Refusal(StatusCode::TOO_MANY_REQUESTS, INVALID_REQUEST, "too many wrong guesses; wait");
        door.protection.limits.look("token", &key).await.map_err(slow_down)?;
        let form = form(&parts.headers, body).await?;
        let given = grant(authority, &parts.headers, &form, address).await;
        if let Err(Refusal(StatusCode::UNAUTHORIZED, ..)) = &given {
            door.protection.limits.hit("token", &key).await.map_err(slow_down)?;
        }
        given
    };
    let mut response = match answer.await {
        Ok(granted) => axum::Json(granted).into_response(),
        Err(Refusal(status, error, description)) => {
            let body = json!({"error": error, "error_description": description});
            let mut response = (status, axum::Json(body)).into_response();
            if status == StatusCode::UNAUTHORIZED {
                let basic = HeaderValue::from_static("Basic realm=\"aftercare\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
            }
            response
        }
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

type Form = Vec<(String, String)>;

async fn form(headers: &HeaderMap, body: Body) -> Result<Form, Refusal> {
    let wrong = |why| Refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, why);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != "application/x-www-form-urlencoded" {
        return Err(wrong("send the form as application/x-www-form-urlencoded"));
    }
    let body = Limited::new(body, LONGEST).collect().await.map_err(|_| wrong("the form is too long or broke off"))?;
    let form: Form = form_urlencoded::parse(&body.to_bytes()).into_owned().collect();
    let mut names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(wrong("a field came twice"));
    }
    Ok(form)
}

async fn grant(
    authority: &Authority,
    headers: &HeaderMap,
    form: &Form,
    address: Option<std::net::IpAddr>,
) -> Result<serde_json::Value, Refusal> {
    let field = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    match field("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            let why = "only client_credentials is granted here";
            return Err(Refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type", why));
        }
        None => return Err(Refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, "grant_type is missing")),
    }
    let (id, secret) = match (basic(headers)?, field("client_id"), field("client_secret")) {
        (Some(both), None, None) => both,
        (None, Some(id), Some(secret)) => (id.to_owned(), secret.to_owned()),
        (Some(_), ..) => return Err(Refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, "credentials came twice")),
        (None, ..) => return Err(INVALID_CLIENT),
    };
    let down = |_| Refusal(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "try again in a moment");
    let (client, prefix) = match authority.client_of(&secret).await {
        Ok(found) => found,
        Err(error) if error.kind() == common::error::Kind::Unauthenticated => return Err(INVALID_CLIENT),
        Err(error) => return Err(down(error)),
    };
    let alive = client.alive(authority.core.clock.now()) && client.may_call_from(address);
    if client.id.as_str() != id || !alive {
        return Err(INVALID_CLIENT);
    }
    let scopes: Vec<String> = match field("scope") {
        None | Some("") => client.scopes.clone(),
        Some(wanted) => wanted.split_whitespace().map(str::to_owned).collect(),
    };
    if scopes.iter().any(|scope| !client.scopes.contains(scope)) {
        return Err(Refusal(StatusCode::BAD_REQUEST, "invalid_scope", "the client was not given all of these scopes"));
    }
    let scope = scopes.join(" ");
    let bearer = Bearer { subject: id, session: String::new(), scopes };
    let access_token = authority.sign(Kind::Client, &bearer).await.map_err(down)?;
    let used = async {
        let tx = authority.core.db.begin().await?;
        client::touch_secret(&tx, &prefix, authority.core.clock.now()).await?;
        tx.commit().await
    };
    if let Err(error) = used.await {
        tracing::warn!(%error, "the last use of a client's secret was not noted");
    }
    let expires_in = authority.config.sign_in.access_life.as_secs();
    Ok(json!({"access_token": access_token, "token_type": "Bearer", "expires_in": expires_in, "scope": scope}))
}

/// Client id and secret out of `Authorization: Basic …`, form-decoded as the standard has it.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let decoded = value.to_str().ok().and_then(|text| {
        let (scheme, encoded) = text.split_once(' ')?;
        let bytes = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded).ok())??;
        let text = String::from_utf8(bytes).ok()?;
        let (id, secret) = text.split_once(':')?;
        let plain = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).ok();
        Some((plain(id)?, plain(secret)?))
    });
    decoded.map(Some).ok_or(INVALID_CLIENT)
}
