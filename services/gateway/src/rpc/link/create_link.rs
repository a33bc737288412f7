//! Makes a link to a record that the caller reaches.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::{
    dispatch::v1::{GetWorkOrderRequest, dispatch_service_client::DispatchServiceClient},
    gateway::v1::{CreateLinkRequest, LinkWithToken},
    intake::v1::{GetServiceRequestRequest, intake_service_client::IntakeServiceClient},
};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::link::{Link, Purpose},
    links,
    peer::answered,
    service::Context,
    store::identity::link,
};

/// Days of a link that does not say.
const USUAL_DAYS: i32 = 30;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateLinkRequest) -> Result<LinkWithToken> {
    let purpose = convert::wanted_purpose(request.purpose)?;
    if !request.record_id.starts_with(purpose.prefix()) {
        return Err(Error::invalid("record_id", format!("begins with {}", purpose.prefix())));
    }
    // Asked as the caller: nobody makes a link to what they do not see.
    let org_unit_id = match purpose {
        Purpose::Progress => {
            let mut intake = IntakeServiceClient::new(ctx.core.way("intake", &call.actor, call.language)?);
            let asked = GetServiceRequestRequest { service_request_id: request.record_id.clone() };
            answered(intake.get_service_request(asked).await)?.org_unit_id
        }
        Purpose::TechnicianCheck => {
            let mut dispatch = DispatchServiceClient::new(ctx.core.way("dispatch", &call.actor, call.language)?);
            let asked = GetWorkOrderRequest { work_order_id: request.record_id.clone() };
            answered(dispatch.get_work_order(asked).await)?.org_unit_id
        }
    };
    let days = if request.days == 0 { USUAL_DAYS } else { request.days };
    let made = Link {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id,
        created_by: call.actor.account_id.clone(),
        purpose,
        record_id: request.record_id.clone(),
        expires_at: call.now + chrono::Duration::days(i64::from(days)),
        revoked_at: None,
    };
    let token = links::token(&ctx.authority, &made).await?;
    let work = ctx.core.begin(call, &request).await?;
    let made = link::insert(&work, call, made).await?;
    let entry = Entry::new(&call.actor, "link.create", purpose.name(), &made.record_id);
    audit::record(&work, &ctx.core, entry.seen_from(&call.origin.address)).await?;
    let link = Some(convert::link(&made));
    // The token is put in only now: the kept answer has none.
    let answer = work.commit(LinkWithToken { link, token: String::new(), path: String::new() }).await?;
    Ok(LinkWithToken { path: format!("/t/{token}"), token, ..answer })
}
