//! What the dashboards and alerts ask for is there: every metric that charts/aftercare/metrics.txt names is exported, after
//! real work, with exactly the labels it says. (tests/chart holds every query against that file.)

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use harness::{Faults, Platform, Shape, Surface, world::World};

type Metrics = BTreeMap<String, BTreeSet<String>>;

fn declared() -> Metrics {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/aftercare/metrics.txt");
    let text = std::fs::read_to_string(path).expect("the list of metrics");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words = lines.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.map(|words| (words[0].clone(), words[1..].iter().cloned().collect())).collect()
}

/// Names and labels in Prometheus' text form. A histogram's series count as one metric.
fn exported(text: &str, all: &mut Metrics) {
    for line in text.lines().filter(|line| line.starts_with("aftercare_")) {
        let name_end = line.find(['{', ' ']).unwrap_or(line.len());
        let name = ["_bucket", "_count", "_sum"].iter().find_map(|end| line[..name_end].strip_suffix(end));
        let labels = all.entry(name.unwrap_or(&line[..name_end]).to_owned()).or_default();
        let inside =
            line[name_end..].strip_prefix('{').and_then(|rest| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
        let named = inside
            .split("\",")
            .filter_map(|pair| pair.split_once("=\""))
            .map(|(label, _)| label.trim_start_matches(','));
        labels.extend(named.filter(|label| !matches!(*label, "le" | "quantile")).map(str::to_owned));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_dashboards_is_exported() {
    let platform = Platform::start(Shape::SixProcesses, Surface::Grpc, Faults::None).await;
    let world = World::make(&platform).await;
    crate::in_warranty::travel(&platform, &world).await;
    let declared = declared();
    assert!(declared.len() > 10);
    // Some are told by workers that look every half minute.
    harness::eventually("all metrics are there", async || {
        let mut found = Metrics::new();
        let names: Vec<String> = platform.processes().map(str::to_owned).collect();
        for service in names {
            exported(&platform.metrics(&service).await, &mut found);
        }
        let wrong: Vec<_> = declared.iter().filter(|(name, labels)| found.get(*name) != Some(labels)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("declared {wrong:?}, exported {found:?}")) }
    })
    .await;
}
