//! One reader of the feed: from its cursor to the newest change, and then on as they come, for as long as it may stay.
//!
//! A reader has a buffer of its own, bounded, and a task of its own that fills it. When the buffer stays full for too
//! long the stream ends with "resync"; nobody else waits for it meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use common::{
    convert::timestamp,
    error::{Error, Result},
    page,
    reach::Reach,
    service::Call,
};
use proto::aftercare::gateway::v1::{Change as ChangeMessage, WatchChangesResponse as Message, WatchSignal as Signal};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, OwnedPermit};
use tonic::Status;

use super::hub::{PAGE, Seat};
use crate::{
    domain::feed::{Change, Wish, within},
    service::Context,
    store,
};

/// What cursors of the feed have in common.
const CURSOR: &[u8] = b"aftercare.gateway.v1.Change";
/// Pause after a database did not answer.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Serialize, Deserialize)]
struct Cursor {
    after: i64,
}

/// The cursor behind a change.
pub(crate) fn cursor(after: i64) -> String {
    page::seal(&Cursor { after }, CURSOR)
}

/// The number that a cursor stands behind; `None` for the empty one.
fn position(cursor: &str) -> Result<Option<i64>> {
    let read = page::open::<Cursor>(cursor, CURSOR).map_err(|_| Error::invalid("cursor", "cursor.unknown"))?;
    Ok(read.map(|cursor| cursor.after))
}

/// What comes out of a stream.
pub(crate) type Item = Result<Message, Status>;

/// One reader.
struct Reader {
    ctx: Context,
    wish: Wish,
    /// As it was when the stream began: when it changes, the door ends the stream.
    reach: Reach,
    /// The last change that was passed, sent or not.
    passed: AtomicI64,
    out: mpsc::Sender<Item>,
}

/// Why a stream ends.
enum End {
    /// The client has gone.
    Gone,
    /// With this signal, from this number on.
    Signal(Signal, i64),
}

/// Opens the stream of one reader. It ends by itself when the receiver is dropped.
pub(crate) async fn open(ctx: &Context, call: &Call, from: &str, wish: Wish) -> Result<mpsc::Receiver<Item>> {
    let asked = position(from)?;
    let seat = ctx.hub.sit();
    if seat_taken(ctx) {
        return Err(Error::new(common::error::reason::OVERLOADED));
    }
    let newest = store::feed::newest(ctx.core.db.read()).await?;
    let start = asked.unwrap_or(newest);
    // One place is kept for the last message, however full the buffer is.
    let (out, receiver) = mpsc::channel(ctx.config.push.buffer.max(1) + 1);
    let last = out.clone().reserve_owned().await.map_err(Error::internal)?;
    let reader = Reader { ctx: ctx.clone(), wish, reach: call.reach.clone(), passed: AtomicI64::new(start), out };
    tokio::spawn(Arc::new(reader).run(seat, newest, last));
    Ok(receiver)
}

fn seat_taken(ctx: &Context) -> bool {
    ctx.hub.readers() > ctx.config.push.readers
}

impl Reader {
    async fn run(self: Arc<Self>, seat: Seat, newest: i64, last: OwnedPermit<Item>) {
        let push = &self.ctx.config.push;
        // Not all at once: the clients of a replica come back one after the other.
        let life = push.life.mul_f64(rand::rng().random_range(0.9..=1.1));
        let stopping = self.ctx.core.stopping.clone();
        let end = tokio::select! {
            end = self.tell(seat, newest) => end,
            never = self.beat() => match never {},
            () = self.out.closed() => End::Gone,
            () = stopping.cancelled() => End::Signal(Signal::Resume, self.passed()),
            () = tokio::time::sleep(life) => End::Signal(Signal::Resume, self.passed()),
        };
        let label = match end {
            End::Gone => "gone",
            End::Signal(Signal::Resync, _) => "resync",
            End::Signal(..) => "resume",
        };
        metrics::counter!("aftercare_push_streams_ended_total", "how" => label).increment(1);
        if let End::Signal(signal, after) = end {
            last.send(Ok(Message { cursor: cursor(after), change: None, signal: signal.into() }));
        }
    }

    fn passed(&self) -> i64 {
        self.passed.load(Ordering::Acquire)
    }

