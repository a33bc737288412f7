//! The accept loop and the connections of one port. Everything that a hostile or a dead peer can hold has a bound: how
//! many connections there are, in all and from one address; how long a peer may take for its first bytes, for reading
//! what it asked for, for answering that it is alive; how long a connection lives.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use rand::RngExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{body::Body, service::Routes};
use tower::ServiceExt as _;

use super::{
    Protocols,
    paced::Paced,
    socket::{ClientAddress, Connection},
    tls::Tls,
};
use crate::config::Limits;

/// Pause after a failed accept: without file handles the next one fails as well.
const PAUSE: Duration = Duration::from_millis(100);
/// Streams of one connection at once. The library advertises no bound by itself.
const STREAMS: u32 = 128;
/// Bytes of a request's head.
const HEAD: u32 = 16 * 1024;
/// Bytes that an HTTP/1 connection reads ahead; its heads cannot be longer.
const READ_AHEAD: usize = 64 * 1024;
/// How often a peer is asked whether it is there, and how long it may take to say so.
const ALIVE: Duration = Duration::from_secs(20);
/// How long a peer may leave unread what it asked for, or be at one head.
const UNREAD: Duration = Duration::from_secs(30);
/// How often that is looked after.
const LOOK: Duration = Duration::from_secs(5);

/// One port.
pub(super) struct Server {
    pub(super) routes: Routes,
    pub(super) limits: Limits,
    pub(super) protocols: Protocols,
    pub(super) tls: Option<Tls>,
    /// Cancelled when connections are to be left: no new ones, and each ends with the calls that it has.
    pub(super) closing: CancellationToken,
    /// Cancelled when whoever is still there is cut off.
    pub(super) cut: CancellationToken,
}

