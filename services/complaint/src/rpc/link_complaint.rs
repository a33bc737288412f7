//! Links records to a complaint, in every state but ARCHIVED.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::complaint::v1::{Complaint, LinkComplaintRequest};

use crate::{
    Context, convert,
    domain::{ComplaintId, complaint::Links},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: LinkComplaintRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let mut links = Links::default();
    links.add(Links {
        service_requests: vec![request.service_request_id.clone()],
        work_orders: vec![request.work_order_id.clone()],
        technicians: vec![request.technician_id.clone()],
        skus: vec![request.sku.clone()],
        survey_responses: vec![request.survey_response_id.clone()],
        products: vec![request.product_id.clone()],
    });
    if links == Links::default() {
        return Err(Error::invalid("service_request_id", "at_least_one_link"));
    }
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    // Linking what is linked already is no change.
    let complaint = match complaint.clone().link(links, call.now)? {
        Some(changed) => {
            store::complaint::refuse_double(&*work, &changed.record).await?;
            store::complaint::save(&work, call, &ctx.policy, changed).await?
        }
        None => complaint,
    };
    work.commit(convert::complaint(&complaint)).await
}
