//! Reads what the eligibility rules need to know, and asks them.

use std::collections::BTreeMap;

use chrono::{Duration, NaiveDate, NaiveDateTime};
use common::{
    convert::Window,
    db::Tx,
    error::{Error, Result},
    reach::Scoped,
    service::Call,
};

use super::{
    guard,
    work_order::{self, Around, Booked},
};
use crate::{
    Context,
    convert::zone,
    domain::{
        TechnicianId,
        eligibility::{Job, Person, Refusal, Rule, Suitability, Visit, refusals, suitability},
        service_point::ServicePoint,
        technician::Technician,
        travel::Travel,
        work_order::{Offer, WorkOrder},
    },
    error::reason,
};

/// Jobs this far before and after are looked at: a local day with a clock change, and no way takes longer.
const AROUND: Duration = Duration::hours(26);

/// One technician as the rules see one at the planned time.
#[derive(Debug)]
pub(crate) struct Facts {
    technician: Technician,
    point: ServicePoint,
    local_start: NaiveDateTime,
    local_end: NaiveDateTime,
    point_day: NaiveDate,
    visits: Vec<Visit>,
    jobs_that_day: i32,
    point_jobs_that_day: i32,
}

/// What the rules say of one technician.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The technician.
    pub(crate) technician: Technician,
    /// Every rule in the way.
    pub(crate) refusals: Vec<Refusal>,
    /// How well the technician suits.
    pub(crate) suitability: Suitability,
    /// Jobs on that day.
    pub(crate) jobs_that_day: i32,
}

/// The jobs that may matter to a visit planned then.
pub(crate) async fn around(on: &impl Scoped, planned: &Window, around: Around<'_>) -> Result<Vec<Booked>> {
    let span = Window { start: planned.start - AROUND, end: planned.end + AROUND };
    work_order::booked(on, &span, around).await
}

impl Facts {
    /// Picks what concerns one technician out of the jobs around the planned time.
    pub(crate) fn of(technician: Technician, point: ServicePoint, planned: &Window, booked: &[Booked]) -> Result<Self> {
        let local_start = zone::local(&technician.time_zone, planned.start)?;
        let point_day = zone::local(&point.time_zone, planned.start)?.date();
        let own = zone::day(&technician.time_zone, local_start.date())?;
        let points = zone::day(&point.time_zone, point_day)?;
        let mut facts = Self {
            local_start,
            local_end: zone::local(&technician.time_zone, planned.end)?,
            point_day,
            visits: Vec::new(),
            jobs_that_day: 0,
            point_jobs_that_day: 0,
            technician,
            point,
        };
        for job in booked {
            let on = |(from, until)| i32::from(from <= job.planned_start && job.planned_start < until);
            if job.technician_id == facts.technician.id.as_str() {
                facts.visits.extend(job.visit());
                facts.jobs_that_day += on(own);
            }
            if job.service_point_id == facts.point.id.as_str() {
                facts.point_jobs_that_day += on(points);
            }
        }
        Ok(facts)
    }

    fn person(&self) -> Person<'_> {
        Person {
            technician: &self.technician,
            point: &self.point,
            local_start: self.local_start,
            local_end: self.local_end,
            point_day: self.point_day,
            visits: &self.visits,
            jobs_that_day: self.jobs_that_day,
            point_jobs_that_day: self.point_jobs_that_day,
        }
    }

    /// Asks the rules.
    pub(crate) fn judge(
        self,
        order: &WorkOrder,
        windows: &[Window],
        planned: Window,
        travel: &Travel,
        holders: &BTreeMap<&str, i32>,
    ) -> Verdict {
        let refused = order.refused_by();
        let job = Job {
            skills: &order.required_skills,
            certificates: &order.required_certificates,
            category_code: &order.request.category_code,
            division_code: &order.request.division_code,
            position: order.request.position,
            language: &order.request.language,
            windows,
            excluded: &order.excluded,
            preferred: &order.preferred,
            refused: &refused,
            short_skus: &order.parts.short_skus,
            planned,
        };
        let person = self.person();
        let found = refusals(&job, &person, travel);
        let suitability = suitability(&job, &person, holders);
        Verdict { refusals: found, suitability, jobs_that_day: self.jobs_that_day, technician: self.technician }
    }
}

