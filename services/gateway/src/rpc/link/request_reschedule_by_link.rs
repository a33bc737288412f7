//! Asks for another time for the next visit, by the link to its progress.

use common::{
    convert::Window,
    error::{Error, Result},
    record::Actor,
    service::Call,
};
use proto::aftercare::{
    dispatch::v1::{RescheduleAsker, RescheduleWorkOrderRequest, dispatch_service_client::DispatchServiceClient},
    gateway::v1::{LinkedPage, RequestRescheduleByLinkRequest},
};

use crate::{
    audit::{self, Entry},
    domain::identity::link::Purpose,
    error::VISIT_NOT_MOVABLE,
    linked_page, links,
    peer::answered,
    service::Context,
};

/// Hours ahead that a wish must be.
const AHEAD: i64 = 2;
/// Days ahead that a wish may be.
const FURTHEST: i64 = 60;
/// Hours that a wish may span.
const LONGEST: i64 = 12;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RequestRescheduleByLinkRequest) -> Result<LinkedPage> {
    let link = links::open_guarded(&ctx.authority, call, &request.token).await?;
    let wish = Window::read(request.window.as_ref().ok_or_else(|| Error::invalid("window", "required"))?, "window")?;
    let hours = chrono::Duration::hours;
    let fits = wish.start >= call.now + hours(AHEAD)
        && wish.end <= call.now + chrono::Duration::days(FURTHEST)
        && wish.end - wish.start <= hours(LONGEST);
    if !fits {
        return Err(Error::invalid("window", "window.within_reach"));
    }
    let visit = linked_page::next_visit(&ctx.core, call.language, &link).await?;
    let visit = visit.filter(|_| link.purpose == Purpose::Progress).ok_or_else(|| Error::new(VISIT_NOT_MOVABLE))?;
    let mut dispatch =
        DispatchServiceClient::new(ctx.core.way("dispatch", &Actor::service(crate::NAME), call.language)?);
    let note = if request.note.is_empty() { "asked by link" } else { &request.note };
    let moved = RescheduleWorkOrderRequest {
        work_order_id: visit.work_order_id.clone(),
        etag: visit.etag,
        // One effect a wish: the same link and the client's own id make the same call.
        request_id: Some(&*request.request_id)
            .filter(|id| !id.is_empty())
            .map(|id| format!("{}:{}", link.id, id).chars().take(100).collect())
            .unwrap_or_default(),
        asked_by: RescheduleAsker::Customer.into(),
        reason: note.to_owned(),
        window: Some(wish.message()),
        ..Default::default()
    };
    answered(dispatch.reschedule_work_order(moved).await)?;
    let mut entry = Entry::new(&call.actor, "link.reschedule", "work_order", &visit.work_order_id);
    entry.actor_id = link.id.to_string();
    let tx = ctx.core.db.begin().await?;
    audit::record(&tx, &ctx.core, entry.seen_from(&call.origin.address)).await?;
    tx.commit().await?;
    linked_page::show(&ctx.core, call.language, &link).await
}
