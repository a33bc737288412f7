//! Starts an export of a list.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{Job, SheetFormat, StartExportRequest};
use tonic::metadata::MetadataMap;

use crate::{
    audit::{self, Entry},
    convert,
    domain::exchange::{Format, Task},
    exchange::jobs,
    service::Context,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: StartExportRequest) -> Result<Job> {
    let wanted = ctx.exchange.wanted(&request.path, &request.query, &call.actor)?;
    // Filters that the list refuses are told now and by the list itself, not by a job that fails later.
    let way = ctx.core.way(&wanted.list.service(), &call.actor, call.language)?;
    wanted.list.page(way, MetadataMap::new(), &wanted.request, ("", 1)).await.map_err(jobs::passed_on)?;
    let format = match (request.format(), request.byte_order_mark) {
        (SheetFormat::Xlsx, _) => Format::Xlsx,
        (SheetFormat::Csv | SheetFormat::Unspecified, true) => Format::CsvMarked,
        (SheetFormat::Csv | SheetFormat::Unspecified, false) => Format::Csv,
    };
    let task = Task::Export { path: request.path.clone(), query: request.query.clone(), format };
    let work = ctx.core.begin(call, &request).await?;
    let found = jobs::begin(ctx, call, &work, task).await?;
    audit::record(&work, &ctx.core, Entry::new(&call.actor, "export", "list", &request.path)).await?;
    let answer = work.commit(convert::exchange::job(&found)).await?;
    ctx.exchange.wake.notify_one();
    Ok(answer)
}