impl Server {
    /// Accepts until it is closing, and ends with the last connection.
    pub(super) async fn run(self, listener: TcpListener) {
        let places = Places::new(&self.limits);
        let builder = builder(self.protocols);
        let routes = self.routes.prepare();
        let connections = TaskTracker::new();
        let spread = u64::try_from(self.limits.connection_age.as_millis() / 4).unwrap_or_default();
        loop {
            // An accept that fails (no file handles, a peer already gone) never ends the loop.
            let (stream, address) = tokio::select! {
                () = self.closing.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            // No place: closed at once. Whoever balances load tries another replica.
            let Some(place) = places.take(address.ip()) else { continue };
            let _ = stream.set_nodelay(true);
            let age = self.limits.connection_age + Duration::from_millis(rand::rng().random_range(0..=spread));
            let peer = Peer {
                builder: builder.clone(),
                routes: routes.clone(),
                address,
                age,
                closing: self.closing.clone(),
                _place: place,
            };
            let (tls, cut, handshake) = (self.tls.clone(), self.cut.clone(), self.limits.handshake);
            connections.spawn(async move {
                tokio::select! {
                    () = peer.open(stream, tls, handshake) => {}
                    () = cut.cancelled() => {}
                }
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

fn builder(protocols: Protocols) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    if protocols == Protocols::Grpc {
        builder = builder.http2_only();
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        // Floods of streams that are opened and reset, by the peer or by its mistakes: the connection ends.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(1024)
        .max_header_list_size(HEAD)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(ALIVE)
        .keep_alive_timeout(ALIVE);
    builder
        .http1()
        .timer(TokioTimer::new())
        // Also the longest pause between two requests.
        .header_read_timeout(UNREAD)
        .max_buf_size(READ_AHEAD);
    builder
}

/// One connection.
struct Peer {
    builder: Builder<TokioExecutor>,
    routes: Routes,
    address: SocketAddr,
    age: Duration,
    closing: CancellationToken,
    _place: Place,
}

impl Peer {
    async fn open(self, stream: TcpStream, tls: Option<Tls>, handshake: Duration) {
        let socket = Connection::new(stream, handshake);
        match tls {
            None => self.serve(socket).await,
            Some(tls) => match tokio::time::timeout(handshake, tls.accept(socket)).await {
                Ok(Ok(stream)) => self.serve(stream).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
                Err(_) => tracing::debug!("no TLS handshake in time"),
            },
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let unread = Unread::default();
        let (routes, watched, address) = (self.routes, unread.clone(), self.address);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ClientAddress(address));
            let (routes, watched) = (routes.clone(), watched.clone());
            async move {
                let response = routes.oneshot(request.map(Body::new)).await;
                response.map(|response| response.map(|body| Paced::new(body, watched.watch())))
            }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let mut leaving = false;
        let age = tokio::time::sleep(self.age);
        tokio::pin!(age);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(error, "a connection ended");
                    }
                    return;
                }
                () = &mut age, if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.closing.cancelled(), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = look.tick() => {
                    if unread.longer_than(UNREAD) {
                        metrics::counter!("aftercare_connections_cut_total", "why" => "unread").increment(1);
                        return;
                    }
                }
            }
        }
    }
}

/// Which answers of one connection wait for their peer to read on.
#[derive(Clone, Default)]
struct Unread(Arc<Mutex<Vec<Weak<Since>>>>);

/// Since when an answer has been waiting for its peer, in milliseconds of the process; 0 while it waits for us.
#[derive(Debug)]
pub(super) struct Since(AtomicU64);

impl Since {
    pub(super) fn waits_for_peer(&self) {
        self.0.store(now(), Ordering::Relaxed);
    }

    pub(super) fn waits_for_us(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Milliseconds since the process began to ask; never 0.
fn now() -> u64 {
    static BEGUN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

impl Unread {
    fn watch(&self) -> Arc<Since> {
        let since = Arc::new(Since(AtomicU64::new(now())));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= 2 * STREAMS as usize {
            all.retain(|one| one.strong_count() > 0);
        }
        all.push(Arc::downgrade(&since));
        since
    }

    fn longer_than(&self, limit: Duration) -> bool {
        let oldest = now().saturating_sub(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).any(|since| {
            let since = since.0.load(Ordering::Relaxed);
            since != 0 && since < oldest
        })
    }
}

/// The connections that there may be.
#[derive(Clone)]
struct Places(Arc<PlacesInner>);

struct PlacesInner {
    most: usize,
    most_of_one: usize,
    taken: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

/// A place, free again when dropped.
struct Place {
    places: Places,
    address: IpAddr,
}

impl Places {
    fn new(limits: &Limits) -> Self {
        let (most, most_of_one) = (limits.connections, limits.connections_per_address);
        Self(Arc::new(PlacesInner { most, most_of_one, taken: Mutex::default() }))
    }

    fn take(&self, address: IpAddr) -> Option<Place> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_address) = &mut *taken;
        let of_one = by_address.get(&address).copied().unwrap_or_default();
        if *all >= self.0.most || of_one >= self.0.most_of_one {
            let why = if *all >= self.0.most { "too_many" } else { "too_many_of_one" };
            metrics::counter!("aftercare_connections_refused_total", "why" => why).increment(1);
            return None;
        }
        *all += 1;
        by_address.insert(address, of_one + 1);
        Some(Place { places: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_address) = &mut *taken;
        *all -= 1;
        if let Some(of_one) = by_address.get_mut(&self.address) {
            *of_one -= 1;
            if *of_one == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn connections_are_bounded_in_all_and_from_one_address() {
        let limits = Settings::defaults("test").unwrap().limits;
        let places = Places::new(&Limits { connections: 3, connections_per_address: 2, ..limits });
        let [one, two]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let first = places.take(one).unwrap();
        let _second = places.take(one).unwrap();
        assert!(places.take(one).is_none(), "two from one address");
        let _third = places.take(two).unwrap();
        assert!(places.take(two).is_none(), "three in all");
        drop(first);
        let _fourth = places.take(two).unwrap();
        assert_eq!(places.0.taken.lock().unwrap().1.len(), 2);
    }

    #[test]
    fn only_what_waits_for_the_peer_is_unread() {
        let unread = Unread::default();
        let since = unread.watch();
        std::thread::sleep(Duration::from_millis(20));
        assert!(unread.longer_than(Duration::from_millis(5)));
        since.waits_for_us();
        assert!(!unread.longer_than(Duration::ZERO));
        since.waits_for_peer();
        assert!(!unread.longer_than(Duration::from_secs(1)));
        drop(since);
        std::thread::sleep(Duration::from_millis(5));
        assert!(!unread.longer_than(Duration::ZERO), "it is gone");
    }
}
