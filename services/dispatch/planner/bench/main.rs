//! `make bench-plan`: the planner on public instances, beside PyVRP, and on generated days. A program for people; not part of the library.

#![expect(clippy::print_stdout, reason = "a program for people")]

mod generate;
mod instance;
mod peer;
mod rich;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};

use instance::Instance;
use planner::{budget::Budget, search, tables::Tables};

/// Whose seconds are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Those of the worker's thread: fair on a busy machine.
    Cpu,
    /// Those on the wall.
    Wall,
}

static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();

impl Clock {
    /// The clock itself.
    pub fn read(self) -> &'static (dyn Fn() -> f64 + Sync) {
        match self {
            Self::Cpu => &|| cpu_time::ThreadTime::now().as_duration().as_secs_f64(),
            Self::Wall => &|| BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64(),
        }
    }
}

/// What was asked for.
pub struct Options {
    folder: PathBuf,
    /// Seconds for 100 to 400 jobs; 1,000 jobs get twice as many.
    seconds: f64,
    /// Iterations of each worker instead of seconds: the same on every machine, however busy.
    iterations: Option<u64>,
    /// Workers.
    pub threads: usize,
    seeds: u64,
    only: Vec<String>,
    /// Whose seconds.
    pub clock: Clock,
    peer: bool,
    full: bool,
    rich: bool,
    instances: bool,
}

/// Resident memory at its peak, in KiB; 0 where the system does not tell.
pub fn memory() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("VmHWM"))?.to_owned();
            line.split_whitespace().nth(1)?.parse().ok()
        })
        .unwrap_or(0)
}

fn options() -> Result<Options, String> {
    let full = std::env::var_os("AFTERCARE_FULL").is_some();
    let mut options = Options {
        folder: PathBuf::from("../shared/data/vrptw"),
        seconds: if full { 30.0 } else { 3.0 },
        iterations: None,
        threads: 1,
        seeds: 1,
        only: Vec::new(),
        clock: Clock::Cpu,
        peer: true,
        full,
        rich: true,
        instances: true,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        match word.as_str() {
            "--folder" => options.folder = value()?.into(),
            "--seconds" => options.seconds = value()?.parse().map_err(|_| "--seconds wants a number")?,
            "--iterations" => {
                options.iterations = Some(value()?.parse().map_err(|_| "--iterations wants a number")?);
            }
            "--threads" => options.threads = value()?.parse().map_err(|_| "--threads wants a number")?,
            "--seeds" => options.seeds = value()?.parse().map_err(|_| "--seeds wants a number")?,
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--clock" => options.clock = if value()? == "wall" { Clock::Wall } else { Clock::Cpu },
            "--no-peer" => options.peer = false,
            "--no-rich" => options.rich = false,
            "--no-instances" => options.instances = false,
            other => {
                return Err(format!(
                    "{other}? Known: --folder DIR --seconds N --iterations N --threads N --seeds N --only NAME,NAME,#JOBS --clock cpu|wall --no-peer --no-rich --no-instances"
                ));
            }
        }
    }
    Ok(options)
}

fn main() -> Result<(), String> {
    let options = options()?;
    println!(
        "{} form; {} worker(s), seconds of the {}. AFTERCARE_FULL=1 is the long form.",
        if options.full { "Long" } else { "Short" },
        options.threads,
        if options.clock == Clock::Cpu { "worker's thread" } else { "wall" }
    );
    if options.instances {
        instances(&options)?;
    }
    if options.rich {
        rich::day(&options, 1000, 100, 1, if options.full { 10.0 } else { 3.0 });
        rich::day(&options, 5000, 400, 1, if options.full { 60.0 } else { 5.0 });
        rich::day(&options, 5000, 400, 5, if options.full { 60.0 } else { 5.0 });
        if options.full {
            rich::day(&options, 5000, 400, 14, 20.0);
        }
    }
    println!("\npeak memory of the whole run {:.1} MB", memory() as f64 / 1024.0);
    Ok(())
}

