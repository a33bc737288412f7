//! A picture of everything a plan must know, cheap to share: readers keep theirs while a newer one is made.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use common::{
    convert::{Position, Window},
    error::Result,
};

use crate::{
    convert::zone,
    domain::{
        insertion::{Busy, Span, WorkDay},
        service_point::ServicePoint,
        slot::SlotHold,
        technician::{self, Technician},
        work_order::{State, WorkOrder},
    },
};

/// Working days kept ready for each technician, from yesterday on.
const DAYS: usize = 34;

/// A technician with working time as instants.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The technician.
    pub(crate) technician: Technician,
    /// Working days, by date.
    pub(crate) days: Vec<WorkDay>,
    /// Absences, by start.
    pub(crate) absent: Vec<Window>,
}

impl Lane {
    /// Working time from `today - 1` on.
    pub(crate) fn new(technician: Technician, today: NaiveDate) -> Result<Self> {
        let first = today.pred_opt().unwrap_or(today);
        let mut days = Vec::with_capacity(DAYS);
        for date in first.iter_days().take(DAYS) {
            days.push(WorkDay { date, spans: spans(&technician, date)? });
        }
        let mut absent: Vec<Window> = technician.absences.iter().map(|absence| absence.window).collect();
        absent.sort();
        Ok(Self { technician, days, absent })
    }
}

/// The shifts of a date as instants, by start. An hour that a clock change swallows is simply not there.
pub(crate) fn spans(technician: &Technician, date: NaiveDate) -> Result<Vec<Span>> {
    use chrono::Datelike as _;
    let weekday = date.weekday().number_from_monday();
    let window = |time: &technician::Minutes| -> Result<Window> {
        Ok(Window {
            start: zone::at(&technician.time_zone, date, time.start)?,
            end: zone::at(&technician.time_zone, date, time.end)?,
        })
    };
    let mut spans = Vec::new();
    for shift in technician.shifts.iter().filter(|shift| shift.weekday == weekday) {
        let work = window(&shift.time)?;
        let breaks = shift.breaks.iter().map(window).collect::<Result<Vec<_>>>()?;
        if work.start < work.end {
            spans.push(Span { work, breaks: breaks.into_iter().filter(|pause| pause.start < pause.end).collect() });
        }
    }
    spans.sort_by_key(|span| span.work.start);
    Ok(spans)
}

/// What takes somebody's time.
#[derive(Clone, Debug)]
pub(crate) enum Taken {
    /// A visit, over or not.
    Visit(Arc<WorkOrder>),
    /// A hold.
    Hold(Arc<SlotHold>),
}

/// One entry of a technician's days.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The time taken.
    pub(crate) busy: Busy,
    /// By what.
    pub(crate) taken: Taken,
}

impl Entry {
    /// Whether it still takes the technician's time.
    pub(crate) fn active(&self, now: DateTime<Utc>) -> bool {
        match &self.taken {
            Taken::Visit(order) => !order.state.over(),
            Taken::Hold(hold) => hold.holds(now),
        }
    }

    /// Whether it counts for the limits of the day.
    pub(crate) fn counts(&self, now: DateTime<Utc>) -> bool {
        match &self.taken {
            Taken::Visit(order) => !matches!(order.state, State::Cancelled { .. }),
            Taken::Hold(hold) => hold.holds(now),
        }
    }
}

/// The picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// Technicians who have not left, by id.
    pub(crate) lanes: BTreeMap<String, Arc<Lane>>,
    /// Service points by id.
    pub(crate) points: HashMap<String, Arc<ServicePoint>>,
    /// Work orders that are not long over, by id, without their records.
    pub(crate) orders: HashMap<String, Arc<WorkOrder>>,
    /// Holds that may keep somebody, by id.
    pub(crate) holds: HashMap<String, Arc<SlotHold>>,
    /// Last positions, by technician.
    pub(crate) positions: HashMap<String, (Position, DateTime<Utc>)>,
    /// What takes each technician's time, by start.
    pub(crate) entries: HashMap<String, Vec<Entry>>,
    /// The latest change seen.
    pub(crate) seen: DateTime<Utc>,
    /// The day it was made on, as the lanes know it.
    pub(crate) today: Option<NaiveDate>,
}

impl Snapshot {
    /// Sorts what takes time by technician anew.
    pub(crate) fn index(&mut self) {
        let mut entries: HashMap<String, Vec<Entry>> = HashMap::with_capacity(self.lanes.len());
        for order in self.orders.values() {
            let Some(at) = order.state.assignment() else { continue };
            if matches!(order.state, State::Cancelled { .. }) {
                continue;
            }
            for person in at.people() {
                let busy = Busy { planned: at.planned, position: order.request.position, number: order.number.clone() };
                let entry = Entry { busy, taken: Taken::Visit(order.clone()) };
                entries.entry(person.to_string()).or_default().push(entry);
            }
        }
        for hold in self.holds.values() {
            for person in &hold.technicians {
                let busy = Busy { planned: hold.planned, position: hold.position, number: hold.id.to_string() };
                let entry = Entry { busy, taken: Taken::Hold(hold.clone()) };
                entries.entry(person.to_string()).or_default().push(entry);
            }
        }
        for list in entries.values_mut() {
            list.sort_by(|a, b| (a.busy.planned.start, &a.busy.number).cmp(&(b.busy.planned.start, &b.busy.number)));
        }
        self.entries = entries;
    }

    /// What takes a technician's time around a day.
    pub(crate) fn around<'a>(&'a self, technician: &str, span: &Window) -> impl Iterator<Item = &'a Entry> {
        let around = Window { start: span.start - Duration::hours(12), end: span.end + Duration::hours(12) };
        let list = self.entries.get(technician).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter(move |entry| entry.busy.planned.overlaps(&around))
    }

    /// Jobs of everybody of a service point that start in a span.
    pub(crate) fn jobs_of_point(
        &self,
        point: &str,
        span: &Window,
        now: DateTime<Utc>,
        skip: impl Fn(&Entry) -> bool + Copy,
    ) -> i32 {
        let mut count = 0;
        for lane in self.lanes.values().filter(|lane| lane.technician.service_point_id.as_str() == point) {
            count += self.jobs_of(lane.technician.id.as_str(), span, now, skip);
        }
        count
    }

    /// Jobs of a technician that start in a span.
    pub(crate) fn jobs_of(
        &self,
        technician: &str,
        span: &Window,
        now: DateTime<Utc>,
        skip: impl Fn(&Entry) -> bool,
    ) -> i32 {
        let list = self.entries.get(technician).map(Vec::as_slice).unwrap_or_default();
        let in_span = |entry: &&Entry| {
            span.start <= entry.busy.planned.start
                && entry.busy.planned.start < span.end
                && entry.counts(now)
                && !skip(entry)
        };
        i32::try_from(list.iter().filter(in_span).count()).unwrap_or(i32::MAX)
    }
}
