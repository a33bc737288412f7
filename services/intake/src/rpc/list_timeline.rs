//! Lists the history that intake keeps of one record, one case or one customer.

use common::{error::Result, journal, reach, service::Call};
use proto::aftercare::common::v1::{ListTimelineRequest, ListTimelineResponse};

use crate::{
    Context,
    store::{article, contact, customer, product, service_request},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListTimelineRequest) -> Result<ListTimelineResponse> {
    let within = [
        reach::ids::<article::entity::Entity>(article::entity::Column::Id, &call.reach),
        reach::ids::<contact::entity::Entity>(contact::entity::Column::Id, &call.reach),
        reach::ids::<customer::entity::Entity>(customer::entity::Column::Id, &call.reach),
        reach::ids::<product::entity::Entity>(product::entity::Column::Id, &call.reach),
        reach::ids::<service_request::entity::Entity>(service_request::entity::Column::Id, &call.reach),
    ];
    journal::timeline(&ctx.core, call, request, within).await
}
