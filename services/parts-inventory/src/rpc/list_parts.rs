//! Lists parts.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListPartsRequest};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _};

use crate::{
    Context,
    convert::{self, Mirror as _},
    domain::part::PartKind,
    store::{part, tag_pattern},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListPartsRequest,
) -> Result<message::ListPartsResponse> {
    use part::Column;
    let mut select = part::Entity::find();
    if !request.sku.is_empty() {
        select = select.filter(Column::Sku.eq(&request.sku));
    }
    if !request.text.is_empty() {
        select = select.filter(
            Condition::any().add(Column::Sku.contains(&request.text)).add(Column::Name.contains(&request.text)),
        );
    }
    if let Some(kind) = PartKind::read(request.kind) {
        select = select.filter(Column::Kind.eq(kind.as_str()));
    }
    if !request.model.is_empty() {
        // A part without models fits all.
        let fits = Condition::any().add(Column::Models.like(tag_pattern(&request.model))).add(Column::Models.eq(","));
        select = select.filter(fits);
    }
    if !request.barcode.is_empty() {
        select = select.filter(Column::Barcode.eq(&request.barcode));
    }
    let orders = [("sku", Column::Sku), ("name", Column::Name), ("create_time", Column::CreatedAt)];
    let (rows, next_page_token) = store::list(&ctx.core.read(call), select, &orders, &request).await?;
    Ok(message::ListPartsResponse { parts: rows.iter().map(convert::part).collect(), next_page_token })
}
