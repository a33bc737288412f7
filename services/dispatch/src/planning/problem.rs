//! The picture as the planner's kernel wants it: numbers for technicians, shifts and jobs, seconds from one midnight.

mod jobs;
mod roads;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use common::{
    convert::{Position, Window},
    error::Result,
};
use planner::{
    model::{self as kernel, Lock, Pickup, Present, Problem, Shift},
    plan::{Plan as KernelPlan, PlannedShift, Purpose, Visit},
    travel::{Dense, Geodesic, Leg, Region as Speeds, Roads, Travel},
};

pub(crate) use self::roads::Ways;
use super::snapshot::{Lane, Snapshot, Taken};
use crate::{
    Context,
    convert::zone,
    domain::{
        eligibility::Rule,
        plan::{Mode, Weights, Wish},
        service_point::State as PointState,
        technician::State as Working,
        work_order::{State, WorkOrder},
    },
};

/// More places than this are not asked of a routing server for one plan: a matrix has their square.
const MOST_MEASURED: usize = 1500;
/// Collecting parts takes this long.
const COLLECTING: i32 = 600;
/// A visit that overran is expected to take this much longer.
const OVERRUN: Duration = Duration::minutes(15);

/// Whom a shift of the kernel belongs to.
#[derive(Clone, Debug)]
pub(crate) struct ShiftOf {
    /// The technician.
    pub(crate) technician: String,
}

/// A problem, and the way back from its numbers.
#[derive(Debug)]
pub(crate) struct Built {
    /// The numbers.
    pub(crate) problem: Problem,
    /// The travel times.
    pub(crate) ways: Ways,
    /// The present plan, as far as it is of these days.
    pub(crate) present: KernelPlan,
    /// The work orders, by job; `None` is a hold.
    pub(crate) orders: Vec<Option<Arc<WorkOrder>>>,
    /// Work orders that are not planned because their parts are short.
    pub(crate) without_parts: Vec<Arc<WorkOrder>>,
    /// The shifts.
    pub(crate) shifts: Vec<ShiftOf>,
    /// Technicians by number.
    pub(crate) technicians: Vec<String>,
    /// Second zero.
    pub(crate) zero: DateTime<Utc>,
    /// Whether a travel time is an estimate where a routing server was to be asked.
    pub(crate) estimated: bool,
}

impl Built {
    /// The instant of a second.
    pub(crate) fn instant(&self, second: i32) -> DateTime<Utc> {
        self.zero + Duration::seconds(i64::from(second))
    }
}

struct Builder<'a> {
    ctx: &'a Context,
    picture: &'a Snapshot,
    wish: &'a Wish,
    now: DateTime<Utc>,
    zero: DateTime<Utc>,
    end: DateTime<Utc>,
    skills: HashMap<String, u16>,
    divisions: HashMap<String, u16>,
    places: Vec<Option<Position>>,
    problem: Problem,
    shifts: Vec<ShiftOf>,
    windows: Vec<Window>,
    technicians: Vec<String>,
    /// Technicians in scope: their number and their shifts.
    numbers: HashMap<String, (u32, Vec<usize>)>,
    /// Who is not sent to jobs like this one, by what such jobs have in common.
    barred: HashMap<(String, String, String), Vec<(u32, u16)>>,
}

/// Makes the problem of a plan.
///
/// # Errors
///
/// Never for time zones that were checked when they were written.
pub(crate) async fn build(ctx: &Context, picture: &Snapshot, wish: &Wish, now: DateTime<Utc>) -> Result<Built> {
    let zone_name = &ctx.config.time_zone;
    let zero = zone::at(zone_name, wish.first_day, 0)?;
    let days = u64::try_from(wish.days.max(1)).unwrap_or(1);
    let last = wish.first_day.checked_add_days(chrono::Days::new(days)).unwrap_or(wish.first_day);
    let mut builder = Builder {
        ctx,
        picture,
        wish,
        now,
        zero,
        end: zone::at(zone_name, last, 0)?,
        skills: HashMap::new(),
        divisions: HashMap::new(),
        places: Vec::new(),
        problem: Problem { weights: weights(&wish.weights), ..Problem::default() },
        shifts: Vec::new(),
        windows: Vec::new(),
        technicians: Vec::new(),
        numbers: HashMap::new(),
        barred: HashMap::new(),
    };
    builder.technicians()?;
    let jobs = builder.jobs();
    builder.finish(jobs).await
}

