//! The figures of slots, insertion and repair at the size of a national day, through the RPCs: printed, never asserted. Small here;
//! `AFTERCARE_FULL=1` (`make bench-slots`) takes 5,000 jobs, 400 technicians and five days.

#![expect(clippy::print_stdout, reason = "a test that fails must say so, and one that measures must print")]

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use chrono::{DateTime, Duration, Utc};
use common::{
    convert::{Position, Window},
    id::Ids,
    record::Role,
    testing::{Backend, start},
};
use planner::{budget::Budget, search::plan as search_plan, state::PlanState, tables::Tables};
use proto::aftercare::dispatch::v1 as api;
use rstest::rstest;

use super::{
    problem::build,
    result::tell,
    snapshot::{Lane, Snapshot},
};
use crate::{
    domain::{
        ServicePointId, TechnicianId, WorkOrderId,
        plan::{Mode, Wish},
        service_point::{self, ServicePoint},
        technician::{self, Minutes, Shift, Skill, Technician},
        work_order::{Offer, RequestFacts, WorkOrder},
    },
    rpc::tests::world::{World, call},
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

fn person(dice: &mut Dice, ids: &Ids, number: usize, point: &ServicePointId) -> Technician {
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
        number: format!("SC-{number}"),
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

/// The world's service point, without a limit, for all places and kinds of work.
async fn wide_point(world: &World) -> ServicePoint {
    let ctx = &world.api.0;
    let call = world.bench.call(Role::Dispatcher);
    let tx = ctx.core.db.begin().await.unwrap();
    let id = <ServicePointId as common::id::Id>::parse(&world.point).unwrap();
    let mut point = store::service_point::load(&tx.everything(), &id).await.unwrap();
    assert_eq!(point.state, service_point::State::Active);
    if let Some(contract) = &mut point.contract {
        contract.capacity_per_day = 0;
    }
    let point = store::service_point::save(&tx, &call, common::record::Changed::new(point, "contract", "", "")).await;
    tx.commit().await.unwrap();
    point.unwrap()
}

/// A first plan of everything, in memory: where each job would stand.
async fn first_plan(world: &World, picture: &Snapshot, now: DateTime<Utc>) -> Vec<WorkOrder> {
    let ctx = &world.api.0;
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
    let built = build(ctx, picture, &wish, now).await.unwrap();
    let tables = Arc::new(Tables::new(built.problem.clone(), built.ways.clone()));
    println!("problem made in {} ms", began.elapsed().as_millis());
    let began = Instant::now();
    let state = search_plan(&tables, None, 1, 1, &Budget::iterations(1), &mut |_| {});
    println!("first plan in {} ms, {} left open", began.elapsed().as_millis(), state.unassigned().len());
    let before = PlanState::new(tables).plan().cost;
    let after = state.plan();
    let told = tell(ctx, picture, &built, &state, (&before, &after)).unwrap();
    assert_eq!(told.visits.len(), picture.orders.len(), "every job is placed or explained");
    assert!(told.visits.iter().all(|visit| visit.after.is_some() || !visit.refusals.is_empty()));
    let mut orders = Vec::new();
    for visit in &told.visits {
        use common::id::Id as _;
        let order = WorkOrder::clone(&picture.orders[&visit.work_order_id]);
        let Some(seat) = &visit.after else {
            orders.push(order);
            continue;
        };
        let offer = Offer {
            technician_id: TechnicianId::parse(&seat.technicians[0]).unwrap(),
            crew: Vec::new(),
            service_point_id: ServicePointId::parse(&seat.service_point_id).unwrap(),
            window: seat.window,
            planned: seat.planned,
            overridden: Vec::new(),
            override_reason: String::new(),
        };
        let mut assigned = order.assign(offer, &ctx.policy, now).unwrap().record;
        // Who named a window was told it, and must agree to another one.
        assigned.promised = assigned.request.windows.first().copied();
        orders.push(assigned);
    }
    orders
}

/// Writes everything into the database, as if it had grown there.
async fn write(world: &World, people: &[Technician], orders: &[WorkOrder]) {
    let call = world.bench.call(Role::Dispatcher);
    let tx = world.api.0.core.db.begin().await.unwrap();
    for person in people {
        store::technician::insert(&tx, &call, Technician { version: 0, ..person.clone() }).await.unwrap();
    }
    for order in orders {
        store::work_order::insert(&tx, &call, WorkOrder { version: 0, ..order.clone() }).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn slots_insertion_and_repair_at_scale(#[case] backend: Backend) {
    // The picture is as old as in operation.
    let world = World::configured(backend, &[("age = \"0s\"", "age = \"200ms\"")]).await;
    let ctx = &world.api.0;
    let (technicians, jobs, questions) = sizes();
    let (ids, mut dice, now) = (Ids::seeded(7), Dice(7), start());
    println!("{backend:?}: {jobs} jobs x {technicians} technicians x 5 days");
    let point = wide_point(&world).await;
    let people: Vec<Technician> = (0..technicians).map(|number| person(&mut dice, &ids, number, &point.id)).collect();
    let mut picture = Snapshot { today: Some(now.date_naive()), seen: now, ..Snapshot::default() };
    for person in &people {
        let lane = Lane::new(person.clone(), now.date_naive()).unwrap();
        picture.lanes.insert(person.id.to_string(), Arc::new(lane));
    }
    picture.points.insert(point.id.to_string(), Arc::new(point));
    for number in 0..jobs {
        let order = job(&world, &mut dice, &ids, number, now);
        picture.orders.insert(order.id.to_string(), Arc::new(order));
    }
    let orders = first_plan(&world, &picture, now).await;
    drop(picture);
    write(&world, &people, &orders).await;
    let asked: Vec<WorkOrder> = (0..questions).map(|number| job(&world, &mut dice, &ids, jobs + number, now)).collect();
    let urgent: Vec<WorkOrder> = (0..questions)
        .map(|number| {
            let mut order = job(&world, &mut dice, &ids, jobs + questions + number, now);
            order.request.urgency = "urgent".to_owned();
            order.request.windows = vec![Window { start: now, end: now + Duration::hours(6) }];
            order
        })
        .collect();
    write(&world, &[], &asked).await;
    write(&world, &[], &urgent).await;
    drop(orders);
    // All this did not happen just now.
    world.bench.core.clock.advance(Duration::minutes(1));

    let base = resident();
    let began = Instant::now();
    let picture = ctx.pictures.fresh(&ctx.core).await.unwrap();
    let (took, more) = (began.elapsed().as_millis(), resident().saturating_sub(base));
    println!("picture of {} orders read in {took} ms, {more} MB more resident", picture.orders.len());
    assert_eq!((picture.orders.len(), picture.lanes.len()), (jobs + 2 * questions, technicians));
    let began = Instant::now();
    Snapshot::clone(&picture).index();
    println!("picture indexed anew in {} us", began.elapsed().as_micros());
    drop(picture);

    let (mut took, mut offered) = (Vec::new(), 0);
    for order in &asked {
        let list = api::ListSlotsRequest { work_order_id: order.id.to_string(), page_size: 100, ..Default::default() };
        let began = Instant::now();
        let found = call!(world, Agent, list_slots, list).unwrap();
        took.push(began.elapsed().as_micros());
        offered += found.slots.len();
    }
    println!("{} windows offered a question", offered / questions.max(1));
    print("ListSlots, five days", took);

    let (mut took, mut placed) = (Vec::new(), 0);
    for order in &urgent {
        let suggest = api::SuggestAssignmentRequest { work_order_id: order.id.to_string(), ..Default::default() };
        let began = Instant::now();
        let found = call!(world, Dispatcher, suggest_assignment, suggest).unwrap();
        took.push(began.elapsed().as_micros());
        placed += usize::from(!found.placements.is_empty());
        assert!(!found.placements.is_empty() || !found.refusals.is_empty(), "a place or the reasons");
    }
    print(&format!("insertion of an urgent job within six hours ({placed} of {questions} have a place)"), took);

    // Somebody is ill today.
    let ill = people[0].id.to_string();
    let absence = api::AddAbsenceRequest {
        technician_id: ill.clone(),
        window: Some(Window { start: now, end: now + Duration::hours(14) }.message()),
        reason: "sick".to_owned(),
        ..Default::default()
    };
    call!(world, Dispatcher, add_absence, absence).unwrap();
    let repair = api::RepairPlanRequest { technician_ids: vec![ill.clone()], days: 5, ..Default::default() };
    let began = Instant::now();
    let mended = call!(world, Dispatcher, repair_plan, repair).unwrap();
    println!("RepairPlan in {} ms: {} customers moved", began.elapsed().as_millis(), mended.customers_moved);
    let id = common::id::Id::parse(&mended.plan_id).unwrap();
    let everything = store::plan::Filter::default();
    let told = store::plan::visits(&ctx.core.db.everything(), &id, everything, 0, 1_000_000).await.unwrap();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut noticed, mut others) = (0, 0);
    for (_, visit) in &told {
        *kinds.entry(visit.kind.name()).or_default() += 1;
        let his = visit.before.as_ref().is_some_and(|seat| seat.technicians.contains(&ill));
        noticed += usize::from(visit.kind.moves_customer());
        others += usize::from(visit.kind.moves_customer() && !his);
    }
    println!("{kinds:?}; {others} customers of others moved");
    // Another start within the window is nothing to a customer.
    assert!(noticed * 50 <= told.len(), "not one in fifty customers notices anything: {kinds:?}");
}
