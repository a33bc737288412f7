//! Tells of changes in the caller's scope, as they happen.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::WatchChangesRequest;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    domain::feed::Wish,
    feed::reader::{self, Item},
    service::Context,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: WatchChangesRequest) -> Result<ReceiverStream<Item>> {
    let wish =
        Wish { kinds: request.kinds.into_iter().collect(), record_ids: request.record_ids.into_iter().collect() };
    Ok(ReceiverStream::new(reader::open(ctx, call, &request.cursor, wish).await?))
}
