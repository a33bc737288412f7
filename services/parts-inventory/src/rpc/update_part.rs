//! Changes the fields of a part that the mask names.

use common::{
    convert::optional_instant,
    error::{Error, Result},
    id::Id as _,
    service::Call,
    store as rows,
};
use proto::aftercare::parts_inventory::v1::{self as message, UpdatePartRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::{PartId, part::Card},
    store::{self, part},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdatePartRequest) -> Result<message::Part> {
    let id = PartId::parse(&request.part_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<part::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let changed = record.clone().update(masked(record.card, &request)?, call.now)?;
    let record = store::save::<part::Entity>(&work, call, changed).await?;
    work.commit(convert::part(&record)).await
}

/// The card with the named fields changed.
fn masked(mut card: Card, request: &UpdatePartRequest) -> Result<Card> {
    let mask = request.update_mask.clone().unwrap_or_default();
    for path in &mask.paths {
        match path.as_str() {
            "name" => card.name.clone_from(&request.name),
            "unit" => card.unit.clone_from(&request.unit),
            "decimals" => card.decimals = u32::try_from(request.decimals).unwrap_or_default(),
            "models" => card.models.clone_from(&request.models),
            "substitutes" => card.substitutes.clone_from(&request.substitutes),
            "price" => card.price = request.price.clone().map(Into::into),
            "weight_grams" => card.weight_grams = request.weight_grams,
            "shelf_life_days" => card.shelf_life_days = request.shelf_life_days,
            "return_old_part" => card.return_old_part = request.return_old_part,
            "warranty_months" => card.warranty_months = request.warranty_months,
            "end_of_production_time" => {
                card.end_of_production = optional_instant(request.end_of_production_time.as_ref(), path)?;
            }
            "last_supply_time" => card.last_supply = optional_instant(request.last_supply_time.as_ref(), path)?,
            "payer" => card.payer = needed(request.payer, path)?,
            "barcode" => card.barcode.clone_from(&request.barcode),
            unknown => return Err(Error::invalid("update_mask", format!("unknown field {unknown}"))),
        }
    }
    Ok(card)
}
