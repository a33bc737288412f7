//! The problem as the trade says it: shifts, jobs, promises, weights. Friendly structs; `tables` makes flat arrays of them.
//!
//! All times are whole seconds from one midnight that the caller chooses (the horizon's first), all places, technicians, shifts and
//! jobs are indices. Costs are thousandths of the caller's money. Nothing here knows of calendars, ids or databases.

/// An index into the caller's places, as the travel times know them.
pub type Place = u32;
/// An index into [`Problem::technicians`].
pub type TechnicianIx = u32;
/// An index into [`Problem::shifts`].
pub type ShiftIx = u32;
/// An index into [`Problem::jobs`].
pub type JobIx = u32;
/// Seconds from the horizon's first midnight.
pub type Seconds = i32;
/// Thousandths of the caller's money.
pub type Cost = i64;

/// From when until when a visit may start, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Earliest start.
    pub from: Seconds,
    /// Latest start.
    pub until: Seconds,
}

/// What a technician can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Skill {
    /// Which skill.
    pub skill: u16,
    /// How well, 1 to 5.
    pub level: u8,
    /// First and last day (counted like [`Shift::day`]) of the certificate, if there is one.
    pub certificate: Option<(i32, i32)>,
}

/// What a job asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Need {
    /// Which skill.
    pub skill: u16,
    /// At least how well.
    pub level: u8,
    /// Whether a certificate must be valid on the day.
    pub certificate: bool,
}

/// One technician.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Technician {
    /// What the technician can do.
    pub skills: Vec<Skill>,
    /// Where the technician belongs; empty means everywhere.
    pub territories: Vec<u16>,
    /// Learned paces: (kind of job, per mille of the expected duration). A kind that is not named takes 1,000.
    pub paces: Vec<(u16, u32)>,
}

/// A break that must be taken in a shift with work in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Break {
    /// From when until when it may start.
    pub window: Window,
    /// How long it is.
    pub seconds: Seconds,
}

/// One technician on one day: a route to be filled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shift {
    /// Who works.
    pub technician: TechnicianIx,
    /// Which day of the horizon (certificates are asked for it).
    pub day: i32,
    /// Begin of the shift, at the start place. Working time counts from here.
    pub start: Seconds,
    /// Regular end, at the end place.
    pub end: Seconds,
    /// How much later than `end` it may become, at the price of overtime.
    pub overtime_seconds: Seconds,
    /// Longest time from begin to end.
    pub work_seconds: Option<Seconds>,
    /// Where the technician starts.
    pub from: Place,
    /// Where the technician ends; none means after the last job.
    pub to: Option<Place>,
    /// At most two breaks, in order.
    pub breaks: Vec<Break>,
    /// Most jobs in the shift.
    pub max_jobs: Option<u32>,
    /// Longest time on the road.
    pub drive_seconds: Option<Seconds>,
    /// What the vehicle holds, in the unit of [`Job::load`].
    pub capacity: Option<i32>,
    /// Price of using the shift at all.
    pub cost: Cost,
    /// Nobody works here (absence, sickness): nothing may be planned. Pinned and started visits stay.
    pub closed: bool,
}

/// Parts to collect on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pickup {
    /// Where they lie.
    pub place: Place,
    /// How long collecting takes.
    pub seconds: Seconds,
    /// When they can be had; empty means always.
    pub windows: Vec<Window>,
    /// Who has them on the van already and needs no detour.
    pub on_van_of: Vec<TechnicianIx>,
}

/// What the present plan says and the customer was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// In which shifts (as many as the crew).
    pub shifts: Vec<ShiftIx>,
    /// From when.
    pub start: Seconds,
    /// The window that was announced, if any. Starting outside costs [`Weights::promise`].
    pub promised: Option<Window>,
    /// The customer confirmed the announced window: it is never broken ...
    pub confirmed: bool,
    /// ... unless the customer has agreed to be moved.
    pub consent: bool,
}

