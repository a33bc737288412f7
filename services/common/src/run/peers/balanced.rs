//! One service at all of its addresses: the name is looked up again and again, every call goes to the less busy of two,
//! and an address that fails call after call rests for a while. Never more than half of them rest: with most of them
//! ill, it is not the addresses. A call that an address never got (nobody listens there any more) goes to the next one.

mod unsent;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use rand::RngExt as _;
use tonic::{Code, Status, TimeoutExpired, body::Body, transport::Channel};
use tower::{Service, ServiceExt as _};

use self::unsent::Unsent;
use super::{CONNECT, endpoint};
use crate::config::listed;

/// How long a look-up of the name is good for.
const LOOKED_UP: Duration = Duration::from_secs(5);
/// Failures one after the other that send an address to rest.
const FAILURES: u32 = 5;
/// The first rest; every further one without a success is longer by as much.
const REST: Duration = Duration::from_secs(5);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// A call that was given up after so long was not answered, as opposed to one whose caller went away.
const UNANSWERED: Duration = Duration::from_secs(1);

/// A service behind all of its addresses. Cheap to clone; connects when it is first needed.
#[derive(Clone)]
pub struct Balanced(Arc<Inner>);

struct Inner {
    address: String,
    host: String,
    port: u16,
    places: RwLock<Arc<[Arc<Place>]>>,
    /// When the name was looked up; `None` before, and for ever for an address that is no name.
    looked_up: Mutex<Option<Instant>>,
    looking: AtomicBool,
    name: bool,
}

/// One address.
struct Place {
    at: SocketAddr,
    channel: Channel,
    in_work: AtomicUsize,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    rests: u32,
    until: Option<Instant>,
}

impl std::fmt::Debug for Balanced {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Balanced({})", self.0.address)
    }
}

impl Balanced {
    /// A service at an address such as `http://intake:7000`; the name may stand for many addresses. Where no name does,
    /// they are listed: `http://10.0.0.1:7000,10.0.0.2:7000`.
    ///
    /// # Errors
    ///
    /// When the address cannot be read.
    pub fn new(address: &str) -> anyhow::Result<Self> {
        if let Some(addresses) = listed(address) {
            let addresses = addresses?;
            let scheme = address.split("://").next().unwrap_or("http");
            let balanced = Self::new(&format!("{scheme}://{}", addresses[0]))?;
            balanced.0.settle(addresses)?;
            return Ok(balanced);
        }
        let uri: Uri = address.parse().with_context(|| format!("no address: {address}"))?;
        let host = uri.host().with_context(|| format!("no host in {address}"))?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let inner = Inner {
            address: address.to_owned(),
            port,
            places: RwLock::new(Arc::from([])),
            looked_up: Mutex::default(),
            looking: AtomicBool::new(false),
            name: host.parse::<IpAddr>().is_err(),
            host,
        };
        let balanced = Self(Arc::new(inner));
        if let Ok(ip) = balanced.0.host.parse() {
            balanced.0.settle(vec![SocketAddr::new(ip, port)])?;
        }
        Ok(balanced)
    }

    /// Sends one call to one of the addresses. One that the call did not reach is not the end of it: as long as nothing of
    /// its message was sent, the next address is asked.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE`, with its cause, when no connection could be made or it broke off; `DEADLINE_EXCEEDED` when the time
    /// that the call's head names ran out.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let mut place = self.0.place().await?;
        if self.0.places().len() == 1 {
            return Self::send_to(place, request).await;
        }
        let (head, body) = request.into_parts();
        let unsent = Unsent::new(body);
        let mut asked = Vec::new();
        loop {
            let at = place.at;
            let answer = Self::send_to(place, Request::from_parts(head.clone(), unsent.lend())).await;
            match answer {
                Err(status) if status.code() == Code::Unavailable && unsent.is_whole() => {
                    asked.push(at);
                    let others: Vec<_> =
                        self.0.places().iter().filter(|other| !asked.contains(&other.at)).cloned().collect();
                    let Some(other) = choose(&others) else { return Err(status) };
                    metrics::counter!("aftercare_address_passed_over_total").increment(1);
                    place = other;
                }
                answer => return answer,
            }
        }
    }

    async fn send_to(place: Arc<Place>, request: Request<Body>) -> Result<Response<Body>, Status> {
        let mut attempt = Attempt::begin(place);
        let answer = attempt.place.channel.clone().oneshot(request).await;
        let well = match &answer {
            Ok(response) => Status::from_header_map(response.headers()).is_none_or(|status| {
                !matches!(status.code(), Code::Unavailable | Code::Internal | Code::Unknown | Code::DataLoss)
            }),
            Err(_) => false,
        };
        attempt.end(well);
        answer.map_err(|error| {
            let mut status = if is_timeout(&error) {
                Status::deadline_exceeded("no answer in time")
            } else {
                Status::unavailable("no connection")
            };
            status.set_source(Arc::new(error));
            status
        })
    }

    /// How many addresses there are, and how many of them rest.
    #[must_use]
    pub fn addresses(&self) -> (usize, usize) {
        let places = self.0.places();
        let now = Instant::now();
        (places.len(), places.iter().filter(|place| place.rests(now)).count())
    }
}

