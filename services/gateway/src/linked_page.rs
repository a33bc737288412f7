//! What the bearer of a link sees: little, of one record, asked of its owners by the gateway itself.

use common::{
    catalog::Language,
    convert::timestamp,
    error::{Error, Result},
    record::Actor,
    service::Core,
};
use proto::aftercare::{
    dispatch::v1::{
        GetTechnicianRequest, GetWorkOrderRequest, ListWorkOrdersRequest, WorkOrder, WorkOrderState,
        dispatch_service_client::DispatchServiceClient,
    },
    gateway::v1::{LinkedPage, LinkedPrice, LinkedVisit},
    intake::v1::{GetServiceRequestRequest, ServiceRequest, intake_service_client::IntakeServiceClient},
};

use crate::{
    convert::identity::purpose,
    domain::identity::link::{Link, Purpose},
    peer::answered,
    report,
};

/// Visits of one request that are shown.
const VISITS: i32 = 20;

/// The page.
///
/// # Errors
///
/// `NOT_FOUND` when the record is gone; `UNAVAILABLE` when its owner does not answer.
pub(crate) async fn show(core: &Core, language: Language, link: &Link) -> Result<LinkedPage> {
    let (case, orders) = records(core, language, link).await?;
    let movable = link.purpose == Purpose::Progress && orders.iter().any(may_move);
    let mut visits = Vec::new();
    for order in &orders {
        let mut shown = visit(core, language, order).await?;
        shown.service_report = link.purpose == Purpose::Progress && report::ready(order.state());
        visits.push(shown);
    }
    let prices = case
        .quotes
        .iter()
        .flat_map(|quote| &quote.lines)
        .map(|line| LinkedPrice { item: line.text.clone(), price: line.amount.clone() });
    Ok(LinkedPage {
        purpose: purpose(link.purpose).into(),
        service_request_number: case.number.clone(),
        service_request_state: case.state().as_str_name().to_owned(),
        create_time: case.create_time,
        visits,
        prices: prices.collect(),
        expire_time: Some(timestamp(link.expires_at)),
        may_reschedule: movable,
    })
}

/// The visit that can still be moved.
///
/// # Errors
///
/// As [`show`].
pub(crate) async fn next_visit(core: &Core, language: Language, link: &Link) -> Result<Option<WorkOrder>> {
    let (_, orders) = records(core, language, link).await?;
    Ok(orders.into_iter().find(may_move))
}

/// The request and the visits that a link is about, the latest visit first.
///
/// # Errors
///
/// As [`show`].
pub(crate) async fn records(core: &Core, language: Language, link: &Link) -> Result<(ServiceRequest, Vec<WorkOrder>)> {
    let us = Actor::service(crate::NAME);
    let mut dispatch = DispatchServiceClient::new(core.way("dispatch", &us, language)?);
    let (case, orders) = match link.purpose {
        Purpose::Progress => {
            let asked = ListWorkOrdersRequest {
                service_request_id: link.record_id.clone(),
                page_size: VISITS,
                order_by: "create_time desc".to_owned(),
                ..Default::default()
            };
            (link.record_id.clone(), answered(dispatch.list_work_orders(asked).await)?.work_orders)
        }
        Purpose::TechnicianCheck => {
            let asked = GetWorkOrderRequest { work_order_id: link.record_id.clone() };
            let order = answered(dispatch.get_work_order(asked).await)?;
            (order.service_request_id.clone(), vec![order])
        }
    };
    if case.is_empty() {
        return Err(Error::not_found("service_request", case));
    }
    let mut intake = IntakeServiceClient::new(core.way("intake", &us, language)?);
    let asked = GetServiceRequestRequest { service_request_id: case };
    Ok((answered(intake.get_service_request(asked).await)?, orders))
}

/// Before anybody is on the way.
fn may_move(order: &WorkOrder) -> bool {
    matches!(order.state(), WorkOrderState::Unassigned | WorkOrderState::Assigned | WorkOrderState::Accepted)
}

/// A technician is shown once the job is taken, and no longer when it is over: a stranger at the door cannot refer to it.
async fn visit(core: &Core, language: Language, order: &WorkOrder) -> Result<LinkedVisit> {
    let mut shown = LinkedVisit {
        number: order.number.clone(),
        state: order.state().as_str_name().to_owned(),
        window: window(order),
        job: order.kind.clone(),
        ..Default::default()
    };
    let present = matches!(
        order.state(),
        WorkOrderState::Accepted | WorkOrderState::EnRoute | WorkOrderState::OnSite | WorkOrderState::InProgress
    );
    if let Some(assignment) = order.assignment.as_ref().filter(|_| present) {
        let us = Actor::service(crate::NAME);
        let mut dispatch = DispatchServiceClient::new(core.way("dispatch", &us, language)?);
        let asked = GetTechnicianRequest { technician_id: assignment.technician_id.clone() };
        let technician = answered(dispatch.get_technician(asked).await)?;
        shown.technician_name = technician.name;
        shown.technician_badge = technician.number;
        shown.technician_photo_file_id = technician.photo.map(|photo| photo.file_id).unwrap_or_default();
    }
    Ok(shown)
}

/// The confirmed window, else the one that was told.
pub(crate) fn window(order: &WorkOrder) -> Option<proto::aftercare::common::v1::TimeWindow> {
    order.promised_window.or_else(|| order.assignment.as_ref().and_then(|assignment| assignment.window))
}
