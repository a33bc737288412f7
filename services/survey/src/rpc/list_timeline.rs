//! Lists the history of a record, a case or a customer.

use common::{error::Result, journal, reach, service::Call};
use proto::aftercare::common::v1::{ListTimelineRequest, ListTimelineResponse};

use crate::{
    Context,
    store::{agent, callback, follow_up, invitation, questionnaire, response},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListTimelineRequest) -> Result<ListTimelineResponse> {
    let within = [
        reach::ids::<agent::Entity>(agent::Column::Id, &call.reach),
        reach::ids::<callback::Entity>(callback::Column::Id, &call.reach),
        reach::ids::<follow_up::Entity>(follow_up::Column::Id, &call.reach),
        reach::ids::<invitation::Entity>(invitation::Column::Id, &call.reach),
        reach::ids::<questionnaire::Entity>(questionnaire::Column::Id, &call.reach),
        reach::ids::<response::Entity>(response::Column::Id, &call.reach),
    ];
    journal::timeline(&ctx.core, call, request, within).await
}
