//! How much is in work at once. The room grows while calls that wait are answered in good time and shrinks when answers
//! become slow; what does not fit waits a few milliseconds, the newest of the highest class first, and is refused then.
//! Lower classes fill only a part of the room, and one service never more than half of what a class may fill, so that
//! one that hangs leaves room for the others.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::{Error, config::duration, error::reason};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::classes::{Class, Plan, Plans};

/// Longest wait of a call for a place.
const PATIENCE: Duration = Duration::from_millis(2);
/// The same for the highest class: it gets every place that becomes free.
const LONG_PATIENCE: Duration = Duration::from_millis(6);
/// Longest wait of a class that has more calls than places; the highest one has [`PATIENCE`] then.
const SHORT_PATIENCE: Duration = Duration::from_millis(1);
/// And so many of its calls wait: whoever comes then is refused at once, for the next place is theirs.
const ENOUGH: usize = 2;
/// That is a class of which more were refused than let in during so long: waiting is of little use to it.
const WINDOW: Duration = Duration::from_millis(100);
/// An RPC is slow when it takes so many times as long as it can.
const TIMES: f64 = 3.0;
/// What one call can say at the most: a single hanging one is no overload.
const MOST_SAID: f64 = 4.0;
/// Calls and time that are looked at together.
const CALLS: u32 = 10;
const SPAN: Duration = Duration::from_millis(100);
/// The room shrinks to this part of itself at the most, at once.
const SHRINK: f64 = 0.75;
/// How long the quickest time of an RPC is remembered, at least.
const MEMORY: Duration = Duration::from_secs(300);
/// The part of a class's room that one service may fill.
const ONE_SERVICE: f64 = 0.5;

/// How the room is found. The comments of the keys stand in `config/default.toml`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverloadSettings {
    /// The room at first.
    pub first: usize,
    /// The room at least.
    pub least: usize,
    /// Answers quicker than this are never slow.
    #[serde(with = "duration")]
    pub calm: Duration,
}

/// The room of the whole process. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Overload(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: OverloadSettings,
    most: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    room: f64,
    in_work: usize,
    by_upstream: Vec<usize>,
    waiting: [VecDeque<Waiter>; Class::ALL.len()],
    prospects: [Prospect; Class::ALL.len()],
    /// Somebody had to wait or was refused since the room was last looked at.
    pressed: bool,
    floors: Vec<Floor>,
    said: f64,
    calls: u32,
    looked: Instant,
}

#[derive(Debug)]
struct Waiter {
    place: oneshot::Sender<Place>,
    plan: Plan,
}

/// How one class fares.
#[derive(Clone, Copy, Debug)]
struct Prospect {
    since: Instant,
    entered: u32,
    refused: u32,
    /// More were refused than let in during the window before.
    poor: bool,
}

/// The quickest time of an RPC, in seconds, in this span of memory and in the one before.
#[derive(Clone, Copy, Debug)]
struct Floor {
    now: f64,
    before: f64,
    since: Instant,
}

/// A place in work; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    overload: Overload,
    plan: Plan,
    begun: Instant,
    answered: bool,
}

impl Overload {
    pub(crate) fn new(settings: OverloadSettings, most: usize, plans: &Plans) -> Self {
        let now = Instant::now();
        let floor = Floor { now: f64::INFINITY, before: f64::INFINITY, since: now };
        let most = most.max(1) as f64;
        let state = State {
            room: (settings.first as f64).min(most),
            in_work: 0,
            by_upstream: vec![0; plans.upstreams.max(1)],
            waiting: Default::default(),
            prospects: [Prospect { since: now, entered: 0, refused: 0, poor: false }; Class::ALL.len()],
            pressed: false,
            floors: vec![floor; plans.rpcs],
            said: 0.0,
            calls: 0,
            looked: now,
        };
        Self(Arc::new(Shared { settings, most, state: Mutex::new(state) }))
    }

    /// A place for one call, at once or after a few milliseconds.
    ///
    /// # Errors
    ///
    /// `OVERLOADED` when there is none, `DEADLINE_EXCEEDED` when the call's own time ran out while it waited.
    pub(crate) async fn enter(&self, plan: Plan, class: Class, deadline: tokio::time::Instant) -> Result<Place, Error> {
        let (waited, patience) = {
            let mut state = self.lock();
            if state.fits(plan, class) && !state.somebody_waits(class) {
                state.prospects[class as usize].note(true);
                return Ok(self.place(&mut state, plan));
            }
            state.pressed = true;
            let poor = state.prospects[class as usize].poor;
            let enough = poor && state.waiting_of(class) >= ENOUGH;
            if enough || state.length() as f64 >= state.room.max(16.0) && !state.displace(class) {
                state.prospects[class as usize].note(false);
                return Err(refused(class, "queue_full"));
            }
            let patience = match (class, poor) {
                (Class::Field, false) => LONG_PATIENCE,
                (Class::Field, true) | (_, false) => PATIENCE,
                (_, true) => SHORT_PATIENCE,
            };
            let (place, waited) = oneshot::channel();
            state.waiting[class as usize].push_back(Waiter { place, plan });
            (waited, patience)
        };
        let until = deadline.min(tokio::time::Instant::now() + patience);
        let waited = tokio::time::timeout_at(until, waited).await;
        self.lock().prospects[class as usize].note(matches!(waited, Ok(Ok(_))));
        let place = match waited {
            Ok(Ok(place)) => place,
            // Displaced by a higher class, or waited in vain.
            Ok(Err(_)) | Err(_) if tokio::time::Instant::now() < deadline => return Err(refused(class, "waited")),
            Ok(Err(_)) | Err(_) => return Err(Error::new(reason::DEADLINE_EXCEEDED)),
        };
        if tokio::time::Instant::now() >= deadline {
            return Err(Error::new(reason::DEADLINE_EXCEEDED));
        }
        Ok(place)
    }

