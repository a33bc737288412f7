//! Signing in at a provider that others made: `oidc-provider`, a process of its own, by HTTP from the first address to the
//! last, through the forms that it shows people.

use std::{collections::HashMap, process::Stdio};

use common::clock::Clock;
use common::testing::Backend;
use http::{StatusCode, header};
use reqwest::{Client, redirect::Policy};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
};
use url::Url;

use super::{World, provider::reason};
use crate::identity::{oidc::challenge, secrets};

/// How the id tokens of its clients are signed; each client proves itself in another way.
const SIGNATURES: [(&str, &str); 4] = [("rs", "RS256"), ("ps", "PS256"), ("es", "ES256"), ("ed", "EdDSA")];
const SECRET: &str = "a secret of the tests, with + & % in it";

/// Starts the provider; gives its issuer.
async fn provider(gateway: &str) -> (Child, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oidc/provider.mjs");
    let back = SIGNATURES.map(|(name, _)| format!("{gateway}/v1/sign-in/oidc/{name}/callback"));
    let mut command = Command::new("node");
    command.arg(script).args(back).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().expect("node is there, as README.md says");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let issuer = lines.next_line().await.unwrap();
    // Read on: a provider whose words nobody hears ends.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, issuer.expect("the provider starts: `npm ci --prefix tests` fetches it"))
}

/// A world at an address of its own, with its clock at the present: the provider knows no other.
async fn world(backend: Backend) -> (World, Child, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = format!("http://{}", listener.local_addr().unwrap());
    let (child, issuer) = provider(&gateway).await;
    let mut text = format!("public_url = \"{gateway}\"\npages = [\"{gateway}/docs\"]\n");
    for (name, alg) in SIGNATURES {
        let secret = if alg == "EdDSA" { "" } else { SECRET };
        text += &format!(
            "[sign_in.providers.{name}]\nissuer = \"{issuer}\"\nclient_id = \"aftercare-{alg}\"\nclient_secret = \"{secret}\"\n\
             algorithms = [\"{alg}\"]\nunknown = \"create\"\nclaim = \"groups\"\n\
             roles = [{{ value = \"dispatchers\", role = \"dispatcher\", org_unit = \"head-office\" }}]\n"
        );
    }
    let world = World::with(backend, &text).await;
    world.bench.core.clock.set(Clock::system().now());
    let routes = world.routes.clone().into_axum_router();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (world, child, gateway)
}

/// A browser: it follows where it is sent, and keeps the cookies of each place.
struct Browser {
    client: Client,
    cookies: HashMap<(String, String), String>,
    history: Vec<String>,
}

/// What a browser shows.
struct Page {
    status: StatusCode,
    address: Url,
    text: String,
}

