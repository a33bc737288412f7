//! Lists the history of a record, a case or a customer, as far as parts-inventory knows it.

use common::{error::Result, journal, reach, service::Call};
use proto::aftercare::common::v1::{ListTimelineRequest, ListTimelineResponse};

use crate::{
    Context,
    store::{goods_return, location, old_part_debt, part, reservation, stock_document, supplementary_order, transfer},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListTimelineRequest) -> Result<ListTimelineResponse> {
    let within = [
        reach::ids::<part::Entity>(part::Column::Id, &call.reach),
        reach::ids::<location::Entity>(location::Column::Id, &call.reach),
        reach::ids::<stock_document::Entity>(stock_document::Column::Id, &call.reach),
        reach::ids::<transfer::Entity>(transfer::Column::Id, &call.reach),
        reach::ids::<reservation::Entity>(reservation::Column::Id, &call.reach),
        reach::ids::<supplementary_order::Entity>(supplementary_order::Column::Id, &call.reach),
        reach::ids::<goods_return::Entity>(goods_return::Column::Id, &call.reach),
        reach::ids::<old_part_debt::Entity>(old_part_debt::Column::Id, &call.reach),
    ];
    journal::timeline(&ctx.core, call, request, within).await
}