/// What is asked for: who, when, in which window.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    /// The leading technician.
    pub(crate) technician_id: &'a str,
    /// The other technicians of the crew.
    pub(crate) crew: &'a [String],
    /// The window told to the customer.
    pub(crate) window: Window,
    /// The planned work.
    pub(crate) planned: Window,
    /// Windows that the customer accepts.
    pub(crate) windows: &'a [Window],
    /// A hold that is not in the way; empty when there is none.
    pub(crate) without_hold: &'a str,
    /// Soft rules to override.
    pub(crate) overrides: Vec<Rule>,
    /// Why.
    pub(crate) override_reason: String,
}

/// Makes an offer of a wish, or says every rule that stands in the way. Holds the days of everybody who goes until the
/// end of the transaction: this, and not any picture in memory, is what gives capacity away.
///
/// # Errors
///
/// `TECHNICIAN_NOT_ELIGIBLE`, `OVERRIDE_WITHOUT_REASON`, `NOT_FOUND`, `INVALID_FIELDS` for a crew of another size.
pub(crate) async fn offer(ctx: &Context, call: &Call, tx: &Tx, order: &WorkOrder, wish: Wish<'_>) -> Result<Offer> {
    if !wish.overrides.is_empty() && wish.override_reason.is_empty() {
        return Err(Error::new(reason::OVERRIDE_WITHOUT_REASON).field("override_reason", "required"));
    }
    let ids = people(order, &wish)?;
    let mut people = Vec::with_capacity(ids.len());
    for id in &ids {
        let technician = super::technician::load(tx, id).await?;
        let point = super::service_point::load(tx, &technician.service_point_id).await?;
        people.push((technician, point));
    }
    guard::hold(tx, &people, &wish.planned).await?;
    let travel = ctx.ways.rules();
    let service_point_id = people.first().map(|(technician, _)| technician.service_point_id.clone());
    let mut overridden = Vec::new();
    for (technician, point) in people {
        let (id, of) = (technician.id.clone(), point.id.clone());
        let asked = Around {
            without: &order.id,
            without_hold: wish.without_hold,
            now: call.now,
            of: Some((id.as_str(), of.as_str())),
        };
        let booked = around(tx, &wish.planned, asked).await?;
        let facts = Facts::of(technician, point, &wish.planned, &booked)?;
        let verdict = facts.judge(order, wish.windows, wish.planned, &travel, &BTreeMap::new());
        let overridable = |refusal: &Refusal| refusal.rule.soft() && wish.overrides.contains(&refusal.rule);
        let (soft, refused): (Vec<_>, Vec<_>) = verdict.refusals.into_iter().partition(overridable);
        if !refused.is_empty() {
            return Err(not_eligible(&id, &refused));
        }
        overridden.extend(soft);
    }
    let mut ids = ids.into_iter();
    let technician_id = ids.next().ok_or_else(|| Error::invalid("technician_id", "required"))?;
    let service_point_id = service_point_id.ok_or_else(|| Error::invalid("technician_id", "required"))?;
    Ok(Offer {
        technician_id,
        crew: ids.collect(),
        service_point_id,
        window: wish.window,
        planned: wish.planned,
        overridden,
        override_reason: wish.override_reason,
    })
}

/// Everybody who is to go, nobody twice, as many as the job takes.
fn people(order: &WorkOrder, wish: &Wish<'_>) -> Result<Vec<TechnicianId>> {
    use common::id::Id as _;
    let mut ids = vec![TechnicianId::parse(wish.technician_id)?];
    for other in wish.crew {
        let other = TechnicianId::parse(other)?;
        if ids.contains(&other) {
            return Err(Error::invalid("crew_technician_ids", "unique"));
        }
        ids.push(other);
    }
    if i32::try_from(ids.len()) != Ok(order.crew_size) {
        return Err(Error::invalid("crew_technician_ids", "crew_size"));
    }
    Ok(ids)
}

fn not_eligible(id: &TechnicianId, refused: &[Refusal]) -> Error {
    let mut codes: Vec<_> = refused.iter().map(|refusal| refusal.rule.code()).collect();
    codes.dedup();
    let told = refused.iter().map(|refusal| {
        format!("{} {} needed={} found={}", refusal.rule.code(), refusal.subject, refusal.needed, refusal.found)
    });
    Error::new(reason::TECHNICIAN_NOT_ELIGIBLE)
        .with("technician", id)
        .with("rules", codes.join(", "))
        .with("refusals", told.collect::<Vec<_>>().join("; "))
        .with("overridable", if refused.iter().all(|refusal| refusal.rule.soft()) { "true" } else { "false" })
}
