//! A charged repair fails again within its own warranty: the next visit is free, marked, and tied to the first.

use harness::{Platform, steps, world::World};
use proto::aftercare::intake::v1::{
    ChargeKind, ReleaseServiceRequestRequest, RequestState, ServiceRequest, TriageServiceRequestRequest,
};

pub(crate) async fn travel(platform: &Platform, _: &World) {
    let agent = platform.person("agent", "us_wang");
    let household = steps::household(&agent, 1_500).await;
    let first: ServiceRequest = agent.call(steps::repair(&household, &[])).await;
    assert_eq!(first.charge_kind(), ChargeKind::Charged);
    assert!(!first.repeat_visit);
    let service_request_id = || first.service_request_id.clone();
    let triage = TriageServiceRequestRequest { service_request_id: service_request_id(), ..Default::default() };
    agent.call::<_, ServiceRequest>(triage).await;
    let release = ReleaseServiceRequestRequest {
        service_request_id: service_request_id(),
        on_site_quote_consent: true,
        ..Default::default()
    };
    agent.call::<_, ServiceRequest>(release).await;
    steps::whole_visit(platform, &first.service_request_id, 1, steps::consent_at(10_000)).await;
    steps::request_in(&agent, &first.service_request_id, RequestState::Resolved).await;

    let again: ServiceRequest = agent.call(steps::repair(&household, &[])).await;
    assert!(again.repeat_visit, "the repeat is not marked");
    assert_eq!(again.caused_by_id, first.service_request_id);
    assert_eq!(again.charge_kind(), ChargeKind::InWarranty);
    steps::triage_and_release(&agent, &again).await;
    steps::whole_visit(platform, &again.service_request_id, 1, steps::consent()).await;
    steps::request_in(&agent, &again.service_request_id, RequestState::Resolved).await;
}
