//! Gives NPS, CSAT and CES with counts, response rates and intervals, by group.

use common::{convert::optional_instant, error::Result, service::Call};
use proto::aftercare::survey::v1::{GetScoresRequest, ScoreReport};

use crate::{
    Context,
    convert::{
        invitation::read_trigger,
        score::{message, read_group},
    },
    store::score::{Filter, Group, scores},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetScoresRequest) -> Result<ScoreReport> {
    let group = read_group(request.group_by());
    let filter = Filter {
        from: optional_instant(request.start_time.as_ref(), "start_time")?,
        to: optional_instant(request.end_time.as_ref(), "end_time")?,
        trigger: read_trigger(request.trigger()),
        kind: request.kind,
        org_unit_id: request.org_unit_id,
        service_point_id: request.service_point_id,
        technician_id: request.technician_id,
    };
    // A person's scores out of a handful of answers say more about chance than about the person.
    let personal = group == Group::Technician || !filter.technician_id.is_empty();
    let least = ctx.config.scores.least_answers;
    let figures = scores(&ctx.core.read(call), group, &filter).await?;
    let rows = figures.into_iter().map(|(key, figures)| {
        let hidden = personal && figures.answers < least;
        message(key, &figures, hidden)
    });
    Ok(ScoreReport { scores: rows.collect() })
}