/// In the short form, one of each kind and size is enough.
fn is_wanted(options: &Options, instance: &Instance) -> bool {
    let short = ["C104", "R107", "RC105", "R207", "RC207", "R1_2_5", "RC2_2_5", "R1_4_5", "RC2_4_5", "RC1_10_5"];
    let size = format!("#{}", instance.jobs());
    if options.only.is_empty() {
        return options.full
            || short.contains(&instance.name.as_str())
            || !options.folder.ends_with("shared/data/vrptw");
    }
    options.only.iter().any(|name| *name == instance.name || *name == size)
}

fn instances(options: &Options) -> Result<(), String> {
    if !options.folder.is_dir() {
        println!(
            "No instances: {} is not there. Name a folder of Solomon or Gehring-Homberger files by --folder.",
            options.folder.display()
        );
        return Ok(());
    }
    let dimacs = instance::table(include_str!("dimacs.csv"), "distance");
    let exact = instance::best_known(&options.folder.join("best_known.csv"), "distance_first_distance");
    let peer = if options.peer { peer::find() } else { None };
    println!(
        "Gap to the best-known total distance, every distance cut to one decimal (DIMACS convention), any number of vehicles."
    );
    println!(
        "{:12}{:>6}{:>10}{:>10}{:>6}{:>9}{:>9}{:>14}{:>9}",
        "instance", "jobs", "seconds", "distance", "veh", "gap %", "exact %", "iterations", "PyVRP %"
    );
    let mut means: BTreeMap<usize, Vec<(f64, Option<f64>)>> = BTreeMap::new();
    for instance in instance::folder(&options.folder)?.iter().filter(|instance| is_wanted(options, instance)) {
        let seconds = if instance.jobs() >= 600 { 2.0 * options.seconds } else { options.seconds };
        for seed in 1..=options.seeds {
            let (problem, travel) = instance.problem(10.0, false);
            let tables = Arc::new(Tables::new(problem, travel));
            let mut iterations = 0;
            let budget =
                options.iterations.map_or_else(|| Budget::seconds(seconds, options.clock.read()), Budget::iterations);
            let state = search::plan(&tables, None, seed, options.threads, &budget, &mut |progress| {
                iterations = progress.iterations;
            });
            let plan = state.plan();
            let distance = instance.check(&plan).map_err(|wrong| format!("{}: {wrong}", instance.name))?;
            let gap = dimacs.get(&instance.name).map(|best| (distance / best - 1.0) * 100.0);
            let precise = exact.get(&instance.name).and_then(|best| exact_gap(options, instance, seed, *best));
            let other = peer.as_ref().and_then(|peer| peer.run(options, instance, seconds, seed));
            let other =
                other.and_then(|distance| dimacs.get(&instance.name).map(|best| (distance / best - 1.0) * 100.0));
            let text = |gap: Option<f64>| gap.map_or_else(|| "-".to_owned(), |gap| format!("{gap:.2}"));
            println!(
                "{:12}{:6}{seconds:10.0}{distance:10.1}{:6}{:>9}{:>9}{iterations:14}{:>9}",
                instance.name,
                instance.jobs(),
                plan.shifts.len(),
                text(gap),
                text(precise),
                text(other)
            );
            if let Some(gap) = gap {
                means.entry(instance.jobs()).or_default().push((gap, other));
            }
        }
    }
    for (size, gaps) in means {
        let mean = gaps.iter().map(|(gap, _)| gap).sum::<f64>() / gaps.len() as f64;
        let others: Vec<f64> = gaps.iter().filter_map(|(_, other)| *other).collect();
        let other = others.iter().sum::<f64>() / others.len().max(1) as f64;
        let beside =
            if others.is_empty() { String::new() } else { format!("   PyVRP {other:.3} % (n {})", others.len()) };
        println!("{size:5} jobs: mean gap {mean:.3} % (n {}){beside}", gaps.len());
    }
    Ok(())
}

/// The gap in exact distances, where the folder's own table has a distance-first value; only in the long form, for it takes a second run.
fn exact_gap(options: &Options, instance: &Instance, seed: u64, best: f64) -> Option<f64> {
    if !options.full {
        return None;
    }
    let (problem, travel) = instance.problem(1000.0, true);
    let tables = Arc::new(Tables::new(problem, travel));
    let budget = Budget::seconds(options.seconds, options.clock.read());
    let state = search::plan(&tables, None, seed, options.threads, &budget, &mut |_| {});
    let distance = instance.exact(&state.plan());
    Some((distance / best - 1.0) * 100.0)
}