    /// Tells of changes until it must not go on.
    async fn tell(&self, mut seat: Seat, newest: i64) -> End {
        // At once, so that a reader who began at "now" has a cursor before anything happens.
        if self.send(self.signal(Signal::Heartbeat)).await.is_err() {
            return End::Gone;
        }
        // A cursor of the future comes from before the database was set back.
        if self.passed() > newest {
            return End::Signal(Signal::Resync, newest);
        }
        loop {
            let passed = self.passed();
            let changes = match seat.behind(passed) {
                Some(changes) if !changes.is_empty() => changes,
                Some(_) => {
                    seat.newer_than(passed).await;
                    continue;
                }
                None => match self.read(passed).await {
                    Ok(Some(changes)) if changes.is_empty() => {
                        seat.newer_than(passed).await;
                        continue;
                    }
                    Ok(Some(changes)) => changes,
                    Ok(None) => return self.resync_from_newest().await,
                    Err(error) => {
                        tracing::warn!(%error, cause = ?error.cause(), "a reader waits for the database");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            for change in changes {
                if self.is_for(&change) {
                    match tokio::time::timeout(self.ctx.config.push.patience, self.send(message(&change))).await {
                        Ok(Ok(())) => {}
                        Ok(Err(Gone)) => return End::Gone,
                        Err(_) => return End::Signal(Signal::Resync, self.passed()),
                    }
                }
                self.passed.store(change.number, Ordering::Release);
            }
        }
    }

    /// What follows in the database; `None` when some of it was trimmed already.
    async fn read(&self, passed: i64) -> Result<Option<Vec<Arc<Change>>>> {
        let db = self.ctx.core.db.read();
        let changes = store::feed::after(db, passed, PAGE).await?;
        let follows = match changes.first() {
            Some(first) => first.number == passed + 1,
            None => store::feed::newest(db).await? <= passed,
        };
        if follows {
            return Ok(Some(changes.into_iter().map(Arc::new).collect()));
        }
        // Numbers have no holes: what is missing was trimmed, or written between the two looks.
        let oldest = store::feed::oldest(db).await?;
        Ok(if oldest.is_some_and(|oldest| oldest <= passed + 1) { Some(Vec::new()) } else { None })
    }

    async fn resync_from_newest(&self) -> End {
        loop {
            match store::feed::newest(self.ctx.core.db.read()).await {
                Ok(newest) => return End::Signal(Signal::Resync, newest),
                Err(error) => {
                    tracing::warn!(%error, "a reader waits for the database");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn is_for(&self, change: &Change) -> bool {
        self.wish.wants(change) && within(&self.reach, change)
    }

    /// Shows now and then that the stream lives. A full buffer shows it too.
    async fn beat(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(self.ctx.config.push.heartbeat).await;
            let _ = self.out.try_send(Ok(self.signal(Signal::Heartbeat)));
        }
    }

    fn signal(&self, signal: Signal) -> Message {
        Message { cursor: cursor(self.passed()), change: None, signal: signal.into() }
    }

    async fn send(&self, message: Message) -> Result<(), Gone> {
        self.out.send(Ok(message)).await.map_err(|_| Gone)
    }
}

/// The client has gone.
struct Gone;

fn message(change: &Change) -> Message {
    let Change { place, .. } = change.clone();
    let told = ChangeMessage {
        service: change.service.clone(),
        record_kind: change.record_kind.clone(),
        record_id: change.record_id.clone(),
        record_version: change.record_version,
        fact: change.fact.clone(),
        state: change.state.clone(),
        org_unit_id: place.org_unit_id,
        technician_id: place.technician_id,
        former_technician_id: change.former_technician_id.clone(),
        partner_id: place.partner_id,
        service_request_id: place.service_request_id,
        work_order_id: change.work_order_id.clone(),
        customer_id: place.customer_id,
        occurred_at: Some(timestamp(change.occurred_at)),
    };
    Message { cursor: cursor(change.number), change: Some(told), signal: Signal::Unspecified.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_a_made_up_one_is_refused() {
        assert_eq!(position(&cursor(7)).unwrap(), Some(7));
        assert_eq!(position("").unwrap(), None);
        let mut damaged = cursor(7);
        damaged.replace_range(3..4, if &damaged[3..4] == "A" { "B" } else { "A" });
        for text in [&*damaged, "7", "0", "AAAA"] {
            assert_eq!(position(text).unwrap_err().fields[0].field, "cursor", "{text}");
        }
    }
}
