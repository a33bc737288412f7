//! Believable demo data: the same company, customers and three months of cases for the same seed, made through the
//! services' own RPCs on a clock that is moved by hand.

pub mod accounts;
pub mod cases;
pub mod company;
mod complaints;
pub mod doors;
pub mod goods;
pub mod households;
pub mod people;
mod planning;
mod surveys;

use std::time::Duration as Pause;

use chrono::{DateTime, Duration, Utc};
use common::{clock::Clock, outbox, run::Host, service::Core};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use self::{
    cases::{Case, Reach},
    doors::Doorkeeper,
    households::Household,
};

/// How much of everything there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Households.
    pub households: u32,
    /// Days of past cases.
    pub days: u32,
    /// Cases a day.
    pub cases_a_day: u32,
}

/// What `make run` shows: 2,000 households, three months.
pub const FULL: Size = Size { households: households::HOUSEHOLDS, days: 90, cases_a_day: 6 };

/// Seed of everything that is drawn.
const SEED: u64 = 20_260_101;

/// The instant at which the demo's history begins: so many days before `today`, at eight in the morning in Shanghai.
#[must_use]
pub fn beginning(today: DateTime<Utc>, size: Size) -> DateTime<Utc> {
    let midnight = today.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    midnight - Duration::days(i64::from(size.days))
}

/// Lives through the demo's history in a started process whose clock is `clock`. `tell` hears how far it is.
///
/// # Errors
///
/// When a service refuses: the demo data is then at odds with the rules.
pub async fn build(
    keeper: &Doorkeeper,
    cores: &[Core],
    clock: &Clock,
    size: Size,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<()> {
    let mut rng = StdRng::seed_from_u64(SEED);
    let districts = people::districts()?;
    tell("warehouses, service points, technicians");
    company::build(keeper, &mut rng, &districts).await?;
    tell("customers and their products");
    let households = households::build(keeper, &mut rng, &districts, clock.now(), size.households).await?;
    settle(cores).await?;
    let mut serial = 0;
    for day in 0..size.days {
        if day % 10 == 0 {
            tell(&format!("day {} of {}", day + 1, size.days));
        }
        let morning = clock.now();
        let last = day + 1 == size.days;
        // The last day is today: cases in every state, for people to try.
        let reaches: &[Reach] = if last { &[Reach::Called, Reach::Assigned, Reach::Assigned] } else { &[Reach::Done] };
        let count = if last { size.cases_a_day * 3 } else { size.cases_a_day };
        let cases = calls(keeper, &mut rng, &households, &mut serial, morning, count, reaches).await?;
        settle(cores).await?;
        clock.advance(Duration::minutes(5));
        if last {
            planning::morning(keeper).await?;
            settle(cores).await?;
            for case in &cases {
                case.confirm(keeper).await?;
            }
            // What comes in after the plan waits for a dispatcher.
            let late = size.cases_a_day;
            calls(keeper, &mut rng, &households, &mut serial, morning, late, &[Reach::Released]).await?;
        } else {
            let mut assigned = Vec::new();
            for case in &cases {
                if case.assign(keeper).await? {
                    assigned.push(case);
                }
            }
            settle(cores).await?;
            clock.advance(Duration::hours(3));
            settle(cores).await?;
            for case in assigned {
                case.visit(keeper, clock, Duration::minutes(rng.random_range(25..70))).await?;
            }
            settle(cores).await?;
            surveys::answer(keeper, &mut rng).await?;
            complaints::deal(keeper).await?;
            clock.set(morning + Duration::days(1));
        }
        settle(cores).await?;
    }
    Ok(())
}

async fn calls(
    keeper: &Doorkeeper,
    rng: &mut StdRng,
    households: &[Household],
    serial: &mut u32,
    now: DateTime<Utc>,
    count: u32,
    reaches: &[Reach],
) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for reach in reaches.iter().copied().cycle().take(count as usize) {
        let household = households[rng.random_range(0..households.len())].clone();
        *serial += 1;
        cases.extend(cases::call(keeper, *serial, household, now, reach).await?);
    }
    Ok(cases)
}

/// Waits until every event has been handled and every due timer has fired.
///
/// # Errors
///
/// When that takes longer than a minute.
async fn settle(cores: &[Core]) -> anyhow::Result<()> {
    // Two looks in a row without work: an event may be on its way between the first looks at two services.
    let mut quiet = 0;
    for _ in 0..12_000 {
        let mut busy = false;
        for core in cores {
            core.wake();
            busy |= outbox::backlog(&core.db).await?.0 > 0 || common::timer::overdue(core).await?;
        }
        quiet = if busy { 0 } else { quiet + 1 };
        if quiet == 2 {
            return Ok(());
        }
        tokio::time::sleep(Pause::from_millis(5)).await;
    }
    anyhow::bail!("the services do not come to rest")
}

/// The way into the services of a host that is about to start.
///
/// # Errors
///
/// When the identity key is too short.
pub fn doorkeeper(host: &Host) -> anyhow::Result<Doorkeeper> {
    let identity = common::auth::Identity::of(&host.settings().identity)?;
    let routes = host.routes().into_iter().map(|(name, routes)| (name.to_owned(), routes)).collect();
    Ok(Doorkeeper { identity, routes })
}