fn weights(w: &Weights) -> kernel::Weights {
    // A minute of a technician is sixty thousand of the kernel's units: a second is a thousand.
    let minutes = |amount: i64| amount * 60_000;
    kernel::Weights {
        travel_second: w.travel_hour * 60_000 / 3600,
        metre: 0,
        overtime_second: w.overtime_hour * 60_000 / 3600,
        late_minute: [1, 2, 4, 8].map(|times| w.late_hour * 1000 * times),
        unassigned: [1, 1, 2, 4].map(|times| minutes(w.unassigned) * times),
        over_qualified_level: minutes(w.over_qualification),
        not_preferred: minutes(w.preference),
        outside_territory: Some(minutes(w.territory)),
        moved: minutes(w.moved),
        promise: minutes(w.moved),
        busy_hour_squared: minutes(w.fairness_hour) / 8,
    }
}

impl Builder<'_> {
    fn second(&self, at: DateTime<Utc>) -> i32 {
        i32::try_from((at - self.zero).num_seconds()).unwrap_or(i32::MAX / 4)
    }

    fn skill(&mut self, code: String) -> u16 {
        let next = u16::try_from(self.skills.len()).unwrap_or(u16::MAX);
        *self.skills.entry(code).or_insert(next)
    }

    fn place(&mut self, at: Option<Position>) -> u32 {
        self.places.push(at);
        u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
    }

    fn in_scope(&self, lane: &Lane) -> bool {
        let of = &lane.technician;
        (self.wish.org_unit_id.is_empty() || of.org_unit_id == self.wish.org_unit_id)
            && (self.wish.service_point_id.is_empty() || of.service_point_id.as_str() == self.wish.service_point_id)
    }

    /// Technicians with their shifts. An absence cuts a shift in pieces.
    fn technicians(&mut self) -> Result<()> {
        let picture = self.picture;
        for (id, lane) in &picture.lanes {
            if !self.in_scope(lane) {
                continue;
            }
            let number = u32::try_from(self.technicians.len()).unwrap_or(u32::MAX);
            self.technicians.push(id.clone());
            self.numbers.insert(id.clone(), (number, Vec::new()));
            let technician = self.technician(lane);
            self.problem.technicians.push(technician);
            let home = self.place(lane.technician.home);
            for day in &lane.days {
                let (Some(first), Some(last)) = (day.spans.first(), day.spans.last()) else { continue };
                if last.work.end <= self.zero.max(self.now) || first.work.start >= self.end {
                    continue;
                }
                let (from, done) = self.whereabouts(id, day.date, &lane.technician.time_zone, home)?;
                let closed = self.closed(lane, day.date);
                for span in &day.spans {
                    for piece in pieces(&span.work, &lane.absent) {
                        self.shift(lane, number, day.date, (&piece, &span.breaks), (from, done, closed));
                    }
                }
            }
        }
        Ok(())
    }

    fn technician(&mut self, lane: &Lane) -> kernel::Technician {
        let first = self.wish.first_day;
        let day = |date: NaiveDate| i32::try_from((date - first).num_days()).unwrap_or(i32::MAX);
        let mut skills = Vec::new();
        for skill in &lane.technician.skills {
            let level = u8::try_from(skill.level.clamp(1, 5)).unwrap_or(1);
            skills.push(kernel::Skill { skill: self.skill(format!("s:{}", skill.code)), level, certificate: None });
        }
        for paper in &lane.technician.certificates {
            let from = paper.valid_from.map_or(i32::MIN, day);
            let certificate = Some((from, day(paper.valid_until)));
            skills.push(kernel::Skill { skill: self.skill(format!("c:{}", paper.code)), level: 1, certificate });
        }
        kernel::Technician { skills, territories: Vec::new(), paces: Vec::new() }
    }

    /// Where somebody begins the rest of a day, and how many jobs of it are done.
    fn whereabouts(&mut self, id: &str, date: NaiveDate, zone_name: &str, home: u32) -> Result<(u32, u32)> {
        let (from, until) = zone::day(zone_name, date)?;
        let (mut place, mut done, mut last) = (None, 0, from);
        for entry in self.picture.entries.get(id).into_iter().flatten() {
            let over = matches!(&entry.taken, Taken::Visit(order) if order.state.over());
            let planned = &entry.busy.planned;
            if over && from <= planned.start && planned.start < until {
                done += 1;
                if planned.end >= last {
                    (place, last) = (entry.busy.position, planned.end);
                }
            }
        }
        Ok((if place.is_some() { self.place(place) } else { home }, done))
    }

    fn closed(&self, lane: &Lane, date: NaiveDate) -> bool {
        let technician = &lane.technician;
        let holds = self.picture.points.get(technician.service_point_id.as_str()).is_some_and(|point| {
            point.state == PointState::Active && point.contract.as_ref().is_some_and(|contract| contract.holds_on(date))
        });
        // Somebody named as disturbed, without an absence written down, is away on the first day.
        let named = self.wish.technicians.iter().any(|id| id == technician.id.as_str());
        let away = named && lane.absent.is_empty() && date == self.wish.first_day;
        !holds || away || technician.state != Working::Active
    }

    fn shift(
        &mut self,
        lane: &Lane,
        number: u32,
        date: NaiveDate,
        (work, breaks): (&Window, &[Window]),
        (from, done, closed): (u32, u32, bool),
    ) {
        if work.end <= self.now || work.start >= self.end {
            return;
        }
        let id = lane.technician.id.to_string();
        let limits = &lane.technician;
        let start = work.start.max(self.zero);
        // Planned work that has begun stands in the shift, whatever the time is.
        let begun = self.picture.entries.get(&id).into_iter().flatten().filter(|entry| entry.active(self.now));
        let earliest = begun.map(|entry| entry.busy.planned.start).filter(|at| *at >= work.start).min();
        let start = match earliest {
            Some(at) if at < self.now => start,
            Some(_) | None => start.max(self.now.min(work.end)),
        };
        let minutes = |minutes: i32| (minutes > 0).then_some(minutes * 60);
        let pause = |pause: &Window| kernel::Break {
            window: kernel::Window { from: self.second(pause.start), until: self.second(pause.start) },
            seconds: i32::try_from((pause.end - pause.start).num_seconds()).unwrap_or_default(),
        };
        let shift = Shift {
            technician: number,
            day: i32::try_from((date - self.wish.first_day).num_days()).unwrap_or_default(),
            start: self.second(start),
            end: self.second(work.end),
            overtime_seconds: limits.overtime_minutes * 60,
            work_seconds: None,
            from,
            to: None,
            breaks: breaks.iter().filter(|pause| work.overlaps(pause) && pause.start >= start).map(pause).collect(),
            max_jobs: u32::try_from(limits.daily_job_limit)
                .ok()
                .filter(|most| *most > 0)
                .map(|most| most.saturating_sub(done)),
            drive_seconds: minutes(limits.driving_limit_minutes),
            capacity: None,
            cost: 0,
            closed,
        };
        self.add_shift(shift, &id, Window { start: work.start, end: work.end });
    }

    fn add_shift(&mut self, shift: Shift, technician: &str, window: Window) {
        if let Some((_, shifts)) = self.numbers.get_mut(technician) {
            shifts.push(self.shifts.len());
        }
        self.problem.shifts.push(shift);
        self.shifts.push(ShiftOf { technician: technician.to_owned() });
        self.windows.push(window);
    }

    /// The shift of a technician in which a visit lies; a closed one of its own when it lies in none.
    fn shift_of(&mut self, technician: &str, planned: &Window) -> Option<u32> {
        let (number, shifts) = self.numbers.get(technician)?;
        let number = *number;
        let inside =
            |index: &&usize| self.windows[**index].start <= planned.start && planned.start < self.windows[**index].end;
        if let Some(index) = shifts.iter().find(inside) {
            return u32::try_from(*index).ok();
        }
        let home = self.place(None);
        let mut shift = Shift::new(number, 0, self.second(planned.start), self.second(planned.end), home);
        shift.day = shift.start.div_euclid(86_400);
        shift.overtime_seconds = 12 * 3600;
        shift.to = None;
        shift.closed = true;
        self.add_shift(shift, technician, *planned);
        u32::try_from(self.shifts.len() - 1).ok()
    }

    /// What is to be planned: visits of these days, those that could be, and holds.
    fn jobs(&mut self) -> Vec<Wanted> {
        let picture = self.picture;
        let mut orders: Vec<&Arc<WorkOrder>> =
            picture.orders.values().filter(|order| !order.state.over() && self.wanted(order)).collect();
        orders.sort_by(|a, b| a.id.cmp(&b.id));
        let mut wanted: Vec<Wanted> = orders.into_iter().map(|order| Wanted::Order(order.clone())).collect();
        let mut holds: Vec<_> = picture.holds.values().filter(|hold| hold.holds(self.now)).collect();
        holds.sort_by(|a, b| a.id.cmp(&b.id));
        wanted.extend(
            holds
                .into_iter()
                .filter(|hold| self.zero <= hold.planned.start && hold.planned.start < self.end)
                .map(|hold| Wanted::Hold(hold.clone())),
        );
        wanted
    }

    fn wanted(&self, order: &WorkOrder) -> bool {
        let span = Window { start: self.zero, end: self.end };
        if let Some(at) = order.state.assignment() {
            return at.planned.overlaps(&span) && at.people().any(|person| self.numbers.contains_key(person.as_str()));
        }
        if self.wish.mode == Mode::Repair && !self.wish.work_orders.iter().any(|id| id == order.id.as_str()) {
            return false;
        }
        let scoped = self.wish.org_unit_id.is_empty() || order.request.org_unit_id == self.wish.org_unit_id;
        let windows: Vec<&Window> = match &order.promised {
            Some(promised) => vec![promised],
            None => order.request.windows.iter().collect(),
        };
        let open = windows.iter().all(|window| window.end <= self.now);
        scoped && (open || windows.iter().any(|window| window.overlaps(&span) && window.end > self.now))
    }

    async fn finish(mut self, wanted: Vec<Wanted>) -> Result<Built> {
        let mut orders = Vec::new();
        let mut without_parts = Vec::new();
        let mut pickups = HashMap::new();
        // Places of parts stand before the visits: no least time lies between them and a visit.
        for item in &wanted {
            if let Wanted::Order(order) = item
                && let Some(place) = &order.pick_up
            {
                pickups.insert(order.id.to_string(), self.place(Some(place.position)));
            }
        }
        // Shifts of visits outside every shift bring places of their own: they too stand before the visits.
        let seats: Vec<Vec<u32>> = wanted.iter().map(|item| self.seats(item)).collect();
        let visits_from = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let mut present: BTreeMap<u32, Vec<(i32, Visit)>> = BTreeMap::new();
        for (item, seats) in wanted.into_iter().zip(seats) {
            let index = u32::try_from(self.problem.jobs.len()).unwrap_or(u32::MAX);
            match item {
                Wanted::Order(order) => {
                    let assigned = order.state.assignment().is_some();
                    if !assigned && !order.parts.short_skus.is_empty() {
                        without_parts.push(order);
                        continue;
                    }
                    let job = self.job(&order, &seats, pickups.get(order.id.as_str()).copied());
                    remember(&mut present, &job, index, &seats);
                    self.problem.jobs.push(job);
                    orders.push(Some(order));
                }
                Wanted::Hold(hold) => {
                    if seats.is_empty() {
                        continue;
                    }
                    let place = self.place(hold.position);
                    let length = (hold.planned.end - hold.planned.start).num_seconds();
                    let mut job = kernel::Job::new(place, i32::try_from(length).unwrap_or_default());
                    job.crew = u8::try_from(seats.len()).unwrap_or(1);
                    job.lock = Lock::Pinned { shifts: seats, start: self.second(hold.planned.start) };
                    self.problem.jobs.push(job);
                    orders.push(None);
                }
            }
        }
        self.territories();
        let (roads, estimated) = self.roads(visits_from).await;
        let present = KernelPlan {
            shifts: present.into_iter().map(|(shift, visits)| planned(shift, visits)).collect(),
            ..KernelPlan::default()
        };
        Ok(Built {
            problem: self.problem,
            ways: roads,
            present,
            orders,
            without_parts,
            shifts: self.shifts,
            technicians: self.technicians,
            zero: self.zero,
            estimated,
        })
    }

    /// In which shifts somebody stands now, one for everybody who goes.
    fn seats(&mut self, item: &Wanted) -> Vec<u32> {
        let (people, planned): (Vec<String>, Window) = match item {
            Wanted::Order(order) => match order.state.assignment() {
                Some(at) => (at.people().map(ToString::to_string).collect(), at.planned),
                None => return Vec::new(),
            },
            Wanted::Hold(hold) => (hold.technicians.iter().map(ToString::to_string).collect(), hold.planned),
        };
        people.iter().filter_map(|person| self.shift_of(person, &planned)).collect()
    }
}

