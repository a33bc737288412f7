//! `aftercare-gateway admin create`, with which every installation begins: an account made on the machine itself.

use std::process::{Output, Stdio};

use harness::{Faults, Platform, Refusal, Shape, Surface, accounts::sign_in, process::binary};
use proto::aftercare::gateway::v1::{
    Account, ChangePasswordRequest, ListAccountsRequest, ListAccountsResponse, SignInRequest, SignInResult,
};
use tokio::io::AsyncWriteExt as _;

const GIVEN: &str = "given on the machine";
const OWN: &str = "chosen by the person";

/// Makes an account beside the running gateway, with a password from standard input.
async fn create(platform: &Platform, username: &str, more: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(binary("gateway").unwrap());
    command.arg("--config").arg(platform.folder().join("gateway.toml"));
    command.args(["admin", "create", "--username", username, "--password-stdin"]).args(more);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{GIVEN}\n").as_bytes()).await.unwrap();
    child.wait_with_output().await.unwrap()
}

async fn list(platform: &Platform, token: &str) -> Result<ListAccountsResponse, Refusal> {
    platform.bearer(token).send(ListAccountsRequest { page_size: 50, ..Default::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_changes_the_first_password_and_a_program_does_not() {
    let platform = Platform::start(Shape::SixProcesses, Surface::Rest, Faults::None).await;

    let made = create(&platform, "first", &[]).await;
    let said = String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success(), "{said}{}", String::from_utf8_lossy(&made.stderr));
    assert!(said.contains("account first (") && said.contains("to be changed at the first sign-in"), "{said}");
    assert!(!said.contains(GIVEN), "a password that was given is not printed");
    let first = sign_in(&platform, "first", GIVEN).await;
    assert!(first.password_change_required);
    let refused = list(&platform, &first.access_token).await.unwrap_err();
    assert_eq!(refused.reason, "PASSWORD_CHANGE_REQUIRED");
    let change = ChangePasswordRequest {
        present_password: GIVEN.to_owned(),
        new_password: OWN.to_owned(),
        ..Default::default()
    };
    platform.bearer(&first.access_token).call::<_, Account>(change).await;
    let again = sign_in(&platform, "first", OWN).await;
    assert!(!again.password_change_required);

    let made = create(&platform, "program", &["--role", "agent", "--lasting-password"]).await;
    let said = String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success() && said.contains("its password stays"), "{said}");
    let program = sign_in(&platform, "program", GIVEN).await;
    assert!(!program.password_change_required);
    let refused = list(&platform, &program.access_token).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_ALLOWED", "an agent is an agent, however the account was made");

    let twice = create(&platform, "first", &[]).await;
    assert!(!twice.status.success());
    let unknown = create(&platform, "other", &["--role", "emperor"]).await;
    assert!(!unknown.status.success());
    let complained = String::from_utf8_lossy(&unknown.stderr);
    assert!(complained.contains("emperor is no role"), "{complained}");
    let all = list(&platform, &again.access_token).await.unwrap();
    let mut names: Vec<&str> = all.accounts.iter().map(|account| &*account.username).collect();
    names.sort_unstable();
    assert_eq!(names, ["first", "program"], "what is refused makes nothing");
    let stolen = SignInRequest { username: "first".to_owned(), password: GIVEN.to_owned() };
    platform.bearer("").refused::<_, SignInResult>(stolen).await;
    platform.stop().await;
}
