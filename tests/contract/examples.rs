//! The examples of the guide, run as they stand there.

use std::{path::Path, process::Stdio, time::Duration};

use harness::{Faults, Platform, Shape, Surface};
use tokio::process::Command;

/// How long one example may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_guide_runs() {
    let platform = Platform::start(Shape::OneProcess, Surface::Rest, Faults::None).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/gateway/docs/examples");
    let mut ran = 0;
    for (language, program) in [("curl", "sh"), ("python", "python3"), ("typescript", "node")] {
        let mut files: Vec<_> = std::fs::read_dir(folder.join(language))
            .expect("the examples")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        for file in files {
            let run = Command::new(program)
                .arg(&file)
                .env("API", platform.door().address())
                .env_remove("TOKEN")
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .output();
            let output = tokio::time::timeout(PATIENCE, run).await.expect("it ends in time").expect("it starts");
            let said = String::from_utf8_lossy(&output.stdout);
            let complained = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {said}\n{complained}", file.display());
            assert!(!said.trim().is_empty(), "{} says nothing", file.display());
            ran += 1;
        }
    }
    assert!(ran >= 6, "only {ran} examples");
    platform.stop().await;
}
