//! No webhook reaches the inside of a house: every way in that is known, against listeners that really listen.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use common::service::Definition as _;
use tokio::net::TcpListener;

use crate::{
    Config, Gateway,
    webhooks::{
        guard::Resolve,
        sender::{Post, Sender},
    },
};

/// Listeners on addresses of this machine; whoever gets through is counted.
struct House {
    port: u16,
    came: Arc<AtomicUsize>,
}

impl House {
    async fn open() -> Self {
        let came = Arc::new(AtomicUsize::new(0));
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut listeners = vec![first];
        for address in ["127.0.0.2", "127.1.2.3", "127.255.255.254"] {
            listeners.push(TcpListener::bind((address, port)).await.unwrap());
        }
        // Machines without IPv6 have no such way in.
        if let Ok(listener) = TcpListener::bind(("::1", port)).await {
            listeners.push(listener);
        }
        for listener in listeners {
            let came = came.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    came.fetch_add(1, Ordering::SeqCst);
                    drop(stream);
                }
            });
        }
        Self { port, came }
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

/// Names that an attacker owns.
#[derive(Debug, Default)]
struct Names {
    asked: AtomicUsize,
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let public: IpAddr = "93.184.216.34".parse().unwrap();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let first = name.split('.').next().unwrap_or_default();
        Ok(match first {
            // An alias whose end is inside: the resolver gives the end.
            "cname" | "inside" => vec![loopback],
            // A good address to be seen, a bad one to be used.
            "mixed" => vec![public, loopback],
            "mixed6" => vec![public, "::1".parse().unwrap()],
            // Good when it is looked at first, bad ever after, and the other way round.
            "rebind" if asked.is_multiple_of(2) => vec![loopback],
            "rebind" => vec![loopback, public],
            "mapped" => vec!["::ffff:127.0.0.1".parse().unwrap()],
            "nat64" => vec!["64:ff9b::7f00:1".parse().unwrap()],
            "metadata" => vec!["169.254.169.254".parse().unwrap()],
            "zero" => vec!["0.0.0.0".parse().unwrap()],
            "ula" => vec!["fd00::1".parse().unwrap()],
            "many" => vec![public; 64],
            "empty" => Vec::new(),
            // Whatever is written as an address is one, whoever is asked.
            other => other.parse().map(|ip| vec![ip]).unwrap_or_else(|_| vec![loopback]),
        })
    }
}

fn sender(house: &House, trusted: Vec<SocketAddr>) -> Sender {
    let mut config: Config = toml::from_str(Gateway::DEFAULTS).unwrap();
    // The port is no excuse: the listeners' is allowed.
    config.webhooks.ports = vec![443, 8443, house.port];
    config.webhooks.trusted_addresses = trusted;
    config.webhooks.timeout = std::time::Duration::from_secs(2);
    config.webhooks.connect_timeout = std::time::Duration::from_millis(500);
    Sender::new(&config.webhooks, Arc::new(Names::default())).unwrap()
}

