//! Tells the dispatch board, and then what changes on it. Whoever resumes with a version is told what was missed.

use std::time::Duration;

use common::{error::Result, rpc::Answers, service::Call};
use futures::{StreamExt as _, stream};
use proto::aftercare::dispatch::v1::{Board, WatchBoardRequest};

use crate::{
    Context,
    planning::board::{View, difference, draw, since},
};

/// How often the picture is compared.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) async fn handle(ctx: &Context, call: &Call, request: WatchBoardRequest) -> Result<Answers<Board>> {
    let days = (request.first_day.as_str(), request.days);
    let view = View::new(ctx, call, days, (&request.org_unit_id, &request.service_point_id))?;
    let picture = ctx.pictures.fresh(&ctx.core).await?;
    let whole = draw(ctx, &picture, &view, call.now)?;
    let first = since(&picture, whole.clone(), &request.version).unwrap_or_else(|| whole.clone());
    let ctx = ctx.clone();
    let later = stream::unfold(Some((ctx, view, whole)), |state| async move {
        let (ctx, view, known) = state?;
        loop {
            tokio::time::sleep(LOOK).await;
            let drawn = match ctx.pictures.fresh(&ctx.core).await {
                Ok(picture) => draw(&ctx, &picture, &view, ctx.core.clock.now()),
                Err(error) => Err(error),
            };
            match drawn {
                Ok(now) => {
                    if let Some(changed) = difference(&known, &now) {
                        return Some((Ok(changed), Some((ctx, view, now))));
                    }
                }
                Err(error) => return Some((Err(error), None)),
            }
        }
    });
    Ok(stream::once(async move { Ok(first) }).chain(later).boxed())
}
