//! The figures of the memory side at the size of a national day: printed, never asserted. Small here;
//! `AFTERCARE_FULL=1` (`make bench-slots`) takes 5,000 jobs, 400 technicians and five days.

#![expect(clippy::print_stdout, reason = "a test that fails must say so, and one that measures must print")]

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use chrono::{DateTime, Duration, Utc};
use common::{
    convert::{Position, Window},
    id::Ids,
    testing::{Backend, start},
};
use planner::{
    budget::Budget,
    repair::{Disturbance, repair},
    search::plan as search_plan,
    state::PlanState,
    tables::Tables,
};

use super::{
    placing::{Question, search},
    problem::build,
    result::tell,
    snapshot::{Lane, Snapshot},
};
use crate::{
    domain::{
        ServicePointId, TechnicianId, WorkOrderId,
        plan::{Mode, Wish},
        service_point::{self, ServicePoint},
        technician::{self, Absence, Minutes, Shift, Skill, Technician},
        work_order::{Offer, RequestFacts, WorkOrder},
    },
    rpc::tests::world::World,
    store,
};

const SKILLS: [&str; 5] = ["lighting", "appliance", "cabinet", "curtain", "electronics"];

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn place(&mut self) -> Position {
        let step = |dice: &mut Self| f64::from(u32::try_from(dice.below(4000)).unwrap()) / 10_000.0;
        Position { latitude: 31.0 + step(self), longitude: 121.2 + step(self) }
    }
}

fn sizes() -> (usize, usize, usize) {
    if std::env::var_os("AFTERCARE_FULL").is_some() { (400, 5_000, 500) } else { (20, 150, 20) }
}

fn person(dice: &mut Dice, ids: &Ids, point: &ServicePointId) -> Technician {
    let shift = |weekday| Shift {
        weekday,
        time: Minutes { start: 8 * 60, end: 20 * 60 },
        breaks: vec![Minutes { start: 12 * 60, end: 12 * 60 + 30 }],
    };
    let first = dice.below(5);
    let skill = |index: u64| Skill { code: SKILLS[usize::try_from(index % 5).unwrap()].to_owned(), level: 4 };
    Technician {
        id: ids.make::<TechnicianId>(start()),
        version: 1,
        number: "T-1".to_owned(),
        created_at: start(),
        updated_at: start(),
        org_unit_id: "ou_1".to_owned(),
        service_point_id: point.clone(),
        name: "Li Wei".to_owned(),
        phone: String::new(),
        state: technician::State::Active,
        skills: vec![skill(first), skill(first + 1)],
        certificates: Vec::new(),
        home: Some(dice.place()),
        shifts: (1..=7).map(shift).collect(),
        absences: Vec::new(),
        languages: Vec::new(),
        daily_job_limit: 8,
        time_zone: "Asia/Shanghai".to_owned(),
        photo: None,
        overtime_minutes: 60,
        driving_limit_minutes: 0,
        territories: Vec::new(),
        position_consent: false,
    }
}

fn job(world: &World, dice: &mut Dice, ids: &Ids, number: usize, now: DateTime<Utc>) -> WorkOrder {
    let skill = SKILLS[usize::try_from(dice.below(5)).unwrap()];
    let mut needs = world.api.0.jobs.needs("maintenance", "").unwrap();
    needs.skills = vec![Skill { code: skill.to_owned(), level: 2 }];
    needs.minutes = 30 + 15 * i32::try_from(dice.below(4)).unwrap();
    let day = now + Duration::days(i64::try_from(dice.below(5)).unwrap());
    let morning = day + Duration::hours(i64::try_from(dice.below(4)).unwrap() * 2);
    let windows = if dice.below(3) == 0 {
        vec![Window { start: morning, end: morning + Duration::hours(4) }]
    } else {
        Vec::new()
    };
    let request = RequestFacts {
        id: format!("sr_{number}"),
        number: format!("SR-{number}"),
        customer_id: format!("cu_{number}"),
        kind: "maintenance".to_owned(),
        urgency: "normal".to_owned(),
        category_code: String::new(),
        fault_code: String::new(),
        charge_kind: "in_warranty".to_owned(),
        language: String::new(),
        org_unit_id: "ou_1".to_owned(),
        division_code: String::new(),
        position: Some(dice.place()),
        windows,
        contact_due_at: None,
        on_site_due_at: None,
        resolution_due_at: Some(now + Duration::days(5)),
    };
    WorkOrder::create(ids.make::<WorkOrderId>(now), format!("WO-{number}"), request, 1, needs, Vec::new(), now)
}

/// Resident memory, in megabytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096 / 1_000_000
}

fn print(what: &str, mut took: Vec<u128>) {
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!("{what}: p50 {} us, p99 {} us, n {}", at(50), at(99), took.len());
}

