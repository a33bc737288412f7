//! Dead letters that somebody asked to replay: in order of their aggregates, each in its own transaction.

use prost::Message as _;
use proto::aftercare::common::v1::Event;

use super::{Shared, handle::describe, row};
use crate::{
    dead_letters::{self, DeadLetter},
    error::{Error, Result, reason},
};

/// Letters taken at one look.
const BATCH: u64 = 100;

impl Shared {
    /// Replays what was asked for. A letter that fails again waits, with those behind it, for the next request.
    pub(super) async fn replay_requested(&self) -> Result<()> {
        let waiting = dead_letters::count(&self.core.db, self.core.service).await?;
        metrics::gauge!("aftercare_dead_letters", "consumer" => self.core.service).set(waiting as f64);
        if waiting == 0 {
            return Ok(());
        }
        let mut stuck = String::new();
        for letter in dead_letters::requested(&self.core.db, self.core.service, BATCH).await? {
            if !stuck.is_empty() && stuck == letter.aggregate_id {
                continue;
            }
            match tokio::time::timeout(self.settings.handler_limit, self.replay(&letter)).await {
                Ok(Ok(())) => tracing::info!(event_id = letter.event_id, "a dead letter was replayed"),
                Ok(Err(error)) => {
                    stuck.clone_from(&letter.aggregate_id);
                    self.replay_failed(&letter, &error).await?;
                }
                Err(late) => {
                    stuck.clone_from(&letter.aggregate_id);
                    self.replay_failed(&letter, &Error::new(reason::DEADLINE_EXCEEDED).caused_by(late)).await?;
                }
            }
        }
        Ok(())
    }

    async fn replay(&self, letter: &DeadLetter) -> Result<()> {
        let event = Event::decode(letter.envelope.as_slice()).map_err(Error::internal)?;
        let now = self.core.clock.now();
        let tx = self.core.db.begin().await?;
        let last = row::lock(&tx, self.core.service, &event.aggregate_id, now).await?;
        // Handled meanwhile: only the letter is closed.
        if event.aggregate_version > last {
            if event.aggregate_version > last + 1 {
                return Err(Error::new(reason::CONFLICT).with("missing_from", last + 1));
            }
            self.effect(&tx, &event).await?;
            row::advance(&tx, self.core.service, &event.aggregate_id, event.aggregate_version).await?;
        }
        dead_letters::replayed(&tx, letter.id, now).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn replay_failed(&self, letter: &DeadLetter, error: &Error) -> Result<()> {
        let error = describe(error);
        tracing::error!(error, event_id = letter.event_id, "a dead letter failed again");
        dead_letters::failed_again(&self.core.db, letter, &error).await
    }
}
