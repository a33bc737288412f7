//! The README's walk-through, run as it is printed.

use harness::{Faults, Platform, Shape, Surface, accounts, eventually, world::World};
use proto::aftercare::{
    access::v1::Role,
    dispatch::v1::{GetTechnicianRequest, Technician},
};
use serde_json::Value;
use tokio::process::Command;

use crate::tools;

const README: &str = include_str!("../../README.md");

/// The block of shell behind the mark.
fn walk_through() -> &'static str {
    let behind = README.split_once("<!-- walk-through").expect("the mark").1;
    let block = behind.split_once("```sh\n").expect("a block").1;
    block.split_once("```").expect("its end").0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_through_works_as_printed() {
    let platform = Platform::start(Shape::OneProcess, Surface::Rest, Faults::None).await;
    let world = World::make(&platform).await;
    accounts::account(&platform, "agent", Role::Agent, "head-office", "").await;
    accounts::account(&platform, "dispatcher", Role::Dispatcher, "head-office", "").await;
    let manager = platform.person("manager", "us_manager");
    for technician_id in world.technicians {
        let found: Technician = manager.call(GetTechnicianRequest { technician_id }).await;
        let (badge, id) = (found.number.to_lowercase(), &found.technician_id);
        accounts::account(&platform, &badge, Role::Technician, &found.org_unit_id, id).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", walk_through()])
        .current_dir(&folder)
        .env("API", platform.door().address())
        .env("PASSWORD", accounts::PASSWORD);
    let printed = tools::done(bash).await;

    let states: Vec<&str> = printed.lines().filter(|line| line.contains("_STATE_") && !line.contains('{')).collect();
    let expected = [
        "REQUEST_STATE_TRIAGED",
        "REQUEST_STATE_READY",
        "WORK_ORDER_STATE_ASSIGNED",
        "WORK_ORDER_STATE_ACCEPTED",
        "WORK_ORDER_STATE_ACCEPTED",
        "WORK_ORDER_STATE_EN_ROUTE",
        "WORK_ORDER_STATE_ON_SITE",
        "WORK_ORDER_STATE_IN_PROGRESS",
        "WORK_ORDER_STATE_IN_PROGRESS",
        "WORK_ORDER_STATE_COMPLETED",
        "WORK_ORDER_STATE_VERIFIED",
        "REQUEST_STATE_RESOLVED",
    ];
    assert_eq!(states, expected, "{printed}");
    let report = std::fs::read(folder.path().join("report.pdf")).expect("report.pdf");
    assert!(report.starts_with(b"%PDF-"), "{}", String::from_utf8_lossy(&report));
    assert!(printed.contains(r#""verdict":"WARRANTY_VERDICT_IN_WARRANTY""#), "{printed}");

    // The last line is the timeline; the survey may be planned a moment after the request is solved.
    let timeline: Value = serde_json::from_str(printed.lines().last().unwrap_or_default()).expect("JSON");
    let customer = timeline["entries"][0]["customerId"].as_str().expect("a customer").to_owned();
    eventually("the timeline tells of intake, dispatch and survey", async || {
        let target = format!("/v1/customers/{customer}/timeline");
        let answer = platform.door().raw(http::Method::GET, &target, http::HeaderMap::new(), "").await;
        let (_, _, body) = answer.map_err(|refusal| refusal.to_string())?;
        let body: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let entries = body["entries"].as_array().cloned().unwrap_or_default();
        let told = |service: &str| entries.iter().any(|entry| entry["service"] == service);
        if ["intake", "dispatch", "survey"].into_iter().all(told) { Ok(()) } else { Err(body.to_string()) }
    })
    .await;
    platform.stop().await;
}