impl Inner {
    fn places(&self) -> Arc<[Arc<Place>]> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn place(self: &Arc<Self>) -> Result<Arc<Place>, Status> {
        let mut places = self.places();
        if self.name && self.stale() {
            if places.is_empty() {
                let looked = tokio::time::timeout(CONNECT, self.look_up()).await;
                looked
                    .map_err(|_| Status::unavailable("the name was not found in time"))?
                    .map_err(|error| Status::unavailable(format!("{error:#}")))?;
                places = self.places();
            } else if !self.looking.swap(true, Ordering::AcqRel) {
                // The addresses that are known serve meanwhile.
                let inner = self.clone();
                tokio::spawn(async move {
                    if let Err(error) = inner.look_up().await {
                        tracing::warn!(error = format!("{error:#}"), "the known addresses stay in use");
                    }
                    inner.looking.store(false, Ordering::Release);
                });
            }
        }
        choose(&places).ok_or_else(|| Status::unavailable("the name stands for no address"))
    }

    fn stale(&self) -> bool {
        let looked_up = self.looked_up.lock().unwrap_or_else(PoisonError::into_inner);
        looked_up.is_none_or(|at| at.elapsed() >= LOOKED_UP)
    }

    async fn look_up(&self) -> anyhow::Result<()> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        *self.looked_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let mut found: Vec<_> = found.with_context(|| format!("{} is not found", self.host))?.collect();
        found.sort_unstable();
        found.dedup();
        // A name that stands for nothing for a moment is no reason to forget who answered until now.
        if found.is_empty() { Ok(()) } else { self.settle(found) }
    }

    /// Takes over these addresses; those that stay keep their connection and their health.
    fn settle(&self, addresses: Vec<SocketAddr>) -> anyhow::Result<()> {
        let old = self.places();
        let scheme = self.address.split("://").next().unwrap_or("http");
        let places = addresses.into_iter().map(|at| {
            if let Some(known) = old.iter().find(|place| place.at == at) {
                return Ok(known.clone());
            }
            let channel = endpoint(&format!("{scheme}://{at}"))?.origin(self.address.parse()?).connect_lazy();
            Ok(Arc::new(Place { at, channel, in_work: AtomicUsize::new(0), health: Mutex::default() }))
        });
        let places: anyhow::Result<Vec<_>> = places.collect();
        *self.places.write().unwrap_or_else(PoisonError::into_inner) = places?.into();
        Ok(())
    }
}

/// The channel keeps the call's deadline as well, and may be first to see that it is over.
fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<TimeoutExpired>() || error.source().is_some_and(is_timeout)
}

/// The less busy of two healthy addresses.
fn choose(places: &[Arc<Place>]) -> Option<Arc<Place>> {
    if let [only] = places {
        return Some(only.clone());
    }
    let now = Instant::now();
    let well: Vec<_> = places.iter().filter(|place| !place.rests(now)).collect();
    let well = if well.len() * 2 >= places.len() { well } else { places.iter().collect() };
    let mut random = rand::rng();
    let mut draw = || (!well.is_empty()).then(|| well[random.random_range(0..well.len())]);
    let (one, other) = (draw()?, draw()?);
    let busy = |place: &Place| place.in_work.load(Ordering::Relaxed);
    Some(if busy(other) < busy(one) { other } else { one }.clone())
}

impl Place {
    fn rests(&self, now: Instant) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.until.is_some_and(|until| now < until)
    }

    fn learn(&self, well: bool) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if well {
            *health = Health::default();
            return;
        }
        health.failures += 1;
        let now = Instant::now();
        if health.failures >= FAILURES && health.until.is_none_or(|until| until <= now) {
            health.rests += 1;
            health.until = Some(now + (REST * health.rests).min(LONGEST_REST));
            metrics::counter!("aftercare_address_rests_total").increment(1);
            tracing::warn!(address = %self.at, failures = health.failures, "an address rests");
        }
    }
}

/// One call at one address, counted while it lasts.
struct Attempt {
    place: Arc<Place>,
    begun: Instant,
    ended: bool,
}

impl Attempt {
    fn begin(place: Arc<Place>) -> Self {
        place.in_work.fetch_add(1, Ordering::Relaxed);
        Self { place, begun: Instant::now(), ended: false }
    }

    fn end(&mut self, well: bool) {
        self.ended = true;
        self.place.learn(well);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.place.in_work.fetch_sub(1, Ordering::Relaxed);
        if !self.ended && self.begun.elapsed() >= UNANSWERED {
            self.place.learn(false);
        }
    }
}

impl Service<Request<Body>> for Balanced {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let balanced = self.clone();
        Box::pin(async move { balanced.send(request).await })
    }
}

#[cfg(test)]
mod tests;
