//! Lists the texts of all kinds, languages and channels.

use common::{error::Result, page, service::Call};
use proto::aftercare::gateway::v1::{ListTemplatesRequest, ListTemplatesResponse};

use crate::{convert, notifications::texts::Place, service::Context, store::notification};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListTemplatesRequest) -> Result<ListTemplatesResponse> {
    let size = usize::try_from(page::size(request.page_size)?).unwrap_or(usize::MAX);
    let print =
        page::fingerprint(&call.reach, &ListTemplatesRequest { kind: request.kind.clone(), ..Default::default() });
    let skip: usize = page::open(&request.page_token, &print)?.unwrap_or_default();
    let changed = notification::templates(ctx.core.db.read()).await?;
    let all: Vec<Place> =
        Place::all().filter(|place| request.kind.is_empty() || place.kind.name == request.kind).collect();
    let templates = all.iter().skip(skip).take(size).map(|place| {
        let changed = changed.iter().find(|changed| changed.id == place.id());
        convert::notification::template(*place, &ctx.notifications.texts.with(*place, changed), changed)
    });
    let templates: Vec<_> = templates.collect();
    let next = skip + templates.len();
    let next_page_token = if next < all.len() { page::seal(&next, &print) } else { String::new() };
    Ok(ListTemplatesResponse { templates, next_page_token })
}