enum Wanted {
    Order(Arc<WorkOrder>),
    Hold(Arc<crate::domain::slot::SlotHold>),
}

/// What is left of a shift beside absences.
fn pieces(work: &Window, absent: &[Window]) -> Vec<Window> {
    let mut pieces = Vec::new();
    let mut start = work.start;
    for away in absent.iter().filter(|away| away.overlaps(work)) {
        if away.start > start {
            pieces.push(Window { start, end: away.start });
        }
        start = start.max(away.end);
    }
    if start < work.end {
        pieces.push(Window { start, end: work.end });
    }
    pieces
}

/// Writes down where a visit stands in the present plan.
fn remember(present: &mut BTreeMap<u32, Vec<(i32, Visit)>>, job: &kernel::Job, index: u32, seats: &[u32]) {
    let Some(at) = &job.present else { return };
    for (member, shift) in seats.iter().enumerate() {
        let visit = |purpose, start: i32, seconds: i32| Visit {
            job: index,
            purpose,
            member: u8::try_from(member).unwrap_or_default(),
            travel: 0,
            arrive: start,
            start,
            end: start + seconds,
        };
        let day = present.entry(*shift).or_default();
        if let (Some(parts), 0) = (&job.pickup, member) {
            day.push((at.start - 1, visit(Purpose::Pickup, at.start - parts.seconds, parts.seconds)));
        }
        day.push((at.start, visit(Purpose::Job, at.start, job.seconds)));
    }
}

fn planned(shift: u32, mut visits: Vec<(i32, Visit)>) -> PlannedShift {
    visits.sort_by_key(|(start, visit)| (*start, visit.job));
    let visits: Vec<Visit> = visits.into_iter().map(|(_, visit)| visit).collect();
    let end = visits.last().map_or(0, |visit| visit.end);
    PlannedShift { shift, visits, breaks: Vec::new(), end, drive: 0, metres: 0, cost: 0 }
}
