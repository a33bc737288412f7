//! Says what the warranty says about a fault on a day, and why. Changes nothing.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, ResolveWarrantyRequest};

use crate::{
    Context, convert, coverage,
    domain::{ProductId, warranty::Question},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ResolveWarrantyRequest) -> Result<pb::WarrantyAnswer> {
    let id = ProductId::parse(&request.product_id)?;
    let product = store::product::load(&ctx.core.read(call), &id).await?;
    let today = coverage::date_of(ctx, &product.org_unit_id, call.now);
    let question = Question {
        on: convert::day(&request.date, "date")?.unwrap_or(today),
        fault: request.fault_code,
        part: request.part_code,
        exclusion: convert::exclusion(request.exclusion),
    };
    let answer = coverage::resolve(ctx, &ctx.core.read(call), &product, &question, "").await?;
    Ok(convert::warranty_answer(request.product_id, answer))
}
