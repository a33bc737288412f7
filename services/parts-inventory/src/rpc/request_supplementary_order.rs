//! Asks for parts that are nowhere.

use std::collections::BTreeMap;

use common::{
    convert::Money,
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::parts_inventory::v1::{self as message, RequestSupplementaryOrderRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::{
        Quantity, SupplementaryOrderId,
        part::Part,
        supplementary_order::{SupplementaryOrder, SupplementaryOrderState},
    },
    error,
    store::{self, catalogue, supplementary_order},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: RequestSupplementaryOrderRequest,
) -> Result<message::SupplementaryOrder> {
    let responsibility = needed(request.responsibility, "responsibility")?;
    let number = ctx.core.numbers.next("SO", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    let location = catalogue::usable_location(&*work, &request.location_id).await?;
    let (lines, parts) = catalogue::quantities(&*work, &request.lines).await?;
    let order = SupplementaryOrder {
        id: ctx.core.ids.make::<SupplementaryOrderId>(call.now),
        version: 0,
        number,
        org_unit_id: super::org_unit(call, &request.org_unit_id),
        created_at: call.now,
        updated_at: call.now,
        work_order_id: request.work_order_id.clone(),
        service_request_id: request.service_request_id.clone(),
        customer_id: request.customer_id.clone(),
        amount: worth(&lines, &parts)?,
        lines,
        location_id: location.id.to_string(),
        reason: request.reason.clone(),
        note: request.note.clone(),
        responsibility,
        photos: convert::read_attachments(request.photos.clone()),
        requested_by: call.actor.clone(),
        approval: None,
        factory_reference: String::new(),
        expected_at: None,
        consignment: String::new(),
        received_at: None,
        technician_id: String::new(),
        hand_over_signature_file_id: String::new(),
        close_reason: String::new(),
        state: SupplementaryOrderState::Requested,
    };
    let order = store::insert::<supplementary_order::Entity>(&work, call, order, "request", &request.reason).await?;
    work.commit(convert::supplementary_order(&order)).await
}

/// What the lines are worth at list prices: it decides who may approve.
fn worth(lines: &[Quantity], parts: &BTreeMap<String, Part>) -> Result<Option<Money>> {
    let mut sum: Option<Money> = None;
    for worth in lines.iter().filter_map(|line| parts.get(&line.sku)?.worth(line.milli)) {
        sum = match sum {
            None => Some(worth),
            Some(sum) if sum.currency == worth.currency => {
                Some(Money { minor_units: sum.minor_units.saturating_add(worth.minor_units), ..sum })
            }
            Some(_) => return Err(Error::new(error::MIXED_CURRENCIES)),
        };
    }
    Ok(sum)
}
