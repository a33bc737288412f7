//! Lists the history of a record, a case or a customer, oldest first.

use common::{error::Result, journal, reach, service::Call};
use proto::aftercare::common::v1::{ListTimelineRequest, ListTimelineResponse};

use crate::{
    Context,
    store::{complaint, corrective, regulator},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListTimelineRequest) -> Result<ListTimelineResponse> {
    let within = [
        reach::ids::<complaint::entity::Entity>(complaint::entity::Column::Id, &call.reach),
        reach::ids::<corrective::entity::Entity>(corrective::entity::Column::Id, &call.reach),
        reach::ids::<regulator::entity::Entity>(regulator::entity::Column::Id, &call.reach),
    ];
    journal::timeline(&ctx.core, call, request, within).await
}
