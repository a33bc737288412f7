//! `aftercare-gateway smoke`, which `helm test` runs: one case through a running platform, by the binary itself.

use std::process::{Output, Stdio};

use harness::{Faults, Platform, Shape, Surface, accounts, process::binary};
use proto::aftercare::{
    access::v1::Role,
    intake::v1::{ListServiceRequestsRequest, ListServiceRequestsResponse, RequestState},
};

const USERNAME: &str = "smoke";

async fn smoke(platform: &Platform, password: &str, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(binary("gateway").unwrap());
    command.arg("smoke").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.env("AFTERCARE_SMOKE_ADDRESS", platform.door().address());
    command.env("AFTERCARE_SMOKE_USERNAME", USERNAME).env("AFTERCARE_SMOKE_PASSWORD", password);
    command.output().await.unwrap()
}

/// The states of all requests there are.
async fn requests(platform: &Platform) -> Vec<RequestState> {
    let list = ListServiceRequestsRequest { page_size: 100, ..Default::default() };
    let all: ListServiceRequestsResponse = platform.person("admin", "us_admin").call(list).await;
    all.service_requests.iter().map(|request| request.state()).collect()
}

async fn one_case_goes_through(shape: Shape) {
    let platform = Platform::start(shape, Surface::Rest, Faults::None).await;
    accounts::account(&platform, USERNAME, Role::Agent, "head-office", "").await;
    let output = smoke(&platform, accounts::PASSWORD, &[]).await;
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{complained}");
    for step in
        ["signed in as smoke", "customer ", "product ", "service request SR-", "triaged", "released", "work order WO-"]
    {
        assert!(said.contains(step), "{step}: {said}");
    }
    assert!(said.contains("1 work order cancelled with it"), "{said}");
    assert_eq!(requests(&platform).await, [RequestState::Cancelled], "nothing stays open");

    let refused = smoke(&platform, "not the password", &[]).await;
    let complained = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complained.contains("signing in"), "{complained}");
    assert_eq!(requests(&platform).await.len(), 1);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_case_goes_through_one_process() {
    one_case_goes_through(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_case_goes_through_six_processes() {
    one_case_goes_through(Shape::SixProcesses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_does_not_go_through_is_told_and_left_cancelled() {
    let platform = Platform::start(Shape::SixProcesses, Surface::Rest, Faults::None).await;
    accounts::account(&platform, USERNAME, Role::Agent, "head-office", "").await;
    platform.kill("dispatch").await;
    let output = smoke(&platform, accounts::PASSWORD, &["--patience", "5"]).await;
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complained}");
    assert!(complained.contains("no work order was made of it"), "{complained}");
    assert_eq!(requests(&platform).await, [RequestState::Cancelled]);
}
