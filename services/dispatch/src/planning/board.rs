//! The dispatch board out of the picture: technicians and time.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use common::{
    convert::{Window, timestamp},
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::dispatch::v1 as api;

use super::{
    forecast,
    snapshot::{Entry, Lane, Snapshot, Taken},
};
use crate::{
    Context, convert,
    convert::zone,
    domain::{travel::Travel, work_order::WorkOrder},
};

/// Which part of the board is wanted.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The days, as instants of the configured zone.
    pub(crate) span: Window,
    /// Organisation unit; empty for all.
    pub(crate) org_unit_id: String,
    /// How far the caller sees.
    reach: common::reach::Reach,
    /// Service point; empty for all.
    pub(crate) service_point_id: String,
}

impl View {
    /// The view of a request.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` for a day that is none.
    pub(crate) fn new(
        ctx: &Context,
        call: &Call,
        (first_day, days): (&str, i32),
        (org_unit_id, service_point_id): (&str, &str),
    ) -> Result<Self> {
        let zone_name = &ctx.config.time_zone;
        let first = match convert::plan::day(first_day, "first_day")? {
            Some(day) => day,
            None => zone::local(zone_name, call.now)?.date(),
        };
        let days = u64::try_from(days.max(1)).unwrap_or(1);
        let last =
            first.checked_add_days(chrono::Days::new(days)).ok_or_else(|| Error::invalid("first_day", "date"))?;
        Ok(Self {
            span: Window { start: zone::at(zone_name, first, 0)?, end: zone::at(zone_name, last, 0)? },
            org_unit_id: org_unit_id.to_owned(),
            reach: call.reach.clone(),
            service_point_id: service_point_id.to_owned(),
        })
    }

    /// Whether the caller may know whom the time is taken for.
    fn sees(&self, entry: &Entry) -> bool {
        self.reach.sees_unit(match &entry.taken {
            Taken::Visit(order) => &order.request.org_unit_id,
            Taken::Hold(hold) => &hold.org_unit_id,
        })
    }

    fn shows(&self, lane: &Lane) -> bool {
        let of = &lane.technician;
        self.reach.sees_unit(&of.org_unit_id)
            && (self.org_unit_id.is_empty() || of.org_unit_id == self.org_unit_id)
            && (self.service_point_id.is_empty() || of.service_point_id.as_str() == self.service_point_id)
    }
}

/// The whole board.
pub(crate) fn draw(ctx: &Context, picture: &Snapshot, view: &View, now: DateTime<Utc>) -> Result<api::Board> {
    let travel = ctx.ways.rules();
    let mut lanes = Vec::new();
    for lane in picture.lanes.values().filter(|lane| view.shows(lane)) {
        lanes.push(draw_lane(ctx, picture, lane, view, now, &travel)?);
    }
    lanes.sort_by(|a, b| (&a.service_point_id, &a.technician_number).cmp(&(&b.service_point_id, &b.technician_number)));
    let mut unassigned: Vec<api::BoardItem> = Vec::new();
    if view.service_point_id.is_empty() {
        let open = picture.orders.values().filter(|order| {
            order.state.assignment().is_none()
                && !order.state.over()
                && view.reach.sees_unit(&order.request.org_unit_id)
                && (view.org_unit_id.is_empty() || order.request.org_unit_id == view.org_unit_id)
        });
        unassigned.extend(open.filter_map(|order| waiting(order, view)));
        unassigned.sort_by(|a, b| a.number.cmp(&b.number));
    }
    Ok(api::Board { version: version(picture), lanes, unassigned, removed_technician_ids: Vec::new(), whole: true })
}

/// Where a watcher resumes: the latest change seen.
pub(crate) fn version(picture: &Snapshot) -> String {
    picture.seen.timestamp_micros().to_string()
}

