//! The two addresses that browsers are sent to: to the provider, and back from it. Everything that a person sees afterwards is
//! the page's; it learns the outcome behind the `#` of its address, which no server and no log ever sees.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    response::Response,
};
use common::{
    catalog::Language,
    error::{Error, Kind, reason},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Arrival, Departure};
use crate::{door::Door, error::PROVIDER_REFUSED, identity::Authority, protection::classes::Class, rest};

/// Longest code of a provider that is passed on, in bytes.
const LONGEST_CODE: usize = 4096;
/// Length of a state of ours, and of an S256 challenge.
const LENGTH: usize = 43;

/// `GET /v1/sign-in/oidc/{provider}?challenge=…&page=…`: to the provider.
pub(crate) async fn depart(State(door): State<Arc<Door>>, Path(name): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = query(parts.uri.query());
    let address = door.protection.limits.address(&parts.headers, &parts.extensions);
    let begun = async {
        let authority = door.entrance.authority().ok_or_else(|| Error::new(reason::UNAVAILABLE))?;
        door.protection.limits.begin_sign_in(address).await?;
        let challenge = one(&query, "challenge").filter(|text| is_secret(text));
        let challenge = challenge.ok_or_else(|| Error::invalid("challenge", "string.s256"))?;
        let pages = &authority.config.sign_in.pages;
        let page = match one(&query, "page") {
            None => pages.first(),
            Some(asked) => pages.iter().find(|page| *page == asked),
        };
        let page = page.cloned().ok_or_else(|| Error::invalid("page", "string.in"))?;
        match authority.depart(&name, challenge, &page).await {
            Ok(departure) => Ok(gone(authority, &departure)),
            // The page can say it better than a browser that shows JSON.
            Err(error) if error.kind() == Kind::Unavailable => {
                log(&name, &error);
                Ok(to_page(&page, "error", error.reason.name, None))
            }
            Err(error) => Err(error),
        }
    };
    begun.await.unwrap_or_else(|error| refused(&door, &parts.headers, error))
}

/// `GET /v1/sign-in/oidc/{provider}/callback`: back from it.
pub(crate) async fn arrive(State(door): State<Arc<Door>>, Path(name): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = query(parts.uri.query());
    let Some(authority) = door.entrance.authority() else {
        return refused(&door, &parts.headers, Error::new(reason::UNAVAILABLE));
    };
    let address = door.protection.limits.address(&parts.headers, &parts.extensions);
    if let Err(error) = door.protection.limits.call(None, None, address, Class::Read).await {
        return refused(&door, &parts.headers, error);
    }
    let Some(first) = authority.config.sign_in.pages.first() else {
        return refused(&door, &parts.headers, Error::new(crate::error::UNKNOWN_PROVIDER).with("provider", name));
    };
    let state = one(&query, "state").filter(|text| is_secret(text)).unwrap_or_default();
    let cookie = authority.cookie_of(state);
    let round = match authority.round(&name, state).await {
        Ok(round) => round,
        Err(error) => {
            log(&name, &error);
            return to_page(first, "error", error.reason.name, None);
        }
    };
    let page = round.page.clone();
    let code = one(&query, "code").filter(|code| !code.is_empty() && code.len() <= LONGEST_CODE);
    let arrived = match (code, one(&query, "error")) {
        (Some(code), None) => {
            let secret = self::cookie(&parts.headers, &cookie).unwrap_or_default().to_owned();
            let issuer = one(&query, "iss").map(str::to_owned);
            authority.arrive(round, Arrival { code: code.to_owned(), issuer, secret }).await
        }
        (_, error) => {
            let said: String = error.unwrap_or("neither code nor error").chars().take(80).collect();
            Err(Error::new(PROVIDER_REFUSED).caused_by(anyhow::anyhow!("it says {said:?}")))
        }
    };
    let over = over(authority, &cookie);
    match arrived {
        Ok(code) => to_page(&page, "code", &code, Some(over)),
        Err(error) => {
            log(&name, &error);
            to_page(&page, "error", error.reason.name, Some(over))
        }
    }
}

/// Why somebody did not get in is for the log; the person is told no more than a reason.
fn log(provider: &str, error: &Error) {
    let cause = error.cause().map(ToString::to_string).unwrap_or_default();
    tracing::warn!(provider, reason = error.reason.name, cause, "nobody signed in at the provider");
}

type Query = Vec<(String, String)>;

fn query(text: Option<&str>) -> Query {
    form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// A parameter that came once: two of a name are none.
fn one<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    let mut found = query.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Whether a text has the form of 256 bits in base64.
fn is_secret(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    found.find(|(given, _)| *given == name).map(|(_, value)| value)
}

fn attributes(authority: &Authority) -> &'static str {
    match authority.config.sign_in.public_url.starts_with("https:") {
        true => "; Path=/; HttpOnly; SameSite=Lax; Secure",
        false => "; Path=/; HttpOnly; SameSite=Lax",
    }
}

fn over(authority: &Authority, cookie: &str) -> String {
    format!("{cookie}=; Max-Age=0{}", attributes(authority))
}

fn gone(authority: &Authority, departure: &Departure) -> Response {
    let Departure { address, cookie, secret } = departure;
    let life = authority.config.sign_in.step_life.as_secs();
    let cookie = format!("{cookie}={secret}; Max-Age={life}{}", attributes(authority));
    to(StatusCode::FOUND, address, Some(cookie))
}

fn to_page(page: &str, name: &str, value: &str, cookie: Option<String>) -> Response {
    to(StatusCode::SEE_OTHER, &format!("{page}#{name}={value}"), cookie)
}

fn to(status: StatusCode, address: &str, cookie: Option<String>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // An address that is no header was checked when the settings were: there is none.
    headers.insert(header::LOCATION, HeaderValue::try_from(address).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

fn refused(door: &Door, headers: &HeaderMap, error: Error) -> Response {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let status = door.refuse(Language::negotiate(accepted), error);
    let mut response = rest::refusal(&door.contract.pool, &status);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_is_nothing() {
        let query = query(Some("a=1&b=2&b=3&c=%20x"));
        assert_eq!(
            [one(&query, "a"), one(&query, "b"), one(&query, "c"), one(&query, "d")],
            [Some("1"), None, Some(" x"), None]
        );
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; aftercare=2;b=3"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=4"));
        for (name, expected) in
            [("a", Some("1")), ("aftercare", Some("2")), ("b", Some("3")), ("c", Some("4")), ("d", None)]
        {
            assert_eq!(cookie(&headers, name), expected, "{name}");
        }
    }
}
