//! Enters a regulator's case (> REGISTERED).

use common::{
    convert::optional_instant,
    error::{Error, Result},
    id::Id as _,
    record::Record as _,
    service::Call,
};
use proto::aftercare::complaint::v1::{OpenRegulatorCaseRequest, RegulatorCase as RegulatorCaseMessage};

use crate::{
    Context, convert,
    domain::{
        ComplaintId,
        regulator::{CaseState, RegulatorCase},
    },
    store,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: OpenRegulatorCaseRequest,
) -> Result<RegulatorCaseMessage> {
    let complaint_id = ComplaintId::parse(&request.complaint_id)?;
    let registered_at = optional_instant(request.registered_at.as_ref(), "registered_at")?.unwrap_or(call.now);
    if registered_at > call.now {
        return Err(Error::invalid("registered_at", "timestamp.not_in_future"));
    }
    let clocks = &ctx.clocks;
    let number = ctx.core.numbers.next("RC", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &complaint_id).await?;
    let case = RegulatorCase {
        id: call.ids.make(call.now),
        version: 0,
        number,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: complaint.org_unit_id.clone(),
        state: CaseState::Registered,
        complaint_id: complaint_id.to_string(),
        service_request_id: complaint.case_id().map(str::to_owned),
        customer_id: complaint.customer_id,
        authority: request.authority,
        external_number: request.external_number,
        registered_at,
        accept_due_at: clocks.due(registered_at, clocks.accept_days),
        accepted_at: None,
        mediation_due_at: None,
        mediation_ended_at: None,
        notice_due_at: None,
        notified_at: None,
        result: None,
        note: String::new(),
        overruns: Vec::new(),
        calendar_version: clocks.calendar.version().to_owned(),
    };
    let case = store::regulator::insert(&work, call, case).await?;
    work.commit(convert::regulator::regulator_case(&case)).await
}
