//! Where one more visit could go: the scan of every technician's days, with the rules and the price of each place.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};
use common::{convert::Window, error::Result, reach::Reach};

use super::snapshot::{Entry, Lane, Snapshot, Taken};
use crate::{
    convert::zone,
    domain::{
        eligibility::{Job, Person, Refusal, Rule, refusals, suitability},
        insertion::{Ask, Busy, Opening, openings},
        plan::{Costs, Weights},
        travel::Travel,
        work_order::WorkOrder,
    },
};

/// One way to place a visit.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Who comes: the leading technician first.
    pub(crate) technicians: Vec<String>,
    /// Index of the window.
    pub(crate) window: usize,
    /// The planned work.
    pub(crate) planned: Window,
    /// What it costs, part by part.
    pub(crate) costs: Costs,
    /// Seconds of travel it adds.
    pub(crate) extra_seconds: i32,
    /// Whether a way is an estimate where a routing server was to be asked.
    pub(crate) estimated: bool,
}

impl Place {
    /// What it costs in all.
    pub(crate) fn cost(&self) -> i64 {
        self.costs.values().sum()
    }
}

/// What is found: the ways to place it, and for everybody without one the rules in the way.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Ways, in no order; for every technician and window at most one.
    pub(crate) places: Vec<Place>,
    /// Rules in the way, by technician.
    pub(crate) refused: BTreeMap<String, Vec<Refusal>>,
}

/// The question: a visit, the windows in which it may start, and what does not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// The visit; its own present place is not in its way.
    pub(crate) order: &'a WorkOrder,
    /// Windows, by start.
    pub(crate) windows: &'a [Window],
    /// Not before this instant.
    pub(crate) not_before: DateTime<Utc>,
    /// What counts.
    pub(crate) weights: &'a Weights,
    /// Present instant.
    pub(crate) now: DateTime<Utc>,
    /// A hold that is not in the way.
    pub(crate) without_hold: &'a str,
    /// How far the asker sees: nobody learns of other regions' people, or takes their time.
    pub(crate) reach: &'a Reach,
}

/// Scans everybody.
///
/// # Errors
///
/// Never for time zones that were checked when they were written.
pub(crate) fn search(picture: &Snapshot, travel: &Travel, question: &Question<'_>) -> Result<Found> {
    let mut found = Found::default();
    let Some(last) = question.windows.iter().map(|window| window.end).max() else { return Ok(found) };
    let first = question.windows.iter().map(|window| window.start).min().unwrap_or(question.now);
    let holders = holders(picture);
    // The day of a service point is counted once for all its technicians.
    let mut point_jobs: HashMap<(String, DateTime<Utc>), i32> = HashMap::new();
    for lane in picture.lanes.values().filter(|lane| question.reach.sees_unit(&lane.technician.org_unit_id)) {
        let id = lane.technician.id.as_str();
        match scan(picture, lane, travel, question, (first, last), &holders, &mut point_jobs)? {
            Ok(places) => found.places.extend(places),
            Err(refused) => {
                found.refused.insert(id.to_owned(), refused);
            }
        }
    }
    if question.order.crew_size > 1 {
        found.places = crews(picture, travel, question, found.places);
    }
    Ok(found)
}

/// How many active technicians have each of the skills asked for: rare ones are spared.
fn holders(picture: &Snapshot) -> BTreeMap<&str, i32> {
    let mut holders = BTreeMap::new();
    for lane in picture.lanes.values() {
        for skill in &lane.technician.skills {
            *holders.entry(skill.code.as_str()).or_insert(0) += 1;
        }
    }
    holders
}

fn mine(entry: &Entry, question: &Question<'_>) -> bool {
    match &entry.taken {
        Taken::Visit(order) => order.id == question.order.id,
        Taken::Hold(hold) => hold.id.as_str() == question.without_hold,
    }
}

type Scan = std::result::Result<Vec<Place>, Vec<Refusal>>;

