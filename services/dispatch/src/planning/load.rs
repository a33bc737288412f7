//! Keeps the picture up to date from the database: what changed since, a little overlap, and now and then all of it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration as Pause,
};

use chrono::{DateTime, Duration, Utc};
use common::{error::Result, service::Core, store::Table};
use sea_orm::{Condition, entity::prelude::*};
use tokio::{sync::Mutex, time::Instant};

use super::snapshot::{Lane, Snapshot};
use crate::{
    convert::zone,
    domain::{site::SiteRecord, technician::State as Working, work_order::WorkOrder},
    store::{position, service_point, slot_hold, technician, work_order},
};

/// A change may be told this much later than the instant it carries: a long transaction, and clocks that differ.
const OVERLAP: Duration = Duration::seconds(20);
/// A position carries the phone's instant and comes when the phone has a network again.
const POSITIONS_LATE: Duration = Duration::minutes(15);
/// Everything is read anew after this, so that nothing stays wrong for long.
const WHOLE_AFTER: Pause = Pause::from_secs(600);
/// Visits that ended before this are not looked at any more.
const KEPT: Duration = Duration::days(2);

/// The picture, and when it was looked after.
#[derive(Debug)]
pub(crate) struct Pictures {
    present: RwLock<Arc<Snapshot>>,
    care: Mutex<Option<Care>>,
    age: Pause,
    zone: String,
}

#[derive(Clone, Copy, Debug)]
struct Care {
    looked: Instant,
    whole: Instant,
    /// The same by the clock that changes carry: whatever is a little older has been seen. (The latest change seen would not do:
    /// after a plan of a day is applied, all of it would be read again and again until something else happens.)
    at: DateTime<Utc>,
}

impl Pictures {
    /// No picture yet; one is at the most `age` old when it is given out. `zone` is the clock by which a day begins.
    pub(crate) fn new(age: Pause, zone: &str) -> Self {
        Self { present: RwLock::default(), care: Mutex::default(), age, zone: zone.to_owned() }
    }

    /// A picture that is new enough.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the database does not answer.
    pub(crate) async fn fresh(&self, core: &Core) -> Result<Arc<Snapshot>> {
        let asked = Instant::now();
        let mut care = self.care.lock().await;
        // Who waited for somebody else's look has what that one saw.
        if care.is_some_and(|care| care.looked >= asked || care.looked.elapsed() < self.age) {
            return Ok(self.present());
        }
        let looked = Instant::now();
        let now = core.clock.now();
        let today = zone::local(&self.zone, now)?.date();
        let present = self.present();
        let whole = match *care {
            Some(care) => care.whole.elapsed() > WHOLE_AFTER || present.today != Some(today),
            None => true,
        };
        let before = care.map(|care| care.at - OVERLAP).filter(|_| !whole);
        let next = if whole {
            let mut next = Snapshot { today: Some(today), ..Snapshot::default() };
            update(&mut next, core, None, now).await?;
            Some(next)
        } else {
            let mut next = Snapshot::clone(&present);
            update(&mut next, core, before, now).await?.then_some(next)
        };
        if let Some(next) = next {
            *self.present.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        }
        let since = if whole { looked } else { care.map_or(looked, |care| care.whole) };
        *care = Some(Care { looked, whole: since, at: now });
        Ok(self.present())
    }

    fn present(&self) -> Arc<Snapshot> {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads what changed since an instant, or everything; says whether something is new.
async fn update(picture: &mut Snapshot, core: &Core, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<bool> {
    // A picture of everything; what of it somebody is shown is decided where it is shown.
    let db = &core.db.everything();
    let mut new = since.is_none();
    let mut seen = picture.seen;

    use technician::entity::{Column as T, Entity as Technicians};
    let mut select = Technicians::find();
    if let Some(since) = since {
        select = select.filter(T::UpdatedAt.gte(since));
    }
    for row in select.all(db).await? {
        seen = seen.max(row.updated_at);
        if picture.lanes.get(&row.id).is_some_and(|lane| lane.technician.version >= row.version) {
            continue;
        }
        new = true;
        let person = Technicians::record(row)?;
        if person.state == Working::Left {
            picture.lanes.remove(person.id.as_str());
        } else {
            let today = zone::local(&person.time_zone, now)?.date();
            picture.lanes.insert(person.id.to_string(), Arc::new(Lane::new(person, today)?));
        }
    }

    use service_point::entity::{Column as P, Entity as Points};
    let mut select = Points::find();
    if let Some(since) = since {
        select = select.filter(P::UpdatedAt.gte(since));
    }
    for row in select.all(db).await? {
        seen = seen.max(row.updated_at);
        if picture.points.get(&row.id).is_some_and(|point| point.version >= row.version) {
            continue;
        }
        new = true;
        let point = Points::record(row)?;
        picture.points.insert(point.id.to_string(), Arc::new(point));
    }

    use work_order::entity::{Column as W, Entity as Orders};
    let select = match since {
        Some(since) => Orders::find().filter(W::UpdatedAt.gte(since)),
        None => {
            let open = W::State.is_not_in(["completed", "failed", "cancelled", "verified"]);
            let recent = Condition::all().add(W::PlannedEnd.gte(now - KEPT)).add(W::State.ne("cancelled"));
            Orders::find().filter(Condition::any().add(open).add(recent))
        }
    };
    for row in select.all(db).await? {
        seen = seen.max(row.updated_at);
        if picture.orders.get(&row.id).is_some_and(|order| order.version >= row.version) {
            continue;
        }
        new = true;
        let order = slim(Orders::record(row)?);
        picture.orders.insert(order.id.to_string(), Arc::new(order));
    }

    use slot_hold::entity::{Column as H, Entity as Holds};
    let select = match since {
        Some(since) => Holds::find().filter(H::UpdatedAt.gte(since)),
        None => Holds::find().filter(H::State.is_in(slot_hold::OPEN)),
    };
    for row in select.all(db).await? {
        seen = seen.max(row.updated_at);
        if picture.holds.get(&row.id).is_some_and(|hold| hold.version >= row.version) {
            continue;
        }
        new = true;
        let hold = Holds::record(row)?;
        picture.holds.insert(hold.id.to_string(), Arc::new(hold));
    }

    for row in position::since(db, since.map_or(now - KEPT, |since| since - POSITIONS_LATE)).await? {
        let place = common::convert::Position { latitude: row.latitude, longitude: row.longitude };
        if picture.positions.insert(row.technician_id, (place, row.at)) != Some((place, row.at)) {
            new = true;
        }
    }
    if new {
        picture.seen = seen;
        picture.holds.retain(|_, hold| hold.holds(now));
        picture.index();
    }
    Ok(new)
}

/// Without what happened on site and who was called: a plan asks for none of it.
fn slim(mut order: WorkOrder) -> WorkOrder {
    order.record = SiteRecord::default();
    order.contacts = Vec::new();
    order.reschedules = Vec::new();
    order.escalations = Vec::new();
    order.checklist = Vec::new();
    order
}
