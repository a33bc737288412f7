//! Rung by commits: what waits for rows looks when a transaction has written some, and only then. A transaction knows by
//! itself whether it wrote events or set timers, so whoever commits need not think of it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use crate::clock::Clock;

/// The bells of one database; rung within this process only, so whoever waits looks by itself now and then, too.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    outbox: Notify,
    timers: Notify,
    /// The first instant of the timers set since somebody looked.
    soonest: Mutex<Option<DateTime<Utc>>>,
}

/// What one transaction will ring for.
#[derive(Debug, Default)]
pub(crate) struct Written(Mutex<Rows>);

#[derive(Clone, Copy, Debug, Default)]
struct Rows {
    events: bool,
    soonest: Option<DateTime<Utc>>,
}

impl Written {
    /// It wrote an event.
    pub(crate) fn event(&self) {
        lock(&self.0).events = true;
    }

    /// It set a timer.
    pub(crate) fn timer(&self, due_at: DateTime<Utc>) {
        bring_forward(&mut lock(&self.0).soonest, due_at);
    }
}

impl Bells {
    /// After the commit of a transaction that wrote this.
    pub(crate) fn ring(&self, written: &Written) {
        let rows = *lock(&written.0);
        if rows.events {
            self.outbox.notify_one();
        }
        if let Some(due_at) = rows.soonest {
            self.set(due_at);
        }
    }

    /// There are events to be published.
    pub(crate) fn ring_outbox(&self) {
        self.outbox.notify_one();
    }

    /// Whoever waits is to look, whatever was written.
    pub(crate) fn ring_all(&self) {
        self.outbox.notify_one();
        self.set(DateTime::<Utc>::MIN_UTC);
    }

    fn set(&self, due_at: DateTime<Utc>) {
        bring_forward(&mut lock(&self.soonest), due_at);
        self.timers.notify_one();
    }

    /// Waits until events were written.
    pub(crate) async fn outbox(&self) {
        self.outbox.notified().await;
    }

    /// Waits until a timer was set that is due, or for so long. Timers of another hour are not worth a look.
    pub(crate) async fn timers(&self, clock: &Clock, longest: Duration) {
        let due = async {
            loop {
                self.timers.notified().await;
                if lock(&self.soonest).take().is_some_and(|due_at| due_at <= clock.now()) {
                    return;
                }
            }
        };
        // Late is as good as rung.
        let _ = tokio::time::timeout(longest, due).await;
    }
}

fn bring_forward(soonest: &mut Option<DateTime<Utc>>, due_at: DateTime<Utc>) {
    *soonest = Some(soonest.map_or(due_at, |soonest| soonest.min(due_at)));
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use futures::poll;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_transaction_rings_for_what_it_wrote() {
        let (bells, clock) = (Bells::default(), Clock::fixed(DateTime::UNIX_EPOCH));
        let mut outbox = Box::pin(bells.outbox());
        let mut timers = Box::pin(bells.timers(&clock, LONG));
        assert!(poll!(&mut outbox).is_pending() && poll!(&mut timers).is_pending());

        bells.ring(&Written::default());
        assert!(poll!(&mut outbox).is_pending() && poll!(&mut timers).is_pending());

        let told = Written::default();
        told.event();
        bells.ring(&told);
        assert!(poll!(&mut outbox).is_ready() && poll!(&mut timers).is_pending());

        let later = Written::default();
        later.timer(clock.now() + TimeDelta::hours(2));
        bells.ring(&later);
        assert!(poll!(&mut timers).is_pending(), "nothing is due");
        let due = Written::default();
        due.timer(clock.now());
        due.timer(clock.now() + TimeDelta::hours(1));
        bells.ring(&due);
        assert!(poll!(&mut timers).is_ready());
    }

    #[tokio::test]
    async fn everybody_looks_when_a_clock_was_moved() {
        let (bells, clock) = (Bells::default(), Clock::fixed(DateTime::UNIX_EPOCH));
        bells.ring_all();
        bells.outbox().await;
        bells.timers(&clock, LONG).await;
    }
}