fn scan(
    picture: &Snapshot,
    lane: &Lane,
    travel: &Travel,
    question: &Question<'_>,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
    holders: &BTreeMap<&str, i32>,
    point_jobs: &mut HashMap<(String, DateTime<Utc>), i32>,
) -> Result<Scan> {
    let technician = &lane.technician;
    let id = technician.id.as_str();
    let duration = Duration::minutes(i64::from(question.order.duration_minutes));
    let mut places = Vec::new();
    let mut refused: Vec<Refusal> = Vec::new();
    let Some(point) = picture.points.get(technician.service_point_id.as_str()) else {
        return Ok(Err(vec![refusal(Rule::ServicePointInactive, technician.service_point_id.as_str())]));
    };
    let refused_by = question.order.refused_by();
    // Whoever lacks a skill is not looked at day by day.
    let timeless = timeless(lane, question, first, point, &refused_by, travel)?;
    if timeless.iter().any(|found| found.rule.lasts()) {
        return Ok(Err(timeless));
    }
    for day in &lane.days {
        let (Some(start), Some(end)) =
            (day.spans.first().map(|span| span.work.start), day.spans.last().map(|span| span.work.end))
        else {
            continue;
        };
        if end <= first || start >= last {
            continue;
        }
        let span = Window { start, end };
        let taken: Vec<&Busy> = picture
            .around(id, &span)
            .filter(|entry| entry.active(question.now) && !mine(entry, question))
            .map(|entry| &entry.busy)
            .collect();
        let ask = Ask {
            position: question.order.request.position,
            duration,
            windows: question.windows,
            not_before: question.not_before,
        };
        let absent: Vec<Window> = lane.absent.iter().filter(|away| away.overlaps(&span)).copied().collect();
        let found = openings(day, &taken, &absent, technician.home, &ask, travel);
        let Some(sample) = found.first() else { continue };
        let (from, until) = zone::day(&technician.time_zone, day.date)?;
        let local = |at: DateTime<Utc>| zone::local(&technician.time_zone, at);
        let point_day = zone::local(&point.time_zone, sample.planned.start)?.date();
        let today = Window { start: from, end: until };
        let skip = |entry: &Entry| mine(entry, question);
        let jobs_that_day = picture.jobs_of(id, &today, question.now, skip);
        let (point_from, point_until) = zone::day(&point.time_zone, point_day)?;
        let point_jobs_that_day = *point_jobs.entry((point.id.to_string(), point_from)).or_insert_with(|| {
            picture.jobs_of_point(
                point.id.as_str(),
                &Window { start: point_from, end: point_until },
                question.now,
                skip,
            )
        });
        let person = Person {
            technician,
            point,
            local_start: local(sample.planned.start)?,
            local_end: local(sample.planned.end)?,
            point_day,
            visits: &[],
            jobs_that_day,
            point_jobs_that_day,
        };
        let job = job(question, &refused_by, sample.planned);
        let rules = refusals(&job, &person, travel);
        if !rules.is_empty() {
            for rule in rules {
                if !refused.iter().any(|known| known.rule == rule.rule && known.subject == rule.subject) {
                    refused.push(rule);
                }
            }
            continue;
        }
        let suited = suitability(&job, &person, holders);
        for opening in found {
            let costs = price(question, lane, &opening, suited.over_qualification);
            places.push(Place {
                technicians: vec![id.to_owned()],
                window: opening.window,
                planned: opening.planned,
                costs,
                extra_seconds: opening.extra_seconds,
                estimated: opening.estimated,
            });
        }
    }
    if places.is_empty() {
        if refused.is_empty() {
            refused = timeless;
            if refused.is_empty() {
                refused.push(refusal(unavailable(lane, (first, last)), technician.id.as_str()));
            }
        }
        return Ok(Err(refused));
    }
    Ok(Ok(places))
}

/// What keeps somebody from a job whatever the hour: what a skill, a paper or a contract forbids.
fn timeless(
    lane: &Lane,
    question: &Question<'_>,
    first: DateTime<Utc>,
    point: &crate::domain::service_point::ServicePoint,
    refused_by: &[String],
    travel: &Travel,
) -> Result<Vec<Refusal>> {
    let technician = &lane.technician;
    let start = first.max(question.not_before);
    let planned = Window { start, end: start + Duration::minutes(i64::from(question.order.duration_minutes)) };
    let person = Person {
        technician,
        point,
        local_start: zone::local(&technician.time_zone, planned.start)?,
        local_end: zone::local(&technician.time_zone, planned.end)?,
        point_day: zone::local(&point.time_zone, planned.start)?.date(),
        visits: &[],
        jobs_that_day: 0,
        point_jobs_that_day: 0,
    };
    let mut rules = refusals(&job(question, refused_by, planned), &person, travel);
    // The sample time says nothing of the other windows.
    rules.retain(|found| !matches!(found.rule, Rule::Absent | Rule::OutsideShift | Rule::BreakOverlap));
    Ok(rules)
}

