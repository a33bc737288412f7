//! Layers, types, refusals and secrets of the configuration.

use super::*;

const DEFAULTS: &str = r#"
listen = "127.0.0.1:50052"
[offer]
timeout = "15m"
tries = 3
ladder = ["5m", "10m"]
strict = true
"#;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    offer: Offer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offer {
    #[serde(with = "duration")]
    timeout: Duration,
    tries: u32,
    #[serde(with = "duration_list")]
    ladder: Vec<Duration>,
    strict: bool,
}

fn load(file: &str, variables: &[(&str, &str)]) -> anyhow::Result<Loaded<Config>> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Sources::new(&["dispatch"]).text("aftercare.toml", file)?.environment(variables).load("dispatch", DEFAULTS)
}

fn refusal(file: &str, variables: &[(&str, &str)]) -> String {
    format!("{:#}", load(file, variables).expect_err("must be refused"))
}

#[test]
fn defaults_are_whole_and_the_service_wins_over_the_shared_ones() {
    let loaded = load("", &[]).unwrap();
    assert_eq!(loaded.settings.listen.port(), 50052);
    assert_eq!(loaded.settings.database.url, "sqlite://data/dispatch.db");
    assert_eq!(loaded.service.offer.timeout, Duration::from_secs(900));
    assert_eq!(loaded.settings.drain.deadline, Duration::from_secs(12));
}

#[test]
fn later_layers_win() {
    let file = "listen = \"0.0.0.0:1\"\n[offer]\ntries = 4\n[database]\nmax_connections = 3\n[peers]\nintake = \"http://intake:1\"";
    let loaded = load(
        file,
        &[
            ("AFTERCARE__DATABASE__MAX_CONNECTIONS", "4"),
            ("AFTERCARE_DISPATCH__DATABASE__MAX_CONNECTIONS", "5"),
            ("AFTERCARE_DISPATCH__OFFER__TIMEOUT", "2s"),
            ("AFTERCARE_DISPATCH__OFFER__LADDER", "1s, 2s,"),
            ("AFTERCARE_DISPATCH__OFFER__STRICT", "false"),
            ("AFTERCARE__PEERS__PARTS_INVENTORY", "http://parts:2"),
            ("AFTERCARE__PEERS__SURVEY", "http://10.0.0.1:2,10.0.0.2:2"),
            ("AFTERCARE__IDENTITY__KEY", "0123e5"),
            ("AFTERCARE_INTAKE__OFFER__TIMEOUT", "of another process"),
            ("AFTERCARE_TEST_REDIS", "no configuration"),
        ],
    )
    .unwrap();
    assert_eq!(loaded.settings.listen, "0.0.0.0:1".parse().unwrap());
    assert_eq!(loaded.settings.database.max_connections, 5);
    assert_eq!(loaded.service.offer.tries, 4);
    assert_eq!(loaded.service.offer.timeout, Duration::from_secs(2));
    assert_eq!(loaded.service.offer.ladder, [Duration::from_secs(1), Duration::from_secs(2)]);
    assert!(!loaded.service.offer.strict);
    assert_eq!(loaded.settings.identity.key.expose(), "0123e5", "texts are not taken for numbers");
    assert_eq!(loaded.settings.peers.len(), 3);
    assert_eq!(loaded.settings.peers["parts_inventory"], "http://parts:2");
    let addresses = listed(&loaded.settings.peers["survey"]).unwrap().unwrap();
    assert_eq!(addresses, ["10.0.0.1:2".parse().unwrap(), "10.0.0.2:2".parse().unwrap()]);
}

