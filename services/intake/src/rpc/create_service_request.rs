//! Registers a service request: NEW.

use common::{
    convert::{Window, optional_instant},
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::intake::v1::{self as pb, CreateServiceRequestRequest};

use crate::{
    Context, convert,
    domain::{CustomerId, ProductId, ServiceRequestId, request::Links, values::Urgency},
    phone,
    register::{New, register},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: CreateServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let new = parse(ctx, call, request.clone()).await?;
    let work = ctx.core.begin(call, &request).await?;
    let saved = register(ctx, &work, call, new).await?;
    work.commit(convert::service_request(ctx, &saved, call.language, call.now)).await
}

async fn parse(ctx: &Context, call: &Call, request: CreateServiceRequestRequest) -> Result<New> {
    let contact_phone = match request.contact_phone.as_str() {
        "" => String::new(),
        number => phone::normalize(number, ctx.rules.country, "contact_phone")?,
    };
    let windows = request.windows.iter().enumerate();
    Ok(New {
        number: ctx.core.numbers.next("SR", call.now).await?,
        requested_at: optional_instant(request.requested_at.as_ref(), "requested_at")?.unwrap_or(call.now),
        channel: convert::channel(request.channel).ok_or_else(|| Error::invalid("channel", "enum.defined_only"))?,
        kind: convert::kind(request.kind).ok_or_else(|| Error::invalid("kind", "enum.defined_only"))?,
        urgency: convert::urgency(request.urgency).unwrap_or(Urgency::Normal),
        customer_id: CustomerId::parse(&request.customer_id)?,
        contact_name: request.contact_name,
        contact_phone,
        address: request.address.map(convert::address),
        product_id: ProductId::parse_optional(&request.product_id)?,
        product_text: request.product_text,
        category_code: request.category_code,
        fault_code: request.fault_code,
        cause_code: request.cause_code,
        description: request.description,
        photos: convert::attachments(request.photos),
        windows: windows
            .map(|(place, window)| Window::read(window, &format!("windows[{place}]")))
            .collect::<Result<_>>()?,
        parts_wanted: convert::parts(request.parts_wanted),
        assignee_id: request.assignee_id,
        exclusion: convert::exclusion(request.warranty_exclusion),
        org_unit_id: request.org_unit_id,
        links: Links {
            parent_id: ServiceRequestId::parse_optional(&request.parent_id)?,
            caused_by_id: ServiceRequestId::parse_optional(&request.caused_by_id)?,
            partner_id: request.partner_id,
            external_reference: request.external_reference,
            ..Links::default()
        },
        charge: None,
    })
}
