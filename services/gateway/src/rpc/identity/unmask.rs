//! Gives a record with its personal data in full, and says so in the audit.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::{
    complaint::v1::{GetComplaintRequest, complaint_service_client::ComplaintServiceClient},
    dispatch::v1::{GetTechnicianRequest, GetWorkOrderRequest, dispatch_service_client::DispatchServiceClient},
    gateway::v1::{UnmaskRequest, UnmaskedRecord},
    intake::v1::{GetCustomerRequest, GetServiceRequestRequest, intake_service_client::IntakeServiceClient},
};

use crate::{audit::Entry, peer::answered, service::Context};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UnmaskRequest) -> Result<UnmaskedRecord> {
    // Noted before it is shown: what cannot be noted is not shown.
    let mut entry = Entry::new(&call.actor, "unmask", &request.record_kind, &request.record_id);
    entry.reason.clone_from(&request.reason);
    super::note(ctx, call, entry).await?;
    let mut actor = call.actor.clone();
    actor.unmask = true;
    let way = |service: &str| ctx.core.way(service, &actor, call.language);
    let id = request.record_id;
    let mut shown = UnmaskedRecord::default();
    match &*request.record_kind {
        "customer" => {
            let mut intake = IntakeServiceClient::new(way("intake")?);
            let asked = GetCustomerRequest { customer_id: id };
            shown.customer = Some(answered(intake.get_customer(asked).await)?);
        }
        "service_request" => {
            let mut intake = IntakeServiceClient::new(way("intake")?);
            let asked = GetServiceRequestRequest { service_request_id: id };
            shown.service_request = Some(answered(intake.get_service_request(asked).await)?);
        }
        "work_order" => {
            let mut dispatch = DispatchServiceClient::new(way("dispatch")?);
            let asked = GetWorkOrderRequest { work_order_id: id };
            shown.work_order = Some(answered(dispatch.get_work_order(asked).await)?);
        }
        "technician" => {
            let mut dispatch = DispatchServiceClient::new(way("dispatch")?);
            let asked = GetTechnicianRequest { technician_id: id };
            shown.technician = Some(answered(dispatch.get_technician(asked).await)?);
        }
        "complaint" => {
            let mut complaint = ComplaintServiceClient::new(way("complaint")?);
            let asked = GetComplaintRequest { complaint_id: id };
            shown.complaint = Some(answered(complaint.get_complaint(asked).await)?);
        }
        other => return Err(Error::not_found("record", other)),
    }
    Ok(shown)
}