/// What changed on a board that somebody has: lanes that are new or different, people who are gone.
pub(crate) fn difference(before: &api::Board, after: &api::Board) -> Option<api::Board> {
    let known: BTreeMap<&str, &api::BoardLane> =
        before.lanes.iter().map(|lane| (lane.technician_id.as_str(), lane)).collect();
    let lanes: Vec<_> = after
        .lanes
        .iter()
        .filter(|lane| known.get(lane.technician_id.as_str()).is_none_or(|old| *old != *lane))
        .cloned()
        .collect();
    let removed: Vec<String> = before
        .lanes
        .iter()
        .filter(|old| !after.lanes.iter().any(|lane| lane.technician_id == old.technician_id))
        .map(|old| old.technician_id.clone())
        .collect();
    let nothing = lanes.is_empty() && removed.is_empty() && before.unassigned == after.unassigned;
    (!nothing).then(|| api::Board {
        version: after.version.clone(),
        lanes,
        unassigned: after.unassigned.clone(),
        removed_technician_ids: removed,
        whole: false,
    })
}

/// Lanes that something touched since a version: what a watcher missed who was away. `None` when the version is none of
/// ours, or too old to tell.
pub(crate) fn since(picture: &Snapshot, whole: api::Board, version: &str) -> Option<api::Board> {
    let seen = version.parse().ok().and_then(DateTime::<Utc>::from_timestamp_micros)?;
    // Changes may be told a little later than the instants they carry.
    let seen = seen - Duration::seconds(20);
    if picture.seen - seen > Duration::hours(1) {
        return None;
    }
    let touched = |lane: &api::BoardLane| {
        let id = lane.technician_id.as_str();
        let person = picture.lanes.get(id).is_some_and(|lane| lane.technician.updated_at >= seen);
        let place = picture.positions.get(id).is_some_and(|(_, at)| *at >= seen);
        // Whoever lost a visit shows it by the past offer.
        let lost = |order: &WorkOrder| {
            order.updated_at >= seen && order.past_offers.iter().any(|offer| offer.technician_id.as_str() == id)
        };
        let entries = picture.entries.get(id).into_iter().flatten().any(|entry| match &entry.taken {
            Taken::Visit(order) => order.updated_at >= seen,
            Taken::Hold(hold) => hold.updated_at >= seen,
        });
        person || place || entries || picture.orders.values().any(|order| lost(order))
    };
    let lanes = whole.lanes.into_iter().filter(touched).collect();
    Some(api::Board {
        lanes,
        whole: false,
        ..api::Board { version: whole.version, unassigned: whole.unassigned, ..api::Board::default() }
    })
}

fn waiting(order: &WorkOrder, view: &View) -> Option<api::BoardItem> {
    let window =
        order.promised.or_else(|| order.request.windows.iter().find(|window| window.overlaps(&view.span)).copied());
    let named = !order.request.windows.is_empty() || order.promised.is_some();
    if named && window.is_none_or(|window| !window.overlaps(&view.span)) {
        return None;
    }
    Some(api::BoardItem { window: window.map(|window| window.message()), ..item(order) })
}

fn item(order: &WorkOrder) -> api::BoardItem {
    api::BoardItem {
        kind: api::BoardItemKind::Visit.into(),
        work_order_id: order.id.to_string(),
        number: order.number.clone(),
        state: convert::work_order::message_state(&order.state).into(),
        confirmed: order.promised.is_some(),
        pinned: order.pinned,
        position: order.request.position.map(Into::into),
        ..api::BoardItem::default()
    }
}

fn plain(kind: api::BoardItemKind, time: &Window) -> api::BoardItem {
    api::BoardItem { kind: kind.into(), time: Some(time.message()), ..api::BoardItem::default() }
}