#[tokio::test]
async fn slots_insertion_and_repair_at_scale() {
    let world = World::new(Backend::Sqlite).await;
    let ctx = &world.api.0;
    let (technicians, jobs, questions) = sizes();
    let (ids, mut dice, now) = (Ids::seeded(7), Dice(7), start());
    let point: ServicePoint = {
        use common::{id::Id as _, store::Table as _};
        use sea_orm::EntityTrait as _;
        let id = ServicePointId::parse(&world.point).unwrap();
        let row = store::service_point::entity::Entity::find_by_id(id.to_string());
        let row = row.one(ctx.core.db.read()).await.unwrap().unwrap();
        let mut point = store::service_point::entity::Entity::record(row).unwrap();
        if let Some(contract) = &mut point.contract {
            contract.capacity_per_day = 0;
        }
        assert_eq!(point.state, service_point::State::Active);
        point
    };
    let base = resident();
    let mut picture = Snapshot { today: Some(now.date_naive()), seen: now, ..Snapshot::default() };
    for _ in 0..technicians {
        let person = person(&mut dice, &ids, &point.id);
        picture.lanes.insert(person.id.to_string(), Arc::new(Lane::new(person, now.date_naive()).unwrap()));
    }
    picture.points.insert(point.id.to_string(), Arc::new(point));
    for number in 0..jobs {
        let order = job(&world, &mut dice, &ids, number, now);
        picture.orders.insert(order.id.to_string(), Arc::new(order));
    }
    picture.index();

    let wish = Wish {
        org_unit_id: String::new(),
        service_point_id: String::new(),
        first_day: now.date_naive(),
        days: 5,
        mode: Mode::Whole,
        seconds: 1,
        seed: 1,
        max_iterations: 1,
        weights: ctx.config.plan.weights.clone(),
        technicians: Vec::new(),
        work_orders: Vec::new(),
    };
    let began = Instant::now();
    let built = build(ctx, &picture, &wish, now).await.unwrap();
    let tables = Arc::new(Tables::new(built.problem.clone(), built.ways.clone()));
    println!("problem of {jobs} jobs x {technicians} technicians x 5 days made in {} ms", began.elapsed().as_millis());
    let began = Instant::now();
    let state = search_plan(&tables, None, 1, 1, &Budget::iterations(1), &mut |_| {});
    println!("first plan in {} ms, {} left open", began.elapsed().as_millis(), state.unassigned().len());
    let before = PlanState::new(tables.clone()).plan().cost;
    let after = state.plan();
    let told = tell(ctx, &picture, &built, &state, (&before, &after)).unwrap();
    assert_eq!(told.visits.len(), jobs, "every job is placed or explained");
    assert!(told.visits.iter().all(|visit| visit.after.is_some() || !visit.refusals.is_empty()));
    for visit in &told.visits {
        let Some(seat) = &visit.after else { continue };
        use common::id::Id as _;
        let order = WorkOrder::clone(&picture.orders[&visit.work_order_id]);
        let offer = Offer {
            technician_id: TechnicianId::parse(&seat.technicians[0]).unwrap(),
            crew: Vec::new(),
            service_point_id: ServicePointId::parse(&seat.service_point_id).unwrap(),
            window: seat.window,
            planned: seat.planned,
            overridden: Vec::new(),
            override_reason: String::new(),
        };
        let assigned = order.assign(offer, &ctx.policy, now).unwrap().record;
        picture.orders.insert(visit.work_order_id.clone(), Arc::new(assigned));
    }
    let began = Instant::now();
    picture.index();
    println!(
        "picture indexed in {} us, {} MB more resident than without",
        began.elapsed().as_micros(),
        resident().saturating_sub(base)
    );

    let windows = super::horizon(ctx, now, None, 5).unwrap();
    let travel = ctx.ways.rules();
    let (mut took, mut offered) = (Vec::new(), 0);
    for number in 0..questions {
        let order = job(&world, &mut dice, &ids, jobs + number, now);
        let question = Question {
            order: &order,
            windows: &windows,
            not_before: now,
            weights: &wish.weights,
            now,
            without_hold: "",
            reach: &common::reach::Reach::All,
        };
        let began = Instant::now();
        let found = search(&picture, &travel, &question).unwrap();
        took.push(began.elapsed().as_micros());
        offered += found.places.len();
    }
    println!("{} places a question", offered / questions.max(1));
    print("all windows of five days", took);

    // Somebody is ill today.
    let (ill, lane) = picture.lanes.iter().next().map(|(id, lane)| (id.clone(), lane.clone())).unwrap();
    let mut person = lane.technician.clone();
    person.absences.push(Absence {
        id: ids.make(now),
        window: Window { start: now, end: now + Duration::hours(14) },
        reason: "sick".to_owned(),
    });
    picture.lanes.insert(ill, Arc::new(Lane::new(person, now.date_naive()).unwrap()));
    let began = Instant::now();
    let wish = Wish { mode: Mode::Repair, ..wish };
    let built = build(ctx, &picture, &wish, now).await.unwrap();
    let tables = Arc::new(Tables::new(built.problem.clone(), built.ways.clone()));
    let present = PlanState::from_plan(tables, &built.present);
    let lost = present.unassigned().len();
    let repaired = repair(&present, &Disturbance::default(), 1, &Budget::iterations(500), &mut |_| {});
    let told = tell(ctx, &picture, &built, &repaired.state, (&present.plan().cost, &repaired.state.plan())).unwrap();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for visit in &told.visits {
        *kinds.entry(visit.kind.name()).or_default() += 1;
    }
    println!("repair of {lost} lost visits in {} ms: {kinds:?}", began.elapsed().as_millis());
    let kept = kinds.get("kept").copied().unwrap_or_default();
    assert!(kept * 10 > told.visits.len() * 9, "nine of ten customers notice nothing: {kinds:?}");
}
