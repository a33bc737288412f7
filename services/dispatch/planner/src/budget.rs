//! How long a run may take: iterations (repeatable), seconds of a clock that the caller owns, or until somebody says stop.

use std::sync::atomic::{AtomicBool, Ordering};

/// When to stop. The kernel has no clock of its own.
#[derive(Clone, Copy, Default)]
pub struct Budget<'a> {
    /// Most iterations of one worker. Only this makes a run repeatable to the byte.
    pub iterations: Option<u64>,
    /// Most seconds, by `clock`.
    pub seconds: Option<f64>,
    /// Seconds since anything, never going back. Called by the worker's own thread.
    pub clock: Option<&'a (dyn Fn() -> f64 + Sync)>,
    /// Somebody may set this at any time; the best plan so far is returned.
    pub stop: Option<&'a AtomicBool>,
}

impl<'a> Budget<'a> {
    /// So many iterations.
    #[must_use]
    pub const fn iterations(iterations: u64) -> Self {
        Self { iterations: Some(iterations), seconds: None, clock: None, stop: None }
    }

    /// So many seconds by this clock.
    #[must_use]
    pub const fn seconds(seconds: f64, clock: &'a (dyn Fn() -> f64 + Sync)) -> Self {
        Self { iterations: None, seconds: Some(seconds), clock: Some(clock), stop: None }
    }

    /// With somebody who may say stop.
    #[must_use]
    pub const fn stopped_by(self, stop: &'a AtomicBool) -> Self {
        Self { stop: Some(stop), ..self }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    pub(crate) fn now(&self) -> f64 {
        self.clock.map_or(0.0, |clock| clock())
    }

    /// How much is used up, 1 when the run must end.
    #[expect(clippy::cast_precision_loss, reason = "iterations stay far below 2^53")]
    pub(crate) fn used(&self, iteration: u64, began: f64) -> f64 {
        if self.is_stopped() {
            return 1.0;
        }
        let by_iterations =
            self.iterations.map_or(0.0, |most| if iteration >= most { 1.0 } else { iteration as f64 / most as f64 });
        let by_seconds = match (self.seconds, self.clock) {
            (Some(most), Some(clock)) if most > 0.0 => (clock() - began) / most,
            (Some(_), Some(_)) => 1.0,
            _ => 0.0,
        };
        // Without any limit nothing would ever end: such a budget is empty.
        if self.iterations.is_none() && (self.seconds.is_none() || self.clock.is_none()) {
            return 1.0;
        }
        by_iterations.max(by_seconds).min(1.0)
    }
}

/// What a run tells while it works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Share of the budget used, 0 to 1.
    pub used: f64,
    /// Iterations so far, of one worker.
    pub iterations: u64,
    /// Cost of the best plan so far, with its unassigned jobs.
    pub cost: crate::model::Cost,
    /// Jobs the best plan leaves open.
    pub unassigned: usize,
}