/// Why nothing is left of somebody's days: no working time, absent, or no time between the visits.
fn unavailable(lane: &Lane, (first, last): (DateTime<Utc>, DateTime<Utc>)) -> Rule {
    let works = lane.days.iter().flat_map(|day| &day.spans);
    let mut inside = works.filter(|span| span.work.start < last && span.work.end > first).peekable();
    if inside.peek().is_none() {
        return Rule::OutsideShift;
    }
    let away = |span: &crate::domain::insertion::Span| {
        let from = span.work.start.max(first);
        lane.absent.iter().any(|absent| absent.start <= from && span.work.end <= absent.end)
    };
    if inside.all(away) { Rule::Absent } else { Rule::NoTimeLeft }
}

/// The question as the rules see it.
fn job<'a>(question: &Question<'a>, refused: &'a [String], planned: Window) -> Job<'a> {
    let order = question.order;
    Job {
        skills: &order.required_skills,
        certificates: &order.required_certificates,
        category_code: &order.request.category_code,
        division_code: &order.request.division_code,
        position: order.request.position,
        language: &order.request.language,
        windows: &[],
        excluded: &order.excluded,
        preferred: &order.preferred,
        refused,
        short_skus: &order.parts.short_skus,
        planned,
    }
}

fn refusal(rule: Rule, subject: &str) -> Refusal {
    Refusal { rule, subject: subject.to_owned(), needed: String::new(), found: String::new() }
}

/// What a place costs, in minutes of a technician.
pub(crate) fn price(question: &Question<'_>, lane: &Lane, opening: &Opening, over_qualification: i32) -> Costs {
    let weights = question.weights;
    let order = question.order;
    let mut costs = Costs::new();
    let mut add = |code: &str, amount: i64| {
        if amount != 0 {
            costs.insert(code.to_owned(), amount);
        }
    };
    add("travel", i64::from(opening.extra_seconds) * weights.travel_hour / 3600);
    add("over_qualification", i64::from(over_qualification) * weights.over_qualification);
    if !lane.technician.at_home_in(&order.request.division_code) {
        add("territory", weights.territory);
    }
    if !order.preferred.is_empty() && !order.preferred.iter().any(|id| id == lane.technician.id.as_str()) {
        add("preference", weights.preference);
    }
    if let Some(due) = order.request.resolution_due_at {
        let late = (opening.planned.end - due).num_minutes().max(0);
        add("late", late * weights.late_hour / 60);
    }
    costs
}

/// Joins people who could come at the same time into crews: the cheapest leads, the next cheapest come along.
fn crews(picture: &Snapshot, travel: &Travel, question: &Question<'_>, alone: Vec<Place>) -> Vec<Place> {
    let size = usize::try_from(question.order.crew_size).unwrap_or(1);
    let duration = Duration::minutes(i64::from(question.order.duration_minutes));
    let mut best: HashMap<usize, Place> = HashMap::new();
    for lead in &alone {
        let start = lead.planned.start;
        let at = [Window { start, end: start + Duration::seconds(1) }];
        let mut others: Vec<&Place> = alone
            .iter()
            .filter(|other| other.window == lead.window && other.technicians != lead.technicians)
            .filter(|other| {
                other.planned == lead.planned || {
                    let Some(lane) = picture.lanes.get(&other.technicians[0]) else { return false };
                    let taken: Vec<&Busy> = picture
                        .around(&other.technicians[0], &lead.planned)
                        .filter(|entry| entry.active(question.now) && !mine(entry, question))
                        .map(|entry| &entry.busy)
                        .collect();
                    let ask = Ask {
                        position: question.order.request.position,
                        duration,
                        windows: &at,
                        not_before: question.not_before,
                    };
                    lane.days
                        .iter()
                        .any(|day| !openings(day, &taken, &lane.absent, lane.technician.home, &ask, travel).is_empty())
                }
            })
            .collect();
        if others.len() + 1 < size {
            continue;
        }
        others.sort_by_key(|other| (other.cost(), other.technicians[0].clone()));
        let mut crew = lead.clone();
        for other in others.into_iter().take(size - 1) {
            crew.technicians.extend(other.technicians.iter().cloned());
            crew.extra_seconds += other.extra_seconds;
            crew.estimated |= other.estimated;
            for (code, amount) in &other.costs {
                *crew.costs.entry(code.clone()).or_default() += amount;
            }
        }
        let better = best.get(&crew.window).is_none_or(|known| {
            (crew.cost(), crew.planned.start, &crew.technicians)
                < (known.cost(), known.planned.start, &known.technicians)
        });
        if better {
            best.insert(crew.window, crew);
        }
    }
    best.into_values().collect()
}
