//! Sorts a request: NEW to TRIAGED.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, TriageServiceRequestRequest};

use crate::{Context, convert, domain::request::Triage};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: TriageServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let triage = Triage {
        kind: convert::kind(request.kind),
        urgency: convert::urgency(request.urgency),
        charge: convert::charge(request.charge_kind),
        fault_code: given(&request.fault_code),
        cause_code: given(&request.cause_code),
        assignee_id: given(&request.assignee_id),
        on_site_quote_consent: request.on_site_quote_consent,
    };
    super::act(ctx, call, &request, &request.service_request_id, "", |loaded| {
        loaded.triage(triage, &call.actor.id, &request.reason, call.now)
    })
    .await
}