fn draw_lane(
    ctx: &Context,
    picture: &Snapshot,
    lane: &Lane,
    view: &View,
    now: DateTime<Utc>,
    travel: &Travel,
) -> Result<api::BoardLane> {
    let technician = &lane.technician;
    let id = technician.id.as_str();
    let mut items: Vec<(DateTime<Utc>, api::BoardItem)> = Vec::new();
    for span in lane.days.iter().flat_map(|day| &day.spans).filter(|span| span.work.overlaps(&view.span)) {
        items.push((span.work.start, plain(api::BoardItemKind::Shift, &span.work)));
        for pause in &span.breaks {
            items.push((pause.start, plain(api::BoardItemKind::Break, pause)));
        }
    }
    for absence in technician.absences.iter().filter(|absence| absence.window.overlaps(&view.span)) {
        let shown = api::BoardItem {
            reference_id: absence.id.to_string(),
            reason: absence.reason.clone(),
            ..plain(api::BoardItemKind::Absence, &absence.window)
        };
        items.push((absence.window.start, shown));
    }
    let arrivals = forecast::by_order(ctx, picture, id, now, travel);
    let (mut work, mut on_the_road, mut late) = (0, 0, 0);
    let mut before: Option<&Entry> = None;
    let entries = picture.entries.get(id).map(Vec::as_slice).unwrap_or_default();
    for entry in entries.iter().filter(|entry| entry.busy.planned.overlaps(&view.span) && entry.counts(now)) {
        let planned = &entry.busy.planned;
        let (from, depart) = match before.filter(|last| planned.start - last.busy.planned.end < Duration::hours(8)) {
            Some(last) => (last.busy.position, Some(last.busy.planned.end)),
            None => (technician.home, None),
        };
        if let (Some(from), Some(to)) = (from, entry.busy.position) {
            let leg = travel.leg(&from, &to, depart.unwrap_or(planned.start));
            let length = Duration::seconds(i64::from(leg.seconds));
            // The way to the first visit ends with its start; the others begin when the visit before is over.
            let start = depart.unwrap_or(planned.start - length);
            on_the_road += i32::try_from(length.num_minutes()).unwrap_or_default();
            let time = Window { start, end: start + length };
            let way = api::BoardItem {
                metres: leg.metres,
                estimated: leg.estimated,
                number: if view.sees(entry) { entry.busy.number.clone() } else { String::new() },
                ..plain(api::BoardItemKind::Travel, &time)
            };
            if leg.seconds > 0 {
                items.push((start, way));
            }
        }
        work += i32::try_from((planned.end - planned.start).num_minutes()).unwrap_or_default();
        let shown = match &entry.taken {
            // The time is taken; for whom is not told.
            Taken::Visit(_) | Taken::Hold(_) if !view.sees(entry) => plain(api::BoardItemKind::Visit, planned),
            Taken::Hold(hold) => api::BoardItem {
                reference_id: hold.id.to_string(),
                window: Some(hold.window.message()),
                ..plain(api::BoardItemKind::Hold, planned)
            },
            Taken::Visit(order) => {
                let window = order.state.assignment().map(|at| at.window);
                let arrival = arrivals.get(order.id.as_str()).copied();
                let is_late = arrival.zip(window).is_some_and(|(arrival, window)| arrival > window.end);
                late += i32::from(is_late);
                api::BoardItem {
                    time: Some(planned.message()),
                    window: window.map(|window| window.message()),
                    expected_arrival_at: arrival.map(timestamp),
                    late: is_late,
                    ..item(order)
                }
            }
        };
        items.push((planned.start, shown));
        before = Some(entry);
    }
    items.sort_by(|a, b| (a.0, a.1.kind, &a.1.number).cmp(&(b.0, b.1.kind, &b.1.number)));
    let kept = Duration::from_std(ctx.config.board.position_kept).map_err(Error::internal)?;
    let seen = picture.positions.get(id).filter(|(_, at)| technician.position_consent && now - *at <= kept);
    Ok(api::BoardLane {
        technician_id: id.to_owned(),
        technician_number: technician.number.clone(),
        service_point_id: technician.service_point_id.to_string(),
        org_unit_id: technician.org_unit_id.clone(),
        time_zone: technician.time_zone.clone(),
        items: items.into_iter().map(|(_, item)| item).collect(),
        position: seen.map(|(place, _)| (*place).into()),
        position_time: seen.map(|(_, at)| timestamp(*at)),
        work_minutes: work,
        travel_minutes: on_the_road,
        late_visits: late,
    })
}
