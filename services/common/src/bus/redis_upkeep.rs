//! Redis Streams, what a consumer does beside reading: acknowledge, show that it lives, take over from the dead.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{RedisError, Script, aio::ConnectionManager};
use tokio::sync::{Notify, mpsc};

use super::{
    Delivery, EntryId, Redis,
    redis_source::{Entries, Reader, lost_group},
};

/// Most ids in one command.
const CHUNK: usize = 500;
/// Pause before an acknowledgement is tried again.
const AGAIN: Duration = Duration::from_millis(200);
/// Consumers without pending entries are removed when they have been silent for so many times `claim_after`.
const DEAD: u32 = 10;

/// Removes dead consumers. One script, because a consumer that gets an entry in between would take it with it.
const BURY: &str = r"
local buried = 0
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #row, 2 do consumer[row[i]] = row[i + 1] end
  if consumer.name ~= ARGV[2] and consumer.pending == 0 and consumer.idle > tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    buried = buried + 1
  end
end
return buried
";

/// An entry: which stream, which id.
type Entry = (usize, EntryId);

/// The entries this replica has in hand, up to a limit.
#[derive(Debug)]
pub(super) struct Hand {
    held: Mutex<BTreeSet<Entry>>,
    limit: usize,
    freed: Notify,
    acks: mpsc::UnboundedSender<Entry>,
}

impl Hand {
    pub(super) fn new(limit: usize) -> (Arc<Self>, mpsc::UnboundedReceiver<Entry>) {
        let (acks, committed) = mpsc::unbounded_channel();
        let hand = Self { held: Mutex::default(), limit: limit.max(1), freed: Notify::new(), acks };
        (Arc::new(hand), committed)
    }

    /// Takes an entry in hand, unless it is there already.
    pub(super) fn take(self: &Arc<Self>, stream: usize, id: EntryId) -> Option<InHand> {
        let new = self.held.lock().unwrap_or_else(PoisonError::into_inner).insert((stream, id));
        new.then(|| InHand { hand: self.clone(), entry: Some((stream, id)) })
    }

    fn let_go(&self, entries: &[Entry]) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            held.remove(entry);
        }
        self.freed.notify_one();
    }

    fn free(&self) -> usize {
        self.limit.saturating_sub(self.held.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// Waits until there is room; says for how many entries.
    pub(super) async fn room(&self) -> usize {
        loop {
            match self.free() {
                0 => self.freed.notified().await,
                room => return room,
            }
        }
    }

    fn of_stream(&self, stream: usize) -> Vec<EntryId> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().filter(|(of, _)| *of == stream).map(|(_, id)| *id).collect()
    }
}

/// An entry in hand. Dropped without [`InHand::ack`], it stays pending in Redis and comes again.
#[derive(Debug)]
pub(super) struct InHand {
    hand: Arc<Hand>,
    entry: Option<Entry>,
}

impl InHand {
    pub(super) fn ack(mut self) {
        if let Some(entry) = self.entry.take() {
            // It stays in hand until Redis knows, so that it is not handed out again meanwhile.
            let _ = self.hand.acks.send(entry);
        }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.hand.let_go(&[entry]);
        }
    }
}

/// The second half of a consumer.
#[derive(Debug)]
pub(super) struct Upkeep {
    reader: Reader,
    acks: tokio::sync::Mutex<mpsc::UnboundedReceiver<Entry>>,
    claim_after: Duration,
    bury: Script,
}

impl Upkeep {
    pub(super) fn new(reader: Reader, acks: mpsc::UnboundedReceiver<Entry>, claim_after: Duration) -> Self {
        Self { reader, acks: tokio::sync::Mutex::new(acks), claim_after, bury: Script::new(BURY) }
    }

    pub(super) async fn run(&self, redis: &Redis, out: &mpsc::Sender<Delivery>) {
        tokio::join!(self.acknowledge(redis), self.watch(redis, out));
    }

    async fn acknowledge(&self, redis: &Redis) {
        let mut acks = self.acks.lock().await;
        let mut connection = None;
        let mut entries = Vec::new();
        // Cancel-safe: what is not acknowledged stays pending, and the inbox knows it when it comes again.
        while acks.recv_many(&mut entries, CHUNK).await > 0 {
            while let Err(error) = self.send(redis, &mut connection, &entries).await {
                tracing::warn!(%error, group = self.reader.group, "acknowledgements wait: the bus does not answer");
                tokio::time::sleep(AGAIN).await;
            }
            entries.clear();
        }
    }

