//! Changes an open request; its state stays. A new product has its warranty resolved anew.

use common::{
    convert::Window,
    db::Tx,
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::intake::v1::{self as pb, UpdateServiceRequestRequest};

use crate::{
    Context, convert, coverage,
    domain::{
        ProductId, ServiceRequestId,
        request::{Details, ServiceRequest, WarrantySnapshot},
        warranty::Question,
    },
    error::PRODUCT_OF_ANOTHER,
    phone, store,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: UpdateServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let id = ServiceRequestId::parse(&request.service_request_id)?;
    let paths = convert::paths(request.update_mask.as_ref(), FIELDS)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::service_request::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let details = details(ctx, &work, &loaded, &request, &paths).await?;
    let changed = loaded.update(details, call.now)?;
    let saved = store::service_request::save(ctx, &work, call, changed, "").await?;
    work.commit(convert::service_request(ctx, &saved, call.language, call.now)).await
}

const FIELDS: &[&str] = &[
    "urgency",
    "contact_name",
    "contact_phone",
    "address",
    "product_id",
    "product_text",
    "fault_code",
    "cause_code",
    "description",
    "photos",
    "windows",
    "parts_wanted",
    "assignee_id",
];

async fn details(
    ctx: &Context,
    tx: &Tx,
    loaded: &ServiceRequest,
    request: &UpdateServiceRequestRequest,
    paths: &[&str],
) -> Result<Details> {
    let mut new = Details::default();
    for path in paths {
        match *path {
            "urgency" => {
                let urgency = convert::urgency(request.urgency);
                new.urgency = Some(urgency.ok_or_else(|| Error::invalid("urgency", "enum.not_in"))?);
            }
            "contact_name" => new.contact_name = Some(request.contact_name.clone()),
            "contact_phone" => {
                new.contact_phone = Some(phone::normalize(&request.contact_phone, ctx.rules.country, "contact_phone")?);
            }
            "address" => {
                let address = request.address.clone().map(convert::address);
                let division = address.as_ref().map_or("", |address| address.division_code.as_str());
                let unit = ctx.rules.org_units.responsible(division).id.clone();
                new.address = Some((address, unit));
            }
            "product_id" => new.product = Some(product(ctx, tx, loaded, request).await?),
            "product_text" => new.product_text = Some(request.product_text.clone()),
            "fault_code" => new.fault_code = Some(request.fault_code.clone()),
            "cause_code" => new.cause_code = Some(request.cause_code.clone()),
            "description" => new.description = Some(request.description.clone()),
            "photos" => new.photos = Some(convert::attachments(request.photos.clone())),
            "windows" => {
                let windows = request.windows.iter().enumerate();
                let windows = windows.map(|(place, window)| Window::read(window, &format!("windows[{place}]")));
                new.windows = Some(windows.collect::<Result<_>>()?);
            }
            "parts_wanted" => new.parts_wanted = Some(convert::parts(request.parts_wanted.clone())),
            "assignee_id" => new.assignee_id = Some(request.assignee_id.clone()),
            other => return Err(Error::invalid(format!("update_mask.{other}"), "known_field")),
        }
    }
    Ok(new)
}

/// The new product, its category, and what its warranty says about the day of the request.
async fn product(
    ctx: &Context,
    tx: &Tx,
    loaded: &ServiceRequest,
    request: &UpdateServiceRequestRequest,
) -> Result<(Option<ProductId>, String, Option<WarrantySnapshot>)> {
    let Some(id) = ProductId::parse_optional(&request.product_id)? else {
        return Ok((None, loaded.category_code.clone(), None));
    };
    let product = store::product::load(tx, &id).await?;
    if product.customer_id != loaded.asker.customer_id {
        return Err(Error::new(PRODUCT_OF_ANOTHER).with("product_id", &product.id));
    }
    let question = Question {
        on: coverage::date_of(ctx, &loaded.org_unit_id, loaded.requested_at),
        fault: loaded.fault_code.clone(),
        part: String::new(),
        exclusion: None,
    };
    let snapshot = if loaded.kind.asks_warranty() {
        let answer = coverage::resolve(ctx, tx, &product, &question, loaded.id.as_str()).await?;
        Some(coverage::snapshot(&answer))
    } else {
        None
    };
    Ok((Some(id), product.plate.category_code, snapshot))
}
