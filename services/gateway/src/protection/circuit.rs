//! One circuit per service behind the door: a service that does not answer is left alone for a while, and asked by one
//! call before all may come again. Whoever is refused meanwhile knows it at once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rand::RngExt as _;

/// Failures one after the other that open the circuit.
const IN_A_ROW: u32 = 5;
/// How far back failures are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Calls in the window from which on their share of failures says something.
const ENOUGH: usize = 20;
/// A service that is not there is asked again after so long, however often it was not: a probe that is refused at once
/// costs nobody anything, and a service that restarts is back the moment it is back.
const SHORT_REST: Duration = Duration::from_millis(250);
/// A service that is silent is left alone at first for so long; twice as long after every probe that got no answer in its
/// time.
const FIRST_REST: Duration = Duration::from_secs(1);
/// The longest time it stays open.
const LONGEST_REST: Duration = Duration::from_secs(15);
/// Probes that must succeed before it closes.
const PROBES: u32 = 2;
/// Remembered calls at the most.
const MEMORY: usize = 1_000;

/// How a call ended, as far as the circuit cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The service answered, whatever it said.
    Answered,
    /// There was no connection, it broke off, or the service said that it cannot serve.
    Unavailable,
    /// It did not answer within the time it had.
    TimedOut,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
        }
    }
}

#[derive(Debug)]
enum State {
    Closed,
    Open { until: Instant, rest: Duration },
    HalfOpen { rest: Duration, probing: bool, succeeded: u32 },
}

#[derive(Debug)]
struct Inner {
    state: State,
    in_a_row: u32,
    recent: VecDeque<(Instant, bool)>,
}

/// The circuit of one service. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Circuit {
    name: Arc<str>,
    inner: Arc<Mutex<Inner>>,
}

/// Leave for one call. Dropped without an outcome it says nothing: the caller went away.
#[derive(Debug)]
pub(crate) struct Leave {
    circuit: Circuit,
    probe: bool,
    told: bool,
}

impl Circuit {
    pub(crate) fn new(name: &str) -> Self {
        let inner = Inner { state: State::Closed, in_a_row: 0, recent: VecDeque::new() };
        metrics::gauge!("aftercare_circuit_open", "service" => name.to_owned()).set(0.0);
        Self { name: name.into(), inner: Arc::new(Mutex::new(inner)) }
    }

    /// Leave for a call, or the time until there may be one.
    pub(crate) fn ask(&self, now: Instant) -> Result<Leave, Duration> {
        let mut inner = self.lock();
        let leave = |probe| Leave { circuit: self.clone(), probe, told: false };
        match &mut inner.state {
            State::Closed => Ok(leave(false)),
            State::Open { until, .. } if now < *until => Err(*until - now),
            State::Open { rest, .. } => {
                inner.state = State::HalfOpen { rest: *rest, probing: true, succeeded: 0 };
                Ok(leave(true))
            }
            State::HalfOpen { probing: true, .. } => Err(SHORT_REST),
            State::HalfOpen { probing, .. } => {
                *probing = true;
                Ok(leave(true))
            }
        }
    }

    fn tell(&self, probe: bool, outcome: Option<Outcome>, now: Instant) {
        let mut inner = self.lock();
        let failed = match outcome {
            None => {
                if let (State::HalfOpen { probing, .. }, true) = (&mut inner.state, probe) {
                    *probing = false;
                }
                return;
            }
            Some(outcome) => outcome != Outcome::Answered,
        };
        match &mut inner.state {
            State::Closed => {
                inner.in_a_row = if failed { inner.in_a_row + 1 } else { 0 };
                inner.recent.push_back((now, failed));
                while inner.recent.len() > MEMORY
                    || inner.recent.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW)
                {
                    inner.recent.pop_front();
                }
                let failures = inner.recent.iter().filter(|(_, failed)| *failed).count();
                let mostly = inner.recent.len() >= ENOUGH && failures * 2 >= inner.recent.len();
                if failed && (inner.in_a_row >= IN_A_ROW || mostly) {
                    self.open(&mut inner, rest_after(outcome, Duration::ZERO), outcome, now);
                }
            }
            State::HalfOpen { rest, probing, succeeded } if probe => {
                *probing = false;
                if failed {
                    let rest = rest_after(outcome, *rest);
                    self.open(&mut inner, rest, outcome, now);
                } else {
                    *succeeded += 1;
                    if *succeeded >= PROBES {
                        inner.state = State::Closed;
                        metrics::gauge!("aftercare_circuit_open", "service" => self.name.to_string()).set(0.0);
                        tracing::info!(service = &*self.name, "the service answers again");
                    }
                }
            }
            // A call that began before it opened.
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
    }

