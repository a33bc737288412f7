//! Redis Streams, the publishing side: one stream per publishing service, written by that service's relay only.
//!
//! Redis may forget entries that it acknowledged (a `kill -9` between two fsyncs is enough). So the relay knows the
//! tail of its stream, and every append is made only if Redis still knows the same tail.

use std::time::Duration;

use redis::{
    RedisError, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use super::EntryId;
use crate::error::{Error, reason};

/// The field of an entry that holds the encoded event.
pub(super) const FIELD: &str = "event";

/// Time for an answer of Redis, beside the time it may block for us.
const ANSWER: Duration = Duration::from_secs(5);
/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// Answers the present tail; appends only when it is the one expected.
const APPEND: &str = r"
local tail = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then tail = info[i + 1] end
  end
end
if tail ~= ARGV[1] then return {0, tail} end
for i = 2, #ARGV do tail = redis.call('XADD', KEYS[1], '*', 'event', ARGV[i]) end
return {1, tail}
";

/// A Redis used as bus; cheap to clone.
#[derive(Clone, Debug)]
pub struct Redis {
    client: redis::Client,
    prefix: String,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// Done; the stream ends here now.
    Added(EntryId),
    /// Nothing was added, because the stream ends here and not where the relay left it.
    Moved(EntryId),
}

impl Redis {
    pub(super) fn new(url: &str, prefix: &str) -> anyhow::Result<Self> {
        Ok(Self { client: redis::Client::open(url)?, prefix: prefix.to_owned() })
    }

    /// Key of a publishing service's stream.
    #[must_use]
    pub fn stream(&self, service: &str) -> String {
        format!("{}:events:{service}", self.prefix)
    }

    /// A connection that is made when it is used first and made again when it is lost. `blocking` is the longest time
    /// that a command on it may wait inside Redis; such a connection must not be shared.
    pub(super) fn connection(&self, blocking: Duration) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER + blocking))
            .set_number_of_retries(2)
            .set_max_delay(Duration::from_millis(500));
        ConnectionManager::new_lazy_with_config(self.client.clone(), config)
    }

    /// The publishing side of a service's stream.
    pub(crate) fn publisher(&self, service: &str) -> Result<Publisher, RedisError> {
        let connection = self.connection(Duration::ZERO)?;
        Ok(Publisher { connection, stream: self.stream(service), append: Script::new(APPEND) })
    }
}

/// The one writer of a stream.
#[derive(Debug)]
pub(crate) struct Publisher {
    connection: ConnectionManager,
    stream: String,
    append: Script,
}

impl Publisher {
    /// Where the stream ends; the start when it is gone.
    pub(crate) async fn tail(&mut self) -> Result<EntryId, RedisError> {
        // No stream ends here, so nothing is added and the answer is the tail.
        let nowhere = EntryId { millis: u64::MAX, sequence: u64::MAX };
        match self.append(nowhere, &[]).await? {
            Appended::Added(tail) | Appended::Moved(tail) => Ok(tail),
        }
    }

    /// Appends events if the stream still ends at `expected`. One script: all of them or none.
    pub(crate) async fn append(&mut self, expected: EntryId, events: &[&[u8]]) -> Result<Appended, RedisError> {
        let mut call = self.append.prepare_invoke();
        call.key(&self.stream).arg(expected.to_string());
        for event in events {
            call.arg(*event);
        }
        let (added, tail): (i64, String) = call.invoke_async(&mut self.connection).await?;
        let tail = EntryId::parse(&tail).ok_or((redis::ErrorKind::UnexpectedReturnType, "no entry id"))?;
        Ok(if added == 1 { Appended::Added(tail) } else { Appended::Moved(tail) })
    }

    /// Deletes entries that every group has handled and that are older than `kept`. Says how many.
    pub(crate) async fn trim(&mut self, kept: Duration) -> Result<u64, RedisError> {
        let exists: bool = redis::cmd("EXISTS").arg(&self.stream).query_async(&mut self.connection).await?;
        if !exists {
            return Ok(0);
        }
        let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(&mut self.connection).await?;
        let age = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
        let mut keep_from = EntryId { millis: (seconds * 1000).saturating_sub(age), sequence: 0 };
        let groups: redis::streams::StreamInfoGroupsReply =
            redis::cmd("XINFO").arg("GROUPS").arg(&self.stream).query_async(&mut self.connection).await?;
        for group in groups.groups {
            let pending: redis::streams::StreamPendingReply =
                redis::cmd("XPENDING").arg(&self.stream).arg(&group.name).query_async(&mut self.connection).await?;
            let handled = match &pending {
                redis::streams::StreamPendingReply::Data(data) => EntryId::parse(&data.start_id),
                _ => EntryId::parse(&group.last_delivered_id),
            };
            // A group that cannot be understood keeps everything.
            keep_from = keep_from.min(handled.unwrap_or_default());
        }
        redis::cmd("XTRIM")
            .arg(&self.stream)
            .arg("MINID")
            .arg("~")
            .arg(keep_from.to_string())
            .query_async(&mut self.connection)
            .await
    }
}

/// Redis that does not answer is an outage like any other.
impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        Self::new(reason::UNAVAILABLE).caused_by(error)
    }
}