/// Whether a visit can be moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// Planned freely.
    #[default]
    Free,
    /// Stays in these shifts at this time (pinned by a dispatcher, or started).
    Pinned {
        /// In which shifts (as many as the crew).
        shifts: Vec<ShiftIx>,
        /// From when.
        start: Seconds,
    },
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Where.
    pub place: Place,
    /// Expected duration, before the technician's pace.
    pub seconds: Seconds,
    /// Kind of job, for the learned paces.
    pub kind: u16,
    /// When it may start: any of these; empty means any time.
    pub windows: Vec<Window>,
    /// Not before (parts arrive, the product is delivered).
    pub release: Option<Seconds>,
    /// Must have started by then, or lateness costs. Soft.
    pub due: Option<Seconds>,
    /// 0 (can wait) to 3 (urgent).
    pub priority: u8,
    /// Skills, levels, certificates.
    pub needs: Vec<Need>,
    /// How many technicians, 1 to 3, starting together.
    pub crew: u8,
    /// Whether it can be moved.
    pub lock: Lock,
    /// Parts to collect before, in the same shift.
    pub pickup: Option<Pickup>,
    /// Who knows the customer or is wished for.
    pub preferred: Vec<TechnicianIx>,
    /// Who must not go, and why in the caller's code.
    pub forbidden: Vec<(TechnicianIx, u16)>,
    /// Where it lies.
    pub territory: Option<u16>,
    /// What it takes in the vehicle.
    pub load: i32,
    /// Today's plan for it.
    pub present: Option<Present>,
}

impl Job {
    /// A plain job: one technician, any time, no skills.
    #[must_use]
    pub const fn new(place: Place, seconds: Seconds) -> Self {
        Self {
            place,
            seconds,
            kind: 0,
            windows: Vec::new(),
            release: None,
            due: None,
            priority: 1,
            needs: Vec::new(),
            crew: 1,
            lock: Lock::Free,
            pickup: None,
            preferred: Vec::new(),
            forbidden: Vec::new(),
            territory: None,
            load: 0,
            present: None,
        }
    }

    /// Whether the customer's confirmed window binds.
    #[must_use]
    pub fn confirmed(&self) -> Option<Window> {
        self.present
            .as_ref()
            .filter(|present| present.confirmed && !present.consent)
            .and_then(|present| present.promised)
    }

    /// Whether it must stay where it is.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        matches!(self.lock, Lock::Pinned { .. })
    }
}

impl Shift {
    /// A plain shift from and to one place.
    #[must_use]
    pub const fn new(technician: TechnicianIx, day: i32, start: Seconds, end: Seconds, home: Place) -> Self {
        Self {
            technician,
            day,
            start,
            end,
            overtime_seconds: 0,
            work_seconds: None,
            from: home,
            to: Some(home),
            breaks: Vec::new(),
            max_jobs: None,
            drive_seconds: None,
            capacity: None,
            cost: 0,
            closed: false,
        }
    }

    /// The latest moment at which the shift may end.
    #[must_use]
    pub fn latest_end(&self) -> Seconds {
        let end = self.end.saturating_add(self.overtime_seconds);
        self.work_seconds.map_or(end, |work| end.min(self.start.saturating_add(work)))
    }
}

/// What things cost. One unit, no ranks: hard rules are never traded, wishes always are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// One second on the road.
    pub travel_second: Cost,
    /// One metre on the road.
    pub metre: Cost,
    /// One second of overtime.
    pub overtime_second: Cost,
    /// One minute after the due time, by priority.
    pub late_minute: [Cost; 4],
    /// A job that is not planned, by priority.
    pub unassigned: [Cost; 4],
    /// One level more than the job asks for: rare skills stay free.
    pub over_qualified_level: Cost,
    /// Not one of the wished-for technicians.
    pub not_preferred: Cost,
    /// Outside the technician's territories; none means never.
    pub outside_territory: Option<Cost>,
    /// Another technician or another day than in the present plan.
    pub moved: Cost,
    /// Outside the window that was announced (and not confirmed).
    pub promise: Cost,
    /// Fairness: the square of the busy hours of a shift, times this.
    pub busy_hour_squared: Cost,
}

impl Default for Weights {
    /// About 72 an hour and 0.60 a kilometre on the road, in thousandths.
    fn default() -> Self {
        Self {
            travel_second: 20,
            metre: 1,
            overtime_second: 15,
            late_minute: [100, 300, 1_000, 3_000],
            unassigned: [2_000_000, 4_000_000, 8_000_000, 16_000_000],
            over_qualified_level: 3_000,
            not_preferred: 10_000,
            outside_territory: Some(15_000),
            moved: 40_000,
            promise: 60_000,
            busy_hour_squared: 50,
        }
    }
}

/// Everything a plan is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The technicians.
    pub technicians: Vec<Technician>,
    /// Their days.
    pub shifts: Vec<Shift>,
    /// What is to be done.
    pub jobs: Vec<Job>,
    /// What things cost.
    pub weights: Weights,
}