#[test]
fn unknown_keys_are_refused_by_name() {
    assert!(refusal("[offer]\ntimout = \"1s\"", &[]).contains("`offer.timout` in aftercare.toml"));
    assert!(refusal("colour = 1", &[]).contains("`colour`"));
    assert!(refusal("", &[("AFTERCARE__DATABASE__ULR", "x")]).contains("AFTERCARE__DATABASE__ULR"));
    assert!(refusal("", &[("AFTERCARE_DISPATCH__OFFER", "x")]).contains("AFTERCARE_DISPATCH__OFFER"));
    // One service's keys are not everybody's.
    assert!(refusal("", &[("AFTERCARE__OFFER__TIMEOUT", "1s")]).contains("AFTERCARE__OFFER__TIMEOUT"));
}

#[test]
fn wrong_values_are_refused_before_anything_is_opened() {
    assert!(refusal("", &[("AFTERCARE_DISPATCH__OFFER__TIMEOUT", "15")]).contains("`15` is no duration"));
    assert!(refusal("", &[("AFTERCARE_DISPATCH__OFFER__TRIES", "many")]).contains("AFTERCARE_DISPATCH__OFFER__TRIES"));
    for (key, value) in [
        ("LISTEN", "everywhere"),
        ("ENVIRONMENT", "staging"),
        ("DATABASE__URL", "mysql://x"),
        ("DATABASE__MAX_CONNECTIONS", "0"),
        ("BUS__KIND", "redis"),
        ("BUS__PREFIX", ""),
        ("TELEMETRY__SAMPLE_RATIO", "2"),
        ("TELEMETRY__LOG_FILTER", "a=b=c"),
        ("TELEMETRY__OTLP_ENDPOINT", "collector"),
        ("LIMITS__DEFAULT_DEADLINE", "31s"),
        ("LIMITS__CONCURRENT_CALLS", "0"),
        ("PEERS__INTAKE", "intake:50051"),
        ("PEERS__INTAKE", "http://10.0.0.1:7000,intake:7000"),
        ("IDENTITY__KEY", ""),
    ] {
        let name = format!("AFTERCARE__{key}");
        assert!(!refusal("", &[(&name, value)]).is_empty(), "{key}");
    }
}

#[test]
fn production_wants_a_real_key() {
    let production = ("AFTERCARE__ENVIRONMENT", "production");
    assert!(refusal("", &[production]).contains("identity.key"));
    assert!(refusal("", &[production, ("AFTERCARE__IDENTITY__KEY", "short")]).contains("identity.key"));
    let long = "0123456789abcdef0123456789abcdef";
    assert!(load("", &[production, ("AFTERCARE__IDENTITY__KEY", long)]).is_ok());
}

#[test]
fn several_services_share_a_file_and_keep_apart() {
    let file =
        "[database]\nmax_connections = 2\n[dispatch.offer]\ntries = 9\n[dispatch.database]\nmax_connections = 7\n";
    let sources = Sources::new(&["dispatch", "intake"]).text("aftercare.toml", file).unwrap();
    let dispatch: Loaded<Config> = sources.load("dispatch", DEFAULTS).unwrap();
    assert_eq!((dispatch.service.offer.tries, dispatch.settings.database.max_connections), (9, 7));
    let intake: Loaded<Config> = sources.load("intake", DEFAULTS).unwrap();
    assert_eq!((intake.service.offer.tries, intake.settings.database.max_connections), (3, 2));
    assert_eq!(intake.settings.database.url, "sqlite://data/intake.db");
    let stray = Sources::new(&["dispatch", "intake"]).text("f", "[offer]\ntries = 1").unwrap();
    assert!(stray.load::<Config>("dispatch", DEFAULTS).is_err(), "whose offer?");
}

#[test]
fn secrets_do_not_show() {
    let loaded = load(
        "",
        &[
            ("AFTERCARE__DATABASE__URL", "postgres://user:hunter2@host/db"),
            ("AFTERCARE__IDENTITY__KEY", "hunter2-key"),
            ("AFTERCARE__BUS__URL", "redis://:hunter2@host"),
        ],
    )
    .unwrap();
    let shown = format!("{:?}", loaded.settings);
    assert!(!shown.contains("hunter2"), "{shown}");
}
