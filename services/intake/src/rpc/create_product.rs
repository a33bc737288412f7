//! Registers a product.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, CreateProductRequest};

use crate::{
    Context, convert, coverage,
    domain::{
        CustomerId,
        product::{Plate, Product},
    },
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateProductRequest) -> Result<pb::Product> {
    let customer_id = CustomerId::parse(&request.customer_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let customer = store::customer::load_living(&*work, &customer_id).await?;
    let validate_only = request.validate_only;
    let fields = request;
    let plate = Plate {
        model: fields.model,
        sku: fields.sku,
        category_code: fields.category_code,
        color_code: fields.color_code,
        serial_number: fields.serial_number.trim().to_owned(),
        purchase_date: convert::day(&fields.purchase_date, "purchase_date")?,
        purchase_channel: fields.purchase_channel,
        order_number: fields.order_number,
        store: fields.store,
        install_date: convert::day(&fields.install_date, "install_date")?,
        install_address: fields
            .install_address
            .map(convert::address)
            .or_else(|| customer.profile.addresses.first().cloned()),
        maker: fields.maker,
        photos: convert::attachments(fields.photos),
    };
    plate.check(coverage::date_of(ctx, &customer.org_unit_id, call.now))?;
    let product = Product {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: customer.org_unit_id,
        customer_id: customer.id,
        plate,
        replaced_by: None,
        replaces: None,
    };
    let saved = store::product::insert(&work, call, product).await?;
    work.commit_unless(validate_only, convert::product(&saved)).await
}
