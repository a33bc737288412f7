//! Changes a product that is not exchanged.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::intake::v1::{self as pb, UpdateProductRequest};

use crate::{
    Context, convert, coverage,
    domain::{ProductId, product::Plate},
    store,
};

const FIELDS: &[&str] = &[
    "model",
    "sku",
    "category_code",
    "color_code",
    "serial_number",
    "purchase_date",
    "purchase_channel",
    "order_number",
    "store",
    "install_date",
    "install_address",
    "maker",
    "photos",
];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateProductRequest) -> Result<pb::Product> {
    let id = ProductId::parse(&request.product_id)?;
    let paths = convert::paths(request.update_mask.as_ref(), FIELDS)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::product::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let today = coverage::date_of(ctx, &loaded.org_unit_id, call.now);
    let plate = apply(loaded.plate.clone(), &request, &paths)?;
    let saved = store::product::save(&work, call, loaded.update(plate, today)?).await?;
    work.commit(convert::product(&saved)).await
}

fn apply(mut plate: Plate, from: &UpdateProductRequest, paths: &[&str]) -> Result<Plate> {
    for path in paths {
        match *path {
            "model" => plate.model.clone_from(&from.model),
            "sku" => plate.sku.clone_from(&from.sku),
            "category_code" => plate.category_code.clone_from(&from.category_code),
            "color_code" => plate.color_code.clone_from(&from.color_code),
            "serial_number" => from.serial_number.trim().clone_into(&mut plate.serial_number),
            "purchase_date" => plate.purchase_date = convert::day(&from.purchase_date, "purchase_date")?,
            "purchase_channel" => plate.purchase_channel.clone_from(&from.purchase_channel),
            "order_number" => plate.order_number.clone_from(&from.order_number),
            "store" => plate.store.clone_from(&from.store),
            "install_date" => plate.install_date = convert::day(&from.install_date, "install_date")?,
            "install_address" => plate.install_address = from.install_address.clone().map(convert::address),
            "maker" => plate.maker.clone_from(&from.maker),
            "photos" => plate.photos = convert::attachments(from.photos.clone()),
            other => return Err(Error::invalid(format!("update_mask.{other}"), "known_field")),
        }
    }
    Ok(plate)
}