    fn place(&self, state: &mut State, plan: Plan) -> Place {
        state.in_work += 1;
        if let Some(busy) = state.by_upstream.get_mut(plan.upstream) {
            *busy += 1;
        }
        Place { overload: self.clone(), plan, begun: Instant::now(), answered: false }
    }

    fn leave(&self, plan: Plan, took: Option<Duration>) {
        let mut given = Vec::new();
        {
            let mut state = self.lock();
            state.in_work -= 1;
            if let Some(busy) = state.by_upstream.get_mut(plan.upstream) {
                *busy -= 1;
            }
            if let Some(took) = took {
                state.learn(plan, took, &self.0);
            }
            while let Some(waiter) = state.next() {
                let place = self.place(&mut state, waiter.plan);
                given.push((waiter.place, place));
            }
        }
        // Outside the lock: a place that nobody waits for any more is free again at once.
        for (waiter, place) in given {
            drop(waiter.send(place));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(class: Class, why: &'static str) -> Error {
    metrics::counter!("aftercare_overload_refused_total", "class" => class.name(), "why" => why).increment(1);
    Error::new(reason::OVERLOADED)
}

impl State {
    /// Whether one more call of this class and this service fits.
    fn fits(&self, plan: Plan, class: Class) -> bool {
        let room = (self.room * class.share()).max(1.0);
        let of_one = if self.by_upstream.len() > 1 { (room * ONE_SERVICE).max(1.0) } else { room };
        let busy = self.by_upstream.get(plan.upstream).copied().unwrap_or_default();
        (self.in_work as f64) < room.floor() && (busy as f64) < of_one.floor()
    }

    fn length(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    fn somebody_waits(&self, class: Class) -> bool {
        Class::ALL[class as usize..].iter().any(|class| self.waiting_of(*class) > 0)
    }

    /// Calls of this class that wait and have not given up.
    fn waiting_of(&self, class: Class) -> usize {
        self.waiting[class as usize].iter().filter(|waiter| !waiter.place.is_closed()).count()
    }

    /// Sends away whoever has waited longest in a lower class. Those who gave up go first.
    fn displace(&mut self, class: Class) -> bool {
        let before = self.length();
        for waiting in &mut self.waiting {
            waiting.retain(|waiter| !waiter.place.is_closed());
        }
        if self.length() < before {
            return true;
        }
        self.waiting[..class as usize].iter_mut().any(|waiting| waiting.pop_front().is_some())
    }

    /// Who is let in next: the newest of the highest class that fits.
    fn next(&mut self) -> Option<Waiter> {
        for class in Class::ALL.into_iter().rev() {
            while self.waiting[class as usize].back().is_some_and(|waiter| waiter.place.is_closed()) {
                self.waiting[class as usize].pop_back();
            }
            let at = self.waiting[class as usize]
                .iter()
                .rposition(|waiter| !waiter.place.is_closed() && self.fits(waiter.plan, class));
            if let Some(waiter) = at.and_then(|at| self.waiting[class as usize].remove(at)) {
                return Some(waiter);
            }
        }
        None
    }

    fn learn(&mut self, plan: Plan, took: Duration, shared: &Shared) {
        let now = Instant::now();
        let Some(floor) = self.floors.get_mut(plan.index) else { return };
        let good = (floor.learn(took.as_secs_f64(), now) * TIMES).max(shared.settings.calm.as_secs_f64());
        self.said += (took.as_secs_f64() / good).min(MOST_SAID);
        self.calls += 1;
        if self.calls < CALLS || now.duration_since(self.looked) < SPAN {
            return;
        }
        let slow = self.said / f64::from(self.calls);
        if slow > 1.0 {
            self.room *= (1.0 / slow).max(SHRINK);
        } else if self.pressed {
            self.room += self.room.sqrt();
        }
        self.room = self.room.clamp((shared.settings.least as f64).min(shared.most), shared.most);
        (self.said, self.calls, self.looked, self.pressed) = (0.0, 0, now, false);
        metrics::gauge!("aftercare_overload_room").set(self.room);
    }
}

impl Prospect {
    fn note(&mut self, entered: bool) {
        let now = Instant::now();
        if now.duration_since(self.since) >= WINDOW {
            *self = Self { since: now, entered: 0, refused: 0, poor: self.refused > self.entered };
        }
        if entered {
            self.entered += 1;
        } else {
            self.refused += 1;
        }
    }
}

impl Floor {
    /// The quickest time known, this one included.
    fn learn(&mut self, took: f64, now: Instant) -> f64 {
        if now.duration_since(self.since) > MEMORY {
            (self.before, self.now, self.since) = (self.now, f64::INFINITY, now);
        }
        self.now = self.now.min(took);
        self.now.min(self.before)
    }
}

impl Place {
    /// The service answered: how long it took says something about how busy it is.
    pub(crate) fn answered(&mut self) {
        self.answered = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let took = self.answered.then(|| self.begun.elapsed());
        self.overload.leave(self.plan, took);
    }
}

#[cfg(test)]
mod tests;
