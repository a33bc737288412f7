//! Reads instance files of the Solomon and Gehring-Homberger format, and tables of best-known values.

use std::{collections::HashMap, fs, path::Path};

use planner::{
    model::{Cost, Job, Problem, Shift, Technician, Weights, Window},
    plan::Plan,
    travel::Plane,
};

/// One instance.
pub struct Instance {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// demand, ready, due, service; of the depot too.
    pub rows: Vec<[f64; 4]>,
    pub vehicles: usize,
    pub capacity: i32,
}

/// Every instance file of a folder, small ones first.
pub fn folder(folder: &Path) -> Result<Vec<Instance>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(instance) = parse(&stem, &text) {
            found.push(instance);
        }
    }
    found.sort_by(|a, b| (a.points.len(), &a.name).cmp(&(b.points.len(), &b.name)));
    Ok(found)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of an instance file")]
fn parse(name: &str, text: &str) -> Option<Instance> {
    if !text.contains("CUSTOMER") || !text.contains("VEHICLE") {
        return None;
    }
    let numbers: Vec<Vec<f64>> = text
        .lines()
        .filter_map(|line| line.split_whitespace().map(|word| word.parse().ok()).collect::<Option<Vec<f64>>>())
        .filter(|row| !row.is_empty())
        .collect();
    let fleet = numbers.iter().find(|row| row.len() == 2)?;
    let rows: Vec<&Vec<f64>> = numbers.iter().filter(|row| row.len() == 7).collect();
    Some(Instance {
        name: name.to_owned(),
        points: rows.iter().map(|row| (row[1], row[2])).collect(),
        rows: rows.iter().map(|row| [row[3], row[4], row[5], row[6]]).collect(),
        vehicles: fleet[0] as usize,
        capacity: fleet[1] as i32,
    })
}

impl Instance {
    pub fn jobs(&self) -> usize {
        self.points.len() - 1
    }

    /// The instance as a problem of ours: one class of vehicles, distance alone costs.
    #[expect(clippy::cast_possible_truncation, reason = "values of an instance file")]
    pub fn problem(&self, scale: f64, round_up: bool) -> (Problem, Plane) {
        let unit = |value: f64| (value * scale) as i32;
        let depot = self.rows[0];
        let shift = Shift { capacity: Some(self.capacity), ..Shift::new(0, 0, unit(depot[1]), unit(depot[2]), 0) };
        let jobs = (1..self.points.len())
            .map(|at| {
                let [demand, ready, due, service] = self.rows[at];
                let mut job = Job::new(at as u32, unit(service));
                job.windows = vec![Window { from: unit(ready), until: unit(due) }];
                job.load = demand as i32;
                job
            })
            .collect();
        let none: Cost = 100_000_000;
        let weights = Weights {
            travel_second: 1,
            metre: 0,
            overtime_second: 0,
            late_minute: [0; 4],
            unassigned: [none; 4],
            over_qualified_level: 0,
            not_preferred: 0,
            outside_territory: Some(0),
            moved: 0,
            promise: 0,
            busy_hour_squared: 0,
        };
        let problem =
            Problem { technicians: vec![Technician::default()], shifts: vec![shift; self.vehicles], jobs, weights };
        (problem, Plane::new(&self.points, scale, round_up))
    }

    /// Checks a plan against the file itself, in the convention of one decimal; the distance, or what is wrong.
    pub fn check(&self, plan: &Plan) -> Result<f64, String> {
        let cut = |a: usize, b: usize| {
            let (a, b) = (self.points[a], self.points[b]);
            ((((a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)).sqrt() * 10.0) + 1e-6).floor() / 10.0
        };
        let mut seen = vec![false; self.points.len()];
        let mut total = 0.0;
        for shift in &plan.shifts {
            let (mut at, mut time, mut load) = (0, self.rows[0][1], 0.0);
            for visit in &shift.visits {
                let next = visit.job as usize + 1;
                if std::mem::replace(&mut seen[next], true) {
                    return Err(format!("{next} is visited twice"));
                }
                total += cut(at, next);
                time = (time + cut(at, next)).max(self.rows[next][1]);
                if time > self.rows[next][2] + 1e-6 {
                    return Err(format!("{next} is visited at {time:.1}, after {}", self.rows[next][2]));
                }
                time += self.rows[next][3];
                load += self.rows[next][0];
                at = next;
            }
            total += cut(at, 0);
            if load > f64::from(self.capacity) || time + cut(at, 0) > self.rows[0][2] + 1e-6 {
                return Err(format!("route {} is too long or too full", shift.shift));
            }
        }
        match seen.iter().skip(1).position(|seen| !seen) {
            Some(job) => Err(format!("{} is not visited", job + 1)),
            None => Ok(total),
        }
    }
    /// The distance of a plan, not rounded.
    pub fn exact(&self, plan: &Plan) -> f64 {
        let way = |a: usize, b: usize| {
            let (a, b) = (self.points[a], self.points[b]);
            ((a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)).sqrt()
        };
        plan.shifts
            .iter()
            .map(|shift| {
                let stops: Vec<usize> = shift.visits.iter().map(|visit| visit.job as usize + 1).collect();
                let ends = way(0, *stops.first().unwrap_or(&0)) + way(*stops.last().unwrap_or(&0), 0);
                ends + stops.windows(2).map(|pair| way(pair[0], pair[1])).sum::<f64>()
            })
            .sum()
    }
}

/// Best-known totals: `instance,distance`, or the columns of `best_known.csv`.
pub fn best_known(path: &Path, column: &str) -> HashMap<String, f64> {
    let Ok(text) = fs::read_to_string(path) else { return HashMap::new() };
    table(&text, column)
}

/// The same from a text.
pub fn table(text: &str, column: &str) -> HashMap<String, f64> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let Some(at) = lines.next().and_then(|head| head.split(',').position(|name| name == column)) else {
        return HashMap::new();
    };
    lines
        .filter_map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            Some((cells.first()?.to_string(), cells.get(at)?.parse().ok()?))
        })
        .collect()
}