    pub(super) async fn flush(&self, redis: &Redis) {
        let mut acks = self.acks.lock().await;
        let mut entries = Vec::new();
        while let Ok(entry) = acks.try_recv() {
            entries.push(entry);
        }
        if let Err(error) = self.send(redis, &mut None, &entries).await {
            tracing::warn!(%error, "the last events will come again: the bus did not hear of their end");
        }
    }

    async fn send(
        &self,
        redis: &Redis,
        connection: &mut Option<ConnectionManager>,
        entries: &[Entry],
    ) -> Result<(), RedisError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut ids = BTreeMap::<usize, Vec<String>>::new();
        for (stream, id) in entries {
            ids.entry(*stream).or_default().push(id.to_string());
        }
        let mut pipe = redis::pipe();
        for (stream, ids) in &ids {
            pipe.cmd("XACK").arg(&self.reader.streams[*stream]).arg(&self.reader.group).arg(ids).ignore();
        }
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(redis.connection(Duration::ZERO)?),
        };
        pipe.query_async::<()>(connection).await?;
        self.reader.hand.let_go(entries);
        Ok(())
    }

    async fn watch(&self, redis: &Redis, out: &mpsc::Sender<Delivery>) {
        let every = (self.claim_after / 3).max(Duration::from_millis(50));
        let mut connection = None;
        loop {
            for stream in 0..self.reader.streams.len() {
                match self.watch_stream(redis, &mut connection, stream, out).await {
                    Err(error) if !lost_group(&error) => tracing::debug!(%error, "upkeep of a stream waits"),
                    Ok(()) | Err(_) => {}
                }
            }
            tokio::time::sleep(every).await;
        }
    }

    async fn watch_stream(
        &self,
        redis: &Redis,
        connection: &mut Option<ConnectionManager>,
        stream: usize,
        out: &mpsc::Sender<Delivery>,
    ) -> Result<(), RedisError> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(redis.connection(Duration::ZERO)?),
        };
        let (key, reader) = (&self.reader.streams[stream], &self.reader);
        // What is in hand for long (a gap, something down) must not look like a dead consumer's.
        for chunk in reader.hand.of_stream(stream).chunks(CHUNK) {
            let mut claim = redis::cmd("XCLAIM");
            claim.arg(key).arg(&reader.group).arg(&reader.consumer).arg(0);
            claim.arg(chunk.iter().map(EntryId::to_string).collect::<Vec<_>>()).arg("JUSTID");
            claim.query_async::<Vec<String>>(connection).await?;
        }
        let mut cursor = EntryId::START.to_string();
        while reader.hand.free() > 0 {
            let (next, entries, deleted): (String, Entries, Vec<String>) = redis::cmd("XAUTOCLAIM")
                .arg(key)
                .arg(&reader.group)
                .arg(&reader.consumer)
                .arg(u64::try_from(self.claim_after.as_millis()).unwrap_or(u64::MAX))
                .arg(&cursor)
                .arg("COUNT")
                .arg(reader.hand.free().min(CHUNK))
                .query_async(connection)
                .await?;
            let taken = reader.hand_out(stream, entries, out).await;
            if taken > 0 {
                tracing::info!(taken, stream = key, "took over what a silent consumer had in hand");
                metrics::counter!("aftercare_events_redelivered_total", "consumer" => reader.group.clone())
                    .increment(taken as u64);
            }
            if !deleted.is_empty() {
                tracing::error!(?deleted, stream = key, "entries were deleted while they were pending");
                metrics::counter!("aftercare_events_deleted_pending_total", "consumer" => reader.group.clone())
                    .increment(deleted.len() as u64);
            }
            if next == "0-0" {
                break;
            }
            cursor = next;
        }
        let dead = u64::try_from((self.claim_after * DEAD).as_millis()).unwrap_or(u64::MAX);
        let mut bury = self.bury.prepare_invoke();
        bury.key(key).arg(&reader.group).arg(&reader.consumer).arg(dead);
        bury.invoke_async::<i64>(connection).await?;
        let groups: redis::streams::StreamInfoGroupsReply =
            redis::cmd("XINFO").arg("GROUPS").arg(key).query_async(connection).await?;
        for group in groups.groups.into_iter().filter(|group| group.name == reader.group) {
            let behind = group.lag.unwrap_or_default() + group.pending;
            metrics::gauge!("aftercare_consumer_lag", "consumer" => reader.group.clone(), "stream" => key.clone())
                .set(behind as f64);
        }
        Ok(())
    }
}
