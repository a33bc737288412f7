//! Adds a part to the catalogue.

use common::{
    convert::optional_instant,
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::parts_inventory::v1::{self as message, CreatePartRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use crate::{
    Context,
    convert::{self, needed},
    domain::{
        PartId,
        part::{Card, Part},
    },
    error,
    store::{self, part},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreatePartRequest) -> Result<message::Part> {
    let card = Card {
        name: request.name.clone(),
        unit: request.unit.clone(),
        decimals: u32::try_from(request.decimals).unwrap_or_default(),
        models: request.models.clone(),
        substitutes: request.substitutes.clone(),
        price: request.price.clone().map(Into::into),
        weight_grams: request.weight_grams,
        shelf_life_days: request.shelf_life_days,
        return_old_part: request.return_old_part,
        warranty_months: request.warranty_months,
        end_of_production: optional_instant(request.end_of_production_time.as_ref(), "end_of_production_time")?,
        last_supply: optional_instant(request.last_supply_time.as_ref(), "last_supply_time")?,
        payer: needed(request.payer, "payer")?,
        barcode: request.barcode.clone(),
    };
    let part = Part {
        id: ctx.core.ids.make::<PartId>(call.now),
        version: 0,
        org_unit_id: super::org_unit(call, &request.org_unit_id),
        created_at: call.now,
        updated_at: call.now,
        sku: request.sku.clone(),
        kind: needed(request.kind, "kind")?,
        tracking: needed(request.tracking, "tracking")?,
        card,
    }
    .check()?;
    let work = ctx.core.begin(call, &request).await?;
    if part::Entity::find().filter(part::Column::Sku.eq(&part.sku)).count(&*work).await? > 0 {
        return Err(Error::new(error::SKU_TAKEN).with("sku", &part.sku));
    }
    let part = store::insert::<part::Entity>(&work, call, part, "create", "").await?;
    work.commit_unless(request.validate_only, convert::part(&part)).await
}
