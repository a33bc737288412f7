//! The tools of other make that the tests call: Python with pinned packages in a folder below `target`, buf, curl, bash.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::process::Command;

/// This folder.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract");
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// How long one tool may work.
const PATIENCE: Duration = Duration::from_secs(400);

/// What a tool said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A file beside the tests.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(HERE).join(name)
}

/// Runs a tool to its end.
pub(crate) async fn run(command: Command) -> Said {
    run_within(command, PATIENCE).await
}

async fn run_within(mut command: Command, patience: Duration) -> Said {
    let output = tokio::time::timeout(patience, command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| panic!("{command:?} does not end"));
    let output = output.unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { success: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs a tool that has to succeed, and gives what it wrote.
pub(crate) async fn done(command: Command) -> String {
    done_within(command, PATIENCE).await
}

/// As [`done`], for a tool that works longer.
pub(crate) async fn done_within(command: Command, patience: Duration) -> String {
    let shown = format!("{command:?}");
    let said = run_within(command, patience).await;
    assert!(said.success, "{shown} failed:\n{}\n{}", said.out, said.err);
    said.out
}

/// A program of the Python environment, which is made when it is not there. That it cannot be made is a failure.
pub(crate) async fn python(program: &str) -> Command {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("strangers");
    let stamp = folder.join("requirements.txt");
    let lock = folder.with_extension("lock");
    let lock = std::fs::File::create(&lock).unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    // Tests of other processes want it as well.
    lock.lock().unwrap_or_else(|error| panic!("no lock: {error}"));
    if std::fs::read_to_string(&stamp).unwrap_or_default() != REQUIREMENTS {
        let mut make = Command::new("python3");
        done({
            make.args(["-m", "venv", "--clear"]).arg(&folder);
            make
        })
        .await;
        let mut install = Command::new(folder.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        install.arg(file("requirements.txt"));
        done(install).await;
        std::fs::write(&stamp, REQUIREMENTS).unwrap_or_else(|error| panic!("{}: {error}", stamp.display()));
    }
    Command::new(folder.join("bin").join(program))
}

/// buf, as the Makefile installs it.
pub(crate) fn buf() -> Command {
    let machine = if cfg!(target_arch = "x86_64") { "x64" } else { std::env::consts::ARCH };
    let package = format!("../node_modules/@bufbuild/buf-{}-{machine}/bin/buf", std::env::consts::OS);
    let path = file(&package);
    assert!(path.exists(), "{} is missing: run the tests by `make test`", path.display());
    Command::new(path)
}
