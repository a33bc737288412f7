//! PyVRP beside us, at equal seconds, where it can be had: `make bench-plan` makes a virtual environment for it below `target/`.

use std::{path::PathBuf, process::Command};

use crate::{Clock, Options, instance::Instance};

/// A Python that knows PyVRP.
pub struct Peer {
    python: PathBuf,
    script: PathBuf,
}

/// Looks for it and says so when it is not there.
pub fn find() -> Option<Peer> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bench/pyvrp_run.py");
    let Some(python) = std::env::var_os("PYVRP_PYTHON").map(PathBuf::from) else {
        println!("PyVRP is not asked for (PYVRP_PYTHON names the Python that has it): no comparison.");
        return None;
    };
    let there = Command::new(&python).args(["-c", "import pyvrp"]).output().is_ok_and(|output| output.status.success());
    if !there {
        println!("PyVRP is not available ({} cannot import it): no comparison.", python.display());
        return None;
    }
    Some(Peer { python, script })
}

impl Peer {
    /// The distance PyVRP reaches on the same instance, in the same convention and seconds.
    pub fn run(&self, options: &Options, instance: &Instance, seconds: f64, seed: u64) -> Option<f64> {
        let file = ["txt", "TXT", "vrp"]
            .iter()
            .map(|ending| options.folder.join(format!("{}.{ending}", instance.name)))
            .find(|path| path.is_file())?;
        let clock = if options.clock == Clock::Cpu { "cpu" } else { "wall" };
        let output = Command::new(&self.python)
            .arg(&self.script)
            .arg(file)
            .args([seconds.to_string(), seed.to_string(), clock.to_owned()])
            .output()
            .ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    }
}