impl Browser {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { client, cookies: HashMap::new(), history: Vec::new() }
    }

    /// Opens an address, or sends a form there, and follows where that leads; stops at an address with a `#`.
    async fn open(&mut self, address: &str, form: Option<&[(&str, &str)]>) -> Page {
        let (mut address, mut form) = (Url::parse(address).unwrap(), form);
        for _ in 0..20 {
            self.history.push(address.to_string());
            if address.fragment().is_some() {
                return Page { status: StatusCode::OK, address, text: String::new() };
            }
            let place = address.authority().to_owned();
            let cookies = self.cookies.iter().filter(|((of, _), _)| *of == place);
            let cookies: Vec<String> = cookies.map(|((_, name), value)| format!("{name}={value}")).collect();
            let request = match form.take() {
                None => self.client.get(address.clone()),
                Some(fields) => {
                    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                    let kind = "application/x-www-form-urlencoded";
                    self.client.post(address.clone()).header(header::CONTENT_TYPE, kind).body(body)
                }
            };
            let answer = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all(header::SET_COOKIE) {
                let cookie = cookie.to_str().unwrap();
                let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
                let key = (place.clone(), name.to_owned());
                if value.is_empty() {
                    self.cookies.remove(&key);
                } else {
                    self.cookies.insert(key, value.to_owned());
                }
            }
            let status = answer.status();
            match answer.headers().get(header::LOCATION) {
                Some(to) if status.is_redirection() => address = address.join(to.to_str().unwrap()).unwrap(),
                _ => return Page { status, address, text: answer.text().await.unwrap() },
            }
        }
        panic!("sent around in circles: {:?}", self.history);
    }

    /// Fills in the form of a page.
    async fn fill(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let action = page.text.split("action=\"").nth(1).and_then(|rest| rest.split('"').next());
        let action = action.unwrap_or_else(|| panic!("{} {}: no form in {}", page.status, page.address, page.text));
        self.open(page.address.join(action).unwrap().as_str(), Some(fields)).await
    }

    /// To the provider, in there under this name, and back; gives what the page is told.
    async fn sign_in(&mut self, gateway: &str, provider: &str, name: &str, verifier: &str) -> String {
        let begin = format!("{gateway}/v1/sign-in/oidc/{provider}?challenge={}", challenge(verifier));
        let page = self.open(&begin, None).await;
        let page = self.fill(&page, &[("prompt", "login"), ("login", name), ("password", "any")]).await;
        let page = self.fill(&page, &[("prompt", "consent")]).await;
        assert!(page.address.as_str().starts_with(&format!("{gateway}/docs#")), "{} {}", page.address, page.text);
        page.address.fragment().unwrap().to_owned()
    }

    async fn fetch(&self, gateway: &str, code: &str, verifier: &str) -> (StatusCode, Value) {
        let body = json!({"code": code, "verifier": verifier}).to_string();
        let request =
            self.client.post(format!("{gateway}/v1/sign-in:oidc")).header(header::CONTENT_TYPE, "application/json");
        let answer = request.body(body).send().await.unwrap();
        (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn people_sign_in_at_a_provider_that_others_made(#[case] backend: Backend) {
    let (world, _provider, gateway) = world(backend).await;
    for (name, alg) in SIGNATURES {
        let (mut browser, verifier) = (Browser::new(), secrets::text());
        let told = browser.sign_in(&gateway, name, &format!("disp-{name}"), &verifier).await;
        let code = told.strip_prefix("code=").unwrap_or_else(|| panic!("{alg}: {told}"));
        let (status, session) = browser.fetch(&gateway, code, &verifier).await;
        assert_eq!(status, StatusCode::OK, "{alg}: {session}");
        let account = &session["account"];
        assert_eq!(account["role"], "ROLE_DISPATCHER", "{alg}");
        assert_eq!(account["displayName"], format!("disp-{name} of the tests"));
        assert_eq!(account["identities"][0]["subject"], format!("disp-{name}"));
        let token = session["accessToken"].as_str().unwrap();
        let (status, me) = world.get("/v1/me", token).await;
        assert_eq!((status, &me["account"]["accountId"]), (StatusCode::OK, &account["accountId"]));
        // Whatever opens a door is in no address that the browser saw.
        let secret = [token, session["refreshToken"].as_str().unwrap(), &*verifier, "eyJ"];
        assert!(browser.history.iter().all(|seen| secret.iter().all(|secret| !seen.contains(secret))));

        // Again, in a browser that the provider remembers: no form, the same account.
        let begin = format!("{gateway}/v1/sign-in/oidc/{name}?challenge={}", challenge(&verifier));
        let page = browser.open(&begin, None).await;
        let code = page.address.fragment().unwrap_or_default().strip_prefix("code=").unwrap_or_default().to_owned();
        let (status, again) = browser.fetch(&gateway, &code, &verifier).await;
        assert_eq!(
            (status, &again["account"]["accountId"]),
            (StatusCode::OK, &account["accountId"]),
            "{}",
            page.address
        );
    }
}

/// Runs the example of the guide.
async fn example(gateway: &str, with: &[(&str, &str)]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/typescript/provider.mjs");
    let mut node = Command::new("node");
    node.arg(script).env("API", gateway).env_remove("CODE").env_remove("VERIFIER").kill_on_drop(true);
    let done = node.envs(with.iter().copied()).stdin(Stdio::null()).output().await.unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    said
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_guides_example_signs_in(#[case] backend: Backend) {
    let (_world, _provider, gateway) = world(backend).await;
    let said = example(&gateway, &[]).await;
    let of = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let (verifier, address) = (of("verifier"), of("es"));
    let mut browser = Browser::new();
    let page = browser.open(&address, None).await;
    let page = browser.fill(&page, &[("prompt", "login"), ("login", "disp-guide"), ("password", "any")]).await;
    let page = browser.fill(&page, &[("prompt", "consent")]).await;
    let code = page.address.fragment().unwrap().strip_prefix("code=").unwrap().to_owned();
    let said = example(&gateway, &[("CODE", &code), ("VERIFIER", &verifier)]).await;
    assert!(said.starts_with("us_") && said.contains("900 seconds"), "{said}");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_is_nobody_here_or_does_not_consent_stays_out(#[case] backend: Backend) {
    let (world, _provider, gateway) = world(backend).await;
    let (mut browser, verifier) = (Browser::new(), secrets::text());
    let told = browser.sign_in(&gateway, "rs", "somebody", &verifier).await;
    let (status, refusal) = browser.fetch(&gateway, told.strip_prefix("code=").unwrap(), &verifier).await;
    assert_eq!((status, reason(&refusal)), (StatusCode::UNAUTHORIZED, "NO_ACCOUNT"));

    let mut browser = Browser::new();
    let begin = format!("{gateway}/v1/sign-in/oidc/es?challenge={}", challenge(&verifier));
    let page = browser.open(&begin, None).await;
    let abort = page.text.split("href=\"").map(|rest| rest.split('"').next().unwrap_or_default());
    let abort = abort.into_iter().find(|link| link.ends_with("/abort")).expect("a way to cancel").to_owned();
    let page = browser.open(page.address.join(&abort).unwrap().as_str(), None).await;
    assert_eq!(page.address.fragment(), Some("error=PROVIDER_REFUSED"), "{}", page.address);

    // The answer to one browser, opened in another.
    let mut one = Browser::new();
    let page = one.open(&begin, None).await;
    let page = one.fill(&page, &[("prompt", "login"), ("login", "disp-x"), ("password", "any")]).await;
    one.cookies.retain(|(place, _), _| !gateway.ends_with(place.as_str()));
    let page = one.fill(&page, &[("prompt", "consent")]).await;
    assert_eq!(page.address.fragment(), Some("error=SIGN_IN_OVER"), "{}", page.address);
    let back = one.history.iter().find(|seen| seen.contains("/callback?")).expect("it came back").clone();
    assert_eq!(one.open(&back, None).await.address.fragment(), Some("error=SIGN_IN_OVER"), "and again");
    use sea_orm::{EntityTrait as _, PaginatorTrait as _};
    let sessions = crate::store::identity::session::entity::Entity::find().count(world.bench.core.db.read()).await;
    assert_eq!(sessions.unwrap(), 0);
}
