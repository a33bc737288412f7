//! One lane per aggregate that has events in hand: lowest version first, one at a time; lanes side by side.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use proto::aftercare::common::v1::Event;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Shared, handle::Handled};
use crate::{
    bus::Delivery,
    error::{Error, Kind},
};

/// Longest pause between tries.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// First pause before a gap is looked at again; it doubles.
const GAP_PAUSE: Duration = Duration::from_millis(10);
/// Longest pause before a gap is looked at again.
const LONGEST_GAP_PAUSE: Duration = Duration::from_millis(500);
/// An owner that was asked is asked again after so many times `gap_wait`.
const ASK_AGAIN: u32 = 5;

/// The lanes of one consumer.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_aggregate: Mutex<HashMap<String, Lane>>,
}

#[derive(Debug, Default)]
struct Lane {
    /// By version. Copies of one event share its fate.
    waiting: BTreeMap<i64, (Arc<Event>, Vec<Delivery>)>,
    arrived: Arc<Notify>,
}

/// The event of a lane that is to be handled next.
struct Front {
    event: Arc<Event>,
    payload: Arc<[u8]>,
    arrived: Arc<Notify>,
}

/// How often and since when the front event of a lane was tried.
#[derive(Debug)]
struct Tries {
    version: i64,
    count: u32,
    since: Instant,
    asked: Option<Instant>,
}

impl Tries {
    fn begin(version: i64) -> Self {
        Self { version, count: 0, since: Instant::now(), asked: None }
    }
}

impl Lanes {
    /// Puts an event into its lane; says whether the lane is new and wants to be driven.
    pub(super) fn join(&self, event: Event, delivery: Delivery) -> bool {
        let mut lanes = self.by_aggregate.lock().unwrap_or_else(PoisonError::into_inner);
        let new = !lanes.contains_key(&event.aggregate_id);
        let lane = lanes.entry(event.aggregate_id.clone()).or_default();
        let event = Arc::new(event);
        lane.waiting.entry(event.aggregate_version).or_insert_with(|| (event, Vec::new())).1.push(delivery);
        lane.arrived.notify_one();
        new
    }

    /// The event with the lowest version. Takes the lane away when it is empty.
    fn front(&self, aggregate_id: &str) -> Option<Front> {
        let mut lanes = self.by_aggregate.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.get(aggregate_id)?;
        let front = lane.waiting.first_key_value().and_then(|(_, (event, deliveries))| {
            let payload = deliveries.first()?.payload.clone();
            Some(Front { event: event.clone(), payload, arrived: lane.arrived.clone() })
        });
        if front.is_none() {
            lanes.remove(aggregate_id);
        }
        front
    }

    /// Acknowledges an event and all copies of it.
    fn finish(&self, event: &Event) {
        let mut lanes = self.by_aggregate.lock().unwrap_or_else(PoisonError::into_inner);
        let done = lanes.get_mut(&event.aggregate_id).and_then(|lane| lane.waiting.remove(&event.aggregate_version));
        drop(lanes);
        for delivery in done.into_iter().flat_map(|(_, deliveries)| deliveries) {
            delivery.ack();
        }
    }

    /// Handles the lane's events until none is left.
    pub(super) async fn drive(&self, shared: &Shared, aggregate_id: &str, stop: &CancellationToken) {
        let mut tries = Tries::begin(0);
        while let Some(Front { event, payload, arrived }) = self.front(aggregate_id) {
            if stop.is_cancelled() {
                return;
            }
            if tries.version != event.aggregate_version {
                tries = Tries::begin(event.aggregate_version);
            }
            let handled = if shared.takes_many(&event) {
                shared.among_others(&event, &payload).await
            } else {
                shared.alone(&event, &payload).await
            };
            // The consumer is gone.
            let Some(handled) = handled else { return };
            tries.count = tries.count.saturating_add(1);
            let pause = match handled {
                Ok(Handled::Done | Handled::Repeat | Handled::Parked) => {
                    self.finish(&event);
                    continue;
                }
                Ok(Handled::Gap(last)) => shared.gap(&event, last, &mut tries).await,
                Err(ref error) => match shared.failed(&event, &payload, error, &tries).await {
                    Some(pause) => pause,
                    None => {
                        self.finish(&event);
                        continue;
                    }
                },
            };
            tokio::select! {
                () = stop.cancelled() => return,
                // What arrives may be what was missing. A failed event waits its time.
                () = arrived.notified(), if matches!(handled, Ok(Handled::Gap(_))) => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

impl Shared {
    /// Waits for missing versions, and asks for them when they do not come.
    async fn gap(&self, event: &Event, last: i64, tries: &mut Tries) -> Duration {
        let wait = self.settings.gap_wait;
        let due = match tries.asked {
            None => tries.since.elapsed() >= wait,
            Some(asked) => asked.elapsed() >= wait * ASK_AGAIN,
        };
        if due {
            tries.asked = Some(Instant::now());
            if let Err(error) = self.ask_for_missing(event, last).await {
                tracing::warn!(%error, aggregate_id = event.aggregate_id, "the owner of missing events does not answer");
            }
            return GAP_PAUSE;
        }
        doubled(GAP_PAUSE, tries.count).min(LONGEST_GAP_PAUSE).min(wait)
    }

    /// After a failed try: the pause before the next, or `None` when the event was parked.
    async fn failed(&self, event: &Event, payload: &[u8], error: &Error, tries: &Tries) -> Option<Duration> {
        let over = match error.kind() {
            // Somebody else is down or was faster: not the event's fault.
            Kind::Unavailable | Kind::Aborted | Kind::DeadlineExceeded | Kind::ResourceExhausted => {
                tries.since.elapsed() >= self.settings.patience
            }
            Kind::InvalidArgument
            | Kind::NotFound
            | Kind::AlreadyExists
            | Kind::FailedPrecondition
            | Kind::PermissionDenied
            | Kind::Unauthenticated
            | Kind::Internal => tries.count >= self.settings.tries,
        };
        tracing::warn!(
            %error,
            cause = ?error.cause(),
            consumer = self.core.service,
            event_id = event.id,
            aggregate_id = event.aggregate_id,
            tries = tries.count,
            "an event could not be handled"
        );
        if over {
            match self.park(event, payload, error, tries.count).await {
                Ok(()) => return None,
                Err(error) => tracing::warn!(%error, "a dead letter waits to be kept"),
            }
        }
        metrics::counter!("aftercare_events_retried_total", "consumer" => self.core.service).increment(1);
        let jitter = 1.0 + 0.25 * rand::random::<f64>();
        Some(doubled(self.settings.pause, tries.count).min(LONGEST_PAUSE).mul_f64(jitter))
    }
}

/// `first`, doubled after each try but the first.
fn doubled(first: Duration, tries: u32) -> Duration {
    first.saturating_mul(1 << tries.saturating_sub(1).min(16))
}
