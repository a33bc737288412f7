//! Redis Streams, the consuming side: one consumer group per consuming service, read by all its replicas.

use std::{collections::HashMap, sync::Arc, time::Duration};

use redis::{RedisError, aio::ConnectionManager};
use tokio::sync::mpsc;

use super::{
    Ack, Delivery, EntryId, Redis, Settings,
    redis::FIELD,
    redis_upkeep::{Hand, Upkeep},
};

/// Entries of one stream; the fields are gone when the entry was deleted while it was pending.
pub(super) type Entries = Vec<(String, Option<HashMap<String, Vec<u8>>>)>;

/// Longest wait inside Redis for new entries.
const BLOCK: Duration = Duration::from_secs(1);
/// Entries asked for at once.
const COUNT: usize = 100;
/// Pauses after an error: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What one replica reads.
#[derive(Debug)]
pub(crate) struct RedisSource {
    redis: Redis,
    reader: Reader,
    upkeep: Upkeep,
}

/// Names that every command needs.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) group: String,
    pub(super) consumer: String,
    pub(super) streams: Vec<String>,
    pub(super) hand: Arc<Hand>,
}

impl RedisSource {
    pub(super) fn new(redis: Redis, group: &str, services: &[&str], settings: Settings) -> Self {
        let (hand, acks) = Hand::new(settings.in_hand);
        let reader = Reader {
            group: group.to_owned(),
            consumer: settings.instance.clone(),
            streams: services.iter().map(|service| redis.stream(service)).collect(),
            hand,
        };
        let upkeep = Upkeep::new(reader.clone(), acks, settings.claim_after);
        Self { redis, reader, upkeep }
    }

    /// Hands entries out until it is dropped.
    pub(super) async fn run(&self, out: &mpsc::Sender<Delivery>) {
        tokio::join!(self.read(out), self.upkeep.run(&self.redis, out));
    }

    /// Tells Redis what was committed after the reading stopped.
    pub(super) async fn flush(&self) {
        self.upkeep.flush(&self.redis).await;
    }

    async fn read(&self, out: &mpsc::Sender<Delivery>) {
        let mut connection = None;
        let mut pause = PAUSES.0;
        // Also after an error: its answer may have held entries that are ours now and that nobody saw.
        let mut recover = true;
        loop {
            match self.read_once(&mut connection, &mut recover, out).await {
                Ok(()) => pause = PAUSES.0,
                Err(error) => {
                    recover = true;
                    if lost_group(&error) {
                        tracing::warn!(
                            group = self.reader.group,
                            "the bus forgot the consumer group; it is made again"
                        );
                    } else {
                        tracing::warn!(%error, group = self.reader.group, "events wait: the bus does not answer");
                        pause = (pause * 2).min(PAUSES.1);
                    }
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    async fn read_once(
        &self,
        connection: &mut Option<ConnectionManager>,
        recover: &mut bool,
        out: &mpsc::Sender<Delivery>,
    ) -> Result<(), RedisError> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.redis.connection(BLOCK)?),
        };
        let reader = &self.reader;
        if *recover {
            reader.make_groups(connection).await?;
            for stream in 0..reader.streams.len() {
                reader.recover(connection, stream, out).await?;
            }
            *recover = false;
        }
        let room = reader.hand.room().await;
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(&reader.group).arg(&reader.consumer);
        read.arg("COUNT").arg(room.min(COUNT)).arg("BLOCK").arg(BLOCK.as_millis() as u64);
        read.arg("STREAMS").arg(&reader.streams).arg(vec![">"; reader.streams.len()]);
        let answer: Option<Vec<(String, Entries)>> = read.query_async(connection).await?;
        for (key, entries) in answer.into_iter().flatten() {
            if let Some(stream) = reader.streams.iter().position(|stream| *stream == key) {
                reader.hand_out(stream, entries, out).await;
            }
        }
        Ok(())
    }
}

impl Reader {
    /// Makes the groups, from the beginning of what the streams still hold: what was handled is known to the inbox.
    async fn make_groups(&self, connection: &mut ConnectionManager) -> Result<(), RedisError> {
        for stream in &self.streams {
            let made: Result<(), RedisError> = redis::cmd("XGROUP")
                .arg("CREATE")
                .arg(stream)
                .arg(&self.group)
                .arg("0")
                .arg("MKSTREAM")
                .query_async(connection)
                .await;
            match made {
                Err(error) if error.code() != Some("BUSYGROUP") => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Hands out what this consumer had in hand before it was interrupted.
    async fn recover(
        &self,
        connection: &mut ConnectionManager,
        stream: usize,
        out: &mpsc::Sender<Delivery>,
    ) -> Result<(), RedisError> {
        let mut after = EntryId::START.to_string();
        loop {
            let room = self.hand.room().await;
            let mut read = redis::cmd("XREADGROUP");
            read.arg("GROUP").arg(&self.group).arg(&self.consumer).arg("COUNT").arg(room.min(COUNT));
            read.arg("STREAMS").arg(&self.streams[stream]).arg(&after);
            let answer: Option<Vec<(String, Entries)>> = read.query_async(connection).await?;
            let entries: Entries = answer.into_iter().flatten().flat_map(|(_, entries)| entries).collect();
            let Some((last, _)) = entries.last() else { return Ok(()) };
            after.clone_from(last);
            let again = self.hand_out(stream, entries, out).await;
            if again > 0 {
                metrics::counter!("aftercare_events_redelivered_total", "consumer" => self.group.clone())
                    .increment(again as u64);
            }
        }
    }

    /// Hands out entries that are not in hand already; says how many those were.
    pub(super) async fn hand_out(&self, stream: usize, entries: Entries, out: &mpsc::Sender<Delivery>) -> usize {
        let mut handed = 0;
        for (id, fields) in entries {
            let Some(in_hand) = EntryId::parse(&id).and_then(|entry| self.hand.take(stream, entry)) else { continue };
            let origin = format!("{}/{id}", self.streams[stream]);
            let Some(mut fields) = fields else {
                tracing::error!(origin, "an entry was deleted while it was pending; a later version shows it as a gap");
                metrics::counter!("aftercare_events_deleted_pending_total", "consumer" => self.group.clone())
                    .increment(1);
                in_hand.ack();
                continue;
            };
            let payload = fields.remove(FIELD).unwrap_or_default().into();
            handed += 1;
            if out.send(Delivery { payload, origin, ack: Ack::Redis(in_hand) }).await.is_err() {
                break;
            }
        }
        handed
    }
}

/// Whether Redis says that the group, or the whole stream, is gone.
pub(super) fn lost_group(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"))
}