/// Hosts that lead inside, or might.
fn hosts() -> Vec<String> {
    let mut hosts: Vec<String> = [
        // Names.
        "localhost",
        "LOCALHOST",
        "localhost.",
        "localhost.localdomain",
        "sub.localhost",
        "ip6-localhost",
        "db",
        "db.internal",
        "x.local",
        "x.lan",
        "x.home",
        "x.corp",
        "x.intranet",
        "1.0.0.127.in-addr.arpa",
        "metadata.google.internal",
        "kubernetes.default.svc.cluster.local",
        "cname.attacker.com",
        "inside.attacker.com",
        "mixed.attacker.com",
        "mixed6.attacker.com",
        "rebind.attacker.com",
        "rebind.attacker.com.",
        "mapped.attacker.com",
        "nat64.attacker.com",
        "metadata.attacker.com",
        "zero.attacker.com",
        "ula.attacker.com",
        "many.attacker.com",
        "empty.attacker.com",
        "127.0.0.1.nip.io",
        "127-0-0-1.sslip.io",
        "INSIDE.attacker.com",
        "inside。attacker。com",
        "xn--inside-xyz.attacker.com",
        "inside.attacker.com.",
        "％69nside.attacker.com",
        "ⓛocalhost",
        "ｌｏｃａｌｈｏｓｔ",
        // Addresses in every dress.
        "127.0.0.1",
        "127.0.0.2",
        "127.1.2.3",
        "127.255.255.254",
        "127.1",
        "127.0.1",
        "127.65535",
        "2130706433",
        "2130706434",
        "0x7f000001",
        "0x7F.0x0.0x0.0x1",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0177.0x0.0.1",
        "00000177.0.0.1",
        "127.0.0.1.",
        "127.0.0.0x1",
        "127.0.0.01",
        "127。0。0。1",
        "127．0．0．1",
        "127｡0｡0｡1",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "0",
        "0.0.0.0",
        "00.0.0.0",
        "0x0",
        "0.0.0.0.",
        "::",
        "10.0.0.1",
        "10.1",
        "167772161",
        "0xa000001",
        "012.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "172.16.1",
        "2886729729",
        "192.168.0.1",
        "192.168.1.1",
        "192.168.257",
        "3232235777",
        "0300.0250.1.1",
        "169.254.169.254",
        "169.254.43518",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "100.100.100.200",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "198.18.0.1",
        "198.19.255.255",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "4294967295",
        "0xffffffff",
        "168.63.129.16",
        "%31%32%37.0.0.1",
        "127.0.0.1%00",
        "127.0.0.1%2f",
        "%6cocalhost",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    for v6 in [
        "::1",
        "::",
        "0:0:0:0:0:0:0:1",
        "0000::0001",
        "::0.0.0.1",
        "::127.0.0.1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "0:0:0:0:0:ffff:127.0.0.1",
        "::FFFF:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:192.168.0.1",
        "::ffff:0.0.0.0",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::127.0.0.1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:c0a8:101::1",
        "2001::1",
        "2001:0:7f00:1::1",
        "2001:db8::1",
        "2001:10::1",
        "2001:20::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "fc00::1",
        "fd00::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff01::1",
        "ff02::1",
        "ff05::1:3",
        "4000::1",
        "fe80::1%25eth0",
        "fe80::1%eth0",
        "::1%25lo",
        "1::1",
        "8000::1",
        "e000::1",
    ] {
        hosts.push(format!("[{v6}]"));
    }
    hosts
}

/// Whole URLs with tricks around the host. `{p}` is the listeners' port.
const TRICKS: [&str; 44] = [
    "https://93.184.216.34@127.0.0.1:{p}/",
    "https://attacker.com@127.0.0.1:{p}/",
    "https://a:b@127.0.0.1:{p}/",
    "https://@127.0.0.1:{p}/",
    "https://:@127.0.0.1:{p}/",
    "https://127.0.0.1:{p}@attacker.com/",
    "https://attacker.com:443@127.0.0.1:{p}/",
    "https://attacker.com%40127.0.0.1:{p}/",
    "https://attacker.com\\@127.0.0.1:{p}/",
    "https://127.0.0.1:{p}\\@attacker.com/",
    "https://attacker.com#@127.0.0.1:{p}/",
    "https://127.0.0.1:{p}#attacker.com",
    "https://attacker.com?@127.0.0.1:{p}/",
    "https:127.0.0.1:{p}/",
    "https:/127.0.0.1:{p}/",
    "https:///127.0.0.1:{p}/",
    "https:////127.0.0.1:{p}/",
    "https:\\\\127.0.0.1:{p}/",
    "//127.0.0.1:{p}/",
    "///127.0.0.1:{p}/",
    "127.0.0.1:{p}",
    "http://127.0.0.1:{p}/",
    "HTTP://127.0.0.1:{p}/",
    "http://inside.attacker.com:{p}/",
    "ftp://127.0.0.1:{p}/",
    "gopher://127.0.0.1:{p}/_x",
    "file://127.0.0.1/etc/passwd",
    "file:///etc/passwd",
    "ws://127.0.0.1:{p}/",
    "wss://127.0.0.1:{p}/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "jar:https://127.0.0.1:{p}/!x",
    "unix:/var/run/docker.sock",
    "https://127.0.0.1:{p}\t/",
    "ht\ntps://127.0.0.1:{p}/",
    "https://127.0.0.1\r\n:{p}/",
    " https://127.0.0.1:{p}/",
    "https://127.0.0.1:{p}/ HTTP/1.1\r\nHost: x",
    "https://127.0.0.1:0{p}/",
    "https://127.0.0.1:+{p}/",
    "https://127.0.0.1:22/",
    "https://127.0.0.1:6379/",
    "https://[::1]:{p}@attacker.com/",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_addresses_and_none_gets_through() {
    let house = House::open().await;
    let port = house.port;
    let mut urls: Vec<String> = hosts().iter().map(|host| format!("https://{host}:{port}/hook")).collect();
    urls.extend(TRICKS.iter().map(|trick| trick.replace("{p}", &port.to_string())));
    assert!(urls.len() >= 200, "{} addresses", urls.len());
    let sender = sender(&house, Vec::new());
    let post = |url: &str| Post { url: url.to_owned(), headers: Vec::new(), body: "{}".to_owned() };
    for url in &urls {
        // Several times: a name may change its mind between two looks.
        for _ in 0..3 {
            let outcome = sender.send(&post(url)).await;
            assert_eq!(outcome.status, 0, "{url}: {outcome:?}");
            assert!(["address_refused", "name"].contains(&outcome.error), "{url}: {outcome:?}");
        }
    }
    assert_eq!(house.came(), 0, "somebody got through");
    // The listeners do listen, and count: with the address trusted the same sender comes in.
    let trusting = self::sender(&house, vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)]);
    trusting.send(&post(&format!("https://127.0.0.1:{port}/hook"))).await;
    trusting.send(&post(&format!("http://127.0.0.1:{port}/hook"))).await;
    assert_eq!(house.came(), 2);
    // Trust in one address is none in its neighbours, nor in other dresses of names that lead there.
    for url in ["https://127.0.0.2:{p}/", "http://127.0.0.2:{p}/", "https://[::1]:{p}/"] {
        let outcome = trusting.send(&post(&url.replace("{p}", &port.to_string()))).await;
        assert_ne!(outcome.status, 200, "{url}");
    }
    assert_eq!(house.came(), 2);
}

#[tokio::test]
async fn redirects_are_not_followed_and_long_answers_are_cut() {
    use super::world::{World, call};
    use common::testing::Backend;
    use proto::aftercare::gateway::v1::{TestEndpointRequest, webhook_service_server};

    let world = World::new(Backend::Sqlite, |_| {}).await;
    let endpoint = world.endpoint(&["*"]).await;
    for status in [301, 302, 303, 307, 308] {
        world.server.answer(move |_| status);
        let before = world.server.seen().len();
        let ping = TestEndpointRequest { endpoint_id: endpoint.endpoint_id.clone(), ..Default::default() };
        let result = call!(world, test_endpoint, ping).unwrap();
        assert_eq!((result.status, &*result.error), (i32::from(status), "status"));
        assert_eq!(world.server.seen().len(), before + 1, "it stayed where it was sent");
    }
}
