//! Benchmark.
#![expect(clippy::print_stdout, reason = "a program for people")]
mod instance;
use planner::{budget::Budget, search, tables::Tables};
use std::{path::Path, sync::Arc};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let get = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let folder = get("--folder").unwrap_or_else(|| "/work/shared/data/vrptw".into());
    let seconds: f64 = get("--seconds").and_then(|value| value.parse().ok()).unwrap_or(10.0);
    let threads: usize = get("--threads").and_then(|value| value.parse().ok()).unwrap_or(1);
    let seeds: u64 = get("--seeds").and_then(|value| value.parse().ok()).unwrap_or(1);
    let only = get("--only").unwrap_or_default();
    let known = instance::table(include_str!("dimacs.csv"), "distance");
    let clock = || cpu_time::ThreadTime::now().as_duration().as_secs_f64();
    let mut gaps: std::collections::BTreeMap<usize, Vec<f64>> = Default::default();
    for instance in instance::folder(Path::new(&folder)).unwrap_or_default() {
        if !only.is_empty()
            && !only.split(',').any(|name| {
                name == instance.name || (name.starts_with('#') && name[1..] == instance.jobs().to_string())
            })
        {
            continue;
        }
        for seed in 1..=seeds {
            let (problem, travel) = instance.problem(10.0, false);
            let tables = Arc::new(Tables::new(problem, travel));
            let mut iterations = 0;
            let mut first = 0;
            let state = search::plan(&tables, None, seed, threads, &Budget::seconds(seconds, &clock), &mut |p| {
                if first == 0 {
                    first = p.cost;
                }
                iterations = p.iterations;
            });
            let plan = state.plan();
            let gap = known.get(&instance.name).map(|k| (plan.cost.total() as f64 / 10.0 / k - 1.0) * 100.0);
            println!(
                "{:10} {:?} vehicles {} cost {} gap {:?} iterations {iterations}",
                instance.name,
                instance.check(&plan),
                plan.shifts.len(),
                plan.cost.total(),
                gap
            );
            if let Some(gap) = gap {
                gaps.entry(instance.jobs()).or_default().push(gap);
            }
        }
    }
    for (size, gaps) in gaps {
        println!("{size}: mean gap {:.3} over {}", gaps.iter().sum::<f64>() / gaps.len() as f64, gaps.len());
    }
}
