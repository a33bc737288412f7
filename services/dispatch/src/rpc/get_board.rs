//! Gives the dispatch board.

use common::{error::Result, service::Call};
use proto::aftercare::dispatch::v1::{Board, GetBoardRequest};

use crate::{
    Context,
    planning::board::{View, draw},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetBoardRequest) -> Result<Board> {
    let days = (request.first_day.as_str(), request.days);
    let view = View::new(ctx, call, days, (&request.org_unit_id, &request.service_point_id))?;
    let picture = ctx.pictures.fresh(&ctx.core).await?;
    draw(ctx, &picture, &view, call.now)
}
