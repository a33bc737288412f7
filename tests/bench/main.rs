//! Benchmarks through the public door, each as a ratio of two things measured in one run on one machine: service-request
//! creation over REST against pgbench with the same statements on the same PostgreSQL, and a unary read through the
//! gateway against the same read straight at the service and against a bare tonic echo. Bounded: about two minutes.
//!
//! `make bench` builds the binaries and brings PostgreSQL and Redis.

#![expect(clippy::print_stdout, reason = "the table is what this is run for")]

mod create;
mod load;
mod read;

use anyhow::Context as _;
use common::testing::{Backend, TestDb, database};
use harness::process::{Process, free_address};

/// Callers at once.
const CALLERS: usize = 16;
/// Length of one measurement, in seconds.
const SECONDS: u64 = 8;
/// Times that every pair is measured.
const ROUNDS: usize = 3;

/// The crowd is one person at one address here, and what a call costs is measured, not what is sent away.
const RATES: &str = "[overload]\nleast = 64\n[rates]\nperson = { calls = 0, within = \"1s\", burst = 1 }\naddress = { calls = 0, within = \"1s\", burst = 1 }\n";

/// Intake behind the gateway, as processes of their own.
struct Stage {
    _intake: Process,
    _gateway: Process,
    gateway: String,
    intake: String,
    db: TestDb,
    _own: TestDb,
    _folder: tempfile::TempDir,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    // `cargo bench` and `cargo test` pass flags of their own harness; there is nothing to choose here.
    let stage = stage().await?;
    println!("{CALLERS} callers, {ROUNDS} rounds of {SECONDS} s each, medians\n");
    create::run(&stage).await?;
    read::run(&stage).await
}

async fn stage() -> anyhow::Result<Stage> {
    let redis = std::env::var("AFTERCARE_TEST_REDIS").context("AFTERCARE_TEST_REDIS names no server: `make bench`")?;
    let folder = tempfile::tempdir()?;
    let (db, own) = (database(Backend::Postgres).await, database(Backend::Postgres).await);
    let (intake, gateway) = (free_address()?, free_address()?);
    let config = |name: &str, text: String| -> anyhow::Result<Process> {
        let admin = free_address()?;
        let file = folder.path().join(format!("{name}.toml"));
        let log = "[telemetry]\nlog_filter = \"warn\"\n";
        std::fs::write(&file, format!("admin = \"{admin}\"\n{text}{log}"))?;
        Ok(Process::new(name, &file, admin))
    };
    let prefix = folder.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut first = config(
        "intake",
        format!(
            "listen = \"{intake}\"\n[database]\nurl = \"{}\"\nmax_connections = {CALLERS}\n[bus]\nkind = \"redis\"\nurl = \"{redis}\"\nprefix = \"{prefix}\"\n",
            db.url
        ),
    )?;
    let mut second = config(
        "gateway",
        format!(
            "listen = \"{gateway}\"\n[database]\nurl = \"{}\"\n[bus]\nkind = \"redis\"\nurl = \"{redis}\"\nprefix = \"{prefix}\"\n[sign_in]\ndevelopment_headers = true\n[peers]\nintake = \"http://{intake}\"\n{RATES}",
            own.url
        ),
    )?;
    for process in [&mut first, &mut second] {
        process.run("migrate")?;
        process.start()?;
        process.ready().await?;
    }
    Ok(Stage {
        _intake: first,
        _gateway: second,
        gateway: format!("http://{gateway}"),
        intake: format!("http://{intake}"),
        db,
        _own: own,
        _folder: folder,
    })
}
