//! Lists the history of a record, a case or a customer, as far as dispatch knows it.

use common::{error::Result, journal, reach, service::Call};
use proto::aftercare::common::v1::{ListTimelineRequest, ListTimelineResponse};

use crate::{
    Context,
    store::{plan, service_point, slot_hold, technician, work_order},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListTimelineRequest) -> Result<ListTimelineResponse> {
    let within = [
        reach::ids::<service_point::entity::Entity>(service_point::entity::Column::Id, &call.reach),
        reach::ids::<technician::entity::Entity>(technician::entity::Column::Id, &call.reach),
        reach::ids::<work_order::entity::Entity>(work_order::entity::Column::Id, &call.reach),
        reach::ids::<plan::entity::Entity>(plan::entity::Column::Id, &call.reach),
        reach::ids::<slot_hold::entity::Entity>(slot_hold::entity::Column::Id, &call.reach),
    ];
    journal::timeline(&ctx.core, call, request, within).await
}