    fn open(&self, inner: &mut Inner, rest: Duration, why: Option<Outcome>, now: Instant) {
        let why = why.map_or("", Outcome::name);
        // Replicas of the gateway must not ask again all at once.
        let until = now + rest.mul_f64(rand::rng().random_range(0.8..1.2));
        inner.state = State::Open { until, rest };
        inner.in_a_row = 0;
        inner.recent.clear();
        metrics::gauge!("aftercare_circuit_open", "service" => self.name.to_string()).set(1.0);
        metrics::counter!("aftercare_circuit_opened_total", "service" => self.name.to_string(), "why" => why)
            .increment(1);
        tracing::warn!(service = &*self.name, why, rest_ms = rest.as_millis(), "the service is left alone for a while");
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a service is left alone after a failure, when it was left alone for `last` before.
fn rest_after(why: Option<Outcome>, last: Duration) -> Duration {
    if why == Some(Outcome::TimedOut) { (last * 2).clamp(FIRST_REST, LONGEST_REST) } else { SHORT_REST }
}

impl Leave {
    pub(crate) fn tell(mut self, outcome: Outcome) {
        self.told = true;
        self.circuit.tell(self.probe, Some(outcome), Instant::now());
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if !self.told {
            self.circuit.tell(self.probe, None, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(circuit: &Circuit, times: u32, now: Instant) {
        for _ in 0..times {
            if let Ok(leave) = circuit.ask(now) {
                leave.tell(Outcome::Unavailable);
            }
        }
    }

    fn later(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_two_probes_close_it() {
        let circuit = Circuit::new("test");
        let now = Instant::now();
        fail(&circuit, 4, now);
        circuit.ask(now).unwrap().tell(Outcome::Answered);
        fail(&circuit, 4, now);
        assert!(circuit.ask(now).is_ok(), "an answer begins the count again");
        fail(&circuit, 1, now);
        let rest = circuit.ask(now).unwrap_err();
        assert!(rest <= SHORT_REST.mul_f64(1.2), "{rest:?}");

        let probe = circuit.ask(later(2)).unwrap();
        assert!(circuit.ask(later(2)).is_err(), "one probe at a time");
        probe.tell(Outcome::Answered);
        circuit.ask(later(2)).unwrap().tell(Outcome::Answered);
        let (one, two) = (circuit.ask(now), circuit.ask(now));
        assert!(one.is_ok() && two.is_ok(), "closed");
    }

    #[test]
    fn a_silent_probe_doubles_the_rest_a_refused_one_does_not_and_a_lost_one_says_nothing() {
        let circuit = Circuit::new("test");
        fail(&circuit, 5, Instant::now());
        drop(circuit.ask(later(2)).unwrap());
        circuit.ask(later(2)).unwrap().tell(Outcome::TimedOut);
        circuit.ask(later(4)).unwrap().tell(Outcome::TimedOut);
        let rest = circuit.ask(Instant::now()).unwrap_err();
        assert!(rest > Duration::from_millis(1500) && rest < Duration::from_millis(2500), "{rest:?}");
        for _ in 0..10 {
            circuit.ask(later(3600)).unwrap().tell(Outcome::TimedOut);
        }
        assert!(circuit.ask(Instant::now()).unwrap_err() <= LONGEST_REST.mul_f64(1.2), "bounded");
        circuit.ask(later(3600)).unwrap().tell(Outcome::Unavailable);
        assert!(circuit.ask(Instant::now()).unwrap_err() <= SHORT_REST.mul_f64(1.2), "it is on its way back");
    }

    #[test]
    fn half_of_many_open_it_though_others_are_answered() {
        let circuit = Circuit::new("test");
        let now = Instant::now();
        let mut opened = None;
        for number in 0..100_u32 {
            match circuit.ask(now) {
                Ok(leave) => leave.tell(if number % 2 == 0 { Outcome::TimedOut } else { Outcome::Answered }),
                Err(_) => {
                    opened = Some(number);
                    break;
                }
            }
        }
        assert!(matches!(opened, Some(20..=22)), "{opened:?}");
    }
}
