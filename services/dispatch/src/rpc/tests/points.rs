//! Service points and technicians through their RPCs.

use common::testing::Backend;
use prost_types::FieldMask;
use proto::aftercare::dispatch::v1::*;
use rstest::rstest;

use super::world::{World, call, fields, point_request, reason, skill, window};

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_service_point_goes_from_application_to_its_end(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let get = GetServicePointRequest { service_point_id: world.point.clone() };
    let active = call!(world, Agent, get_service_point, get.clone()).unwrap();
    assert_eq!(active.state(), ServicePointState::Active);
    let actions: Vec<_> = active.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["apply", "inspect", "approve", "contract", "activate"]);
    assert_eq!(active.contract.unwrap().rates[0].fee.clone().unwrap().minor_units, 8_000);
    let suspend = SuspendServicePointRequest {
        service_point_id: world.point.clone(),
        reason: "complaints".to_owned(),
        ..Default::default()
    };
    call!(world, Manager, suspend_service_point, suspend.clone()).unwrap();
    let again = call!(world, Manager, suspend_service_point, suspend);
    assert_eq!(reason(again), "ILLEGAL_TRANSITION");
    let end = TerminateServicePointRequest {
        service_point_id: world.point.clone(),
        reason: "contract ended".to_owned(),
        ..Default::default()
    };
    let ended = call!(world, Manager, terminate_service_point, end).unwrap();
    assert_eq!((ended.state(), ended.etag.as_str()), (ServicePointState::Terminated, "7"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_failed_inspection_and_the_wrong_approver_change_nothing_or_little(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let id = call!(world, Dispatcher, create_service_point, point_request()).unwrap().service_point_id;
    let line = |passed| InspectionItem { item: "tools".to_owned(), passed, note: String::new() };
    let mut inspect =
        InspectServicePointRequest { service_point_id: id.clone(), checklist: vec![line(false)], ..Default::default() };
    let failed = call!(world, Supervisor, inspect_service_point, inspect.clone()).unwrap();
    assert_eq!(failed.state(), ServicePointState::Applied);
    inspect.checklist = vec![line(true)];
    call!(world, Supervisor, inspect_service_point, inspect).unwrap();
    let approve = ApproveServicePointRequest { service_point_id: id, ..Default::default() };
    assert_eq!(reason(call!(world, Supervisor, approve_service_point, approve.clone())), "APPROVER_INSPECTED");
    assert_eq!(reason(call!(world, Agent, approve_service_point, approve.clone())), "NOT_ALLOWED");
    let approved = call!(world, Manager, approve_service_point, approve).unwrap();
    assert_eq!(approved.state(), ServicePointState::Approved);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_update_needs_the_present_etag_and_known_paths(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await;
    let mut update = UpdateTechnicianRequest {
        technician_id: technician.technician_id.clone(),
        etag: technician.etag.clone(),
        update_mask: mask(&["skills", "daily_job_limit"]),
        skills: vec![skill("lighting", 5), skill("curtain", 1)],
        daily_job_limit: 2,
        name: "not in the mask".to_owned(),
        ..Default::default()
    };
    let changed = call!(world, Dispatcher, update_technician, update.clone()).unwrap();
    assert_eq!((changed.skills.len(), changed.daily_job_limit, changed.name.as_str()), (2, 2, "Li Wei"));
    assert_eq!(reason(call!(world, Dispatcher, update_technician, update.clone())), "STALE_ETAG");
    update.etag = changed.etag;
    update.update_mask = mask(&["salary"]);
    let unknown = call!(world, Dispatcher, update_technician, update.clone()).unwrap_err();
    assert_eq!(fields(&unknown), ["update_mask.salary"]);
    update.update_mask = mask(&["skills"]);
    update.skills = vec![skill("lighting", 9)];
    let outside = call!(world, Dispatcher, update_technician, update).unwrap_err();
    assert_eq!(fields(&outside), ["skills[0].level"]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_technician_is_created_once_is_absent_and_leaves(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let mut create = world.technician_request(&[skill("lighting", 3)]);
    create.request_id = "r-1".to_owned();
    let first = call!(world, Dispatcher, create_technician, create.clone()).unwrap();
    assert_eq!(call!(world, Dispatcher, create_technician, create.clone()).unwrap(), first);
    create.daily_job_limit = 1;
    assert_eq!(reason(call!(world, Dispatcher, create_technician, create)), "REQUEST_ID_REUSED");
    let id = first.technician_id;
    let absent = AddAbsenceRequest {
        technician_id: id.clone(),
        window: Some(window(world.now(), 24)),
        reason: "leave".to_owned(),
        ..Default::default()
    };
    let absent = call!(world, Technician, add_absence, absent).unwrap();
    let back = RemoveAbsenceRequest {
        technician_id: id.clone(),
        absence_id: absent.absences[0].absence_id.clone(),
        ..Default::default()
    };
    assert!(call!(world, Technician, remove_absence, back).unwrap().absences.is_empty());
    let suspend =
        SuspendTechnicianRequest { technician_id: id.clone(), reason: "training".to_owned(), ..Default::default() };
    call!(world, Dispatcher, suspend_technician, suspend).unwrap();
    let activate = ActivateTechnicianRequest { technician_id: id.clone(), ..Default::default() };
    call!(world, Dispatcher, activate_technician, activate).unwrap();
    let dismiss =
        DismissTechnicianRequest { technician_id: id.clone(), reason: "moved".to_owned(), ..Default::default() };
    let left = call!(world, Dispatcher, dismiss_technician, dismiss.clone()).unwrap();
    assert_eq!(left.state(), TechnicianState::Left);
    assert_eq!(reason(call!(world, Dispatcher, dismiss_technician, dismiss)), "ILLEGAL_TRANSITION");
}
