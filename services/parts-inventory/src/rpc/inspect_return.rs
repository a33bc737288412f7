//! Keeps what the inspection of returned goods found.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, InspectReturnRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::{ReturnId, rma::Inspection},
    store::{self, goods_return},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: InspectReturnRequest) -> Result<message::Return> {
    let id = ReturnId::parse(&request.return_id)?;
    let inspection = Inspection {
        condition: needed(request.condition, "condition")?,
        cause_code: request.cause_code.clone(),
        responsibility: needed(request.responsibility, "responsibility")?,
        responsible_unit: request.responsible_unit.clone(),
        note: request.note.clone(),
        photos: convert::read_attachments(request.photos.clone()),
    };
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<goods_return::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let changed = record.inspect(inspection, call.now)?;
    let record = store::save::<goods_return::Entity>(&work, call, changed).await?;
    work.commit(convert::goods_return(&record)).await
}
