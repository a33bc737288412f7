//! Overload, in one run on one machine: how many service requests a second can be taken in through the gateway, and what
//! is left of that when three and ten times as many arrive. Calls arrive at fixed times, whether earlier ones were answered
//! or not, and are counted from the instant at which they should have been sent. `make bench-overload`.

#![expect(clippy::print_stdout, reason = "the table is what this is run for")]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use common::testing::{Backend, TestDb, database};
use harness::{
    Faults, Person, Surface,
    client::Door,
    median,
    process::{Process, free_address},
    steps::{self, Household},
};
use proto::aftercare::{
    common::v1::Address,
    intake::v1::{
        Channel as Way, CreateServiceRequestRequest, ListServiceRequestsRequest, RequestKind, Urgency,
        intake_service_client::IntakeServiceClient,
    },
};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tokio::sync::mpsc;
use tonic::{Code, Request, Status, transport::Channel};

/// Connections of the generator; a real crowd has many more.
const CONNECTIONS: usize = 24;
/// Calls that wait for an answer at the most: beyond that the generator itself would be what is measured.
const OUTSTANDING: usize = 6_000;
/// Length of one load.
const LENGTH: Duration = Duration::from_secs(12);
/// How often everything is measured.
const ROUNDS: usize = 4;
/// Length of one load while the peak is looked for.
const LOOK: Duration = Duration::from_secs(8);
/// Longest time until what followed from a load is done.
const CAUGHT_UP: Duration = Duration::from_secs(120);
/// Hardly anybody calls twice about the same product: looking for duplicates would be what is measured.
const HOUSEHOLDS: usize = 60_000;
/// Of which so many are made at once.
const AT_ONCE: usize = 2_000;

/// What became of one call.
struct Told {
    kind: Kind,
    code: Code,
    took: Duration,
}

/// The mix: what is sent, in what share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Three of twenty are emergencies.
    Emergency,
    /// Fourteen of twenty are usual requests.
    Intake,
    /// Three of twenty are lists.
    List,
}

/// What one load found.
struct Found {
    offered: f64,
    /// Seconds until everything that followed was done.
    behind: f64,
    admitted_p99: Duration,
    admitted_p50: Duration,
    refused: usize,
    refused_p50: Duration,
    refused_p99: Duration,
    other: usize,
    /// Share of each kind that was answered.
    shares: BTreeMap<Kind, f64>,
    /// Calls of each kind answered in a second, the time included that was needed to catch up.
    rates: BTreeMap<Kind, f64>,
    /// Seconds in each second for which the services' processor was busy.
    busy: f64,
    memory: u64,
}

impl Found {
    /// Everything answered, in a second.
    fn answered(&self) -> f64 {
        self.rates.values().sum()
    }

    /// Service requests taken in, in a second.
    fn goodput(&self) -> f64 {
        self.answered() - self.rates.get(&Kind::List).copied().unwrap_or_default()
    }
}

struct Stage {
    gateway: Process,
    _intake: Process,
    clients: Vec<IntakeServiceClient<Channel>>,
    households: Vec<(String, String)>,
    /// Intake's, and the gateway's.
    dbs: [TestDb; 2],
    _folder: tempfile::TempDir,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> anyhow::Result<()> {
    let stage = Arc::new(stage().await?);
    apart(&stage)?;
    let mut serial = 0;
    load(&stage, 100.0, LOOK, None, &mut serial).await?;
    // Where the peak lies: the most that is answered in a second, whatever arrives. Twice, for the machine may be slow just then.
    let mut peak_at = 0.0_f64;
    let (mut most, mut guess) = (0.0_f64, 0.0_f64);
    println!("    offered /s   taken in /s   answered /s   p50 ms   p99 ms   refused   p99 ms   behind s");
    for _ in 0..2 {
        let mut rate = 280.0;
        while rate < 4.0 * most.max(100.0) {
            let found = load(&stage, rate, LOOK, None, &mut serial).await?;
            row(&found);
            if found.goodput() > most {
                (most, peak_at) = (found.goodput(), rate);
            }
            guess = guess.max(found.answered());
            rate *= 1.4;
        }
    }
    println!("\n  a first guess: {guess:.0} calls can be answered in a second");
    // A machine that others use too is half as quick from one minute to the next: each load counts beside the peaks before and
    // after it, and the medians of these comparisons count.
    let mut rounds = Vec::new();
    let mut costs: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut loads = Vec::new();
        for rate in [peak_at, 3.0 * guess, peak_at, 10.0 * guess, peak_at] {
            loads.push(load(&stage, rate, LENGTH, None, &mut serial).await?);
            row(&loads[loads.len() - 1]);
        }
        rounds.push(loads);
        for kind in [Kind::Emergency, Kind::Intake, Kind::List] {
            let found = load(&stage, guess / 2.0, LENGTH, Some(kind), &mut serial).await?;
            row(&found);
            costs.entry(kind).or_default().push(found.busy * 1e3 / found.answered());
        }
    }
    // What a call of each kind costs, in milliseconds of the services' processor, when half as many come as can be answered.
    let costs: BTreeMap<Kind, f64> = costs.into_iter().map(|(kind, costs)| (kind, median(costs))).collect();
    println!("\n  cost of a call, ms of the services' processor: {costs:.2?}");
    let work = |found: &Found| found.rates.iter().map(|(kind, rate)| rate * costs[kind]).sum::<f64>();
    let peaks: Vec<f64> =
        rounds.iter().flat_map(|loads| [&loads[0], &loads[2], &loads[4]]).map(Found::goodput).collect();
    let peak = median(peaks);
    println!(
        "  peak P    {peak:.0} service requests a second, where {peak_at:.0} calls come: the median of {}",
        3 * ROUNDS
    );
    // An emergency costs more than a usual request, and a list less; the more calls come, the more of those that are let in
    // are emergencies. So the work done counts, each call as the processor time that its kind takes.
    for (times, place) in [(3.0, 1), (10.0, 3)] {
        let beside = |of: &dyn Fn(&Found) -> f64| {
            let ratio = |loads: &Vec<Found>| of(&loads[place]) * 2.0 / (of(&loads[place - 1]) + of(&loads[place + 1]));
            median(rounds.iter().map(ratio).collect())
        };
        let middle = |pick: &dyn Fn(&Found) -> f64| median(rounds.iter().map(|loads| pick(&loads[place])).collect());
        let ms = |pick: fn(&Found) -> Duration| middle(&|found| pick(found).as_secs_f64() * 1e3);
        println!(
            "  at {times:>4.0} P ({:>6.0} /s came)  work {:.2} P, requests {:.2} P, calls of all kinds {:.2} P   processor busy {:.2}   admitted p50 {:.1} p99 {:.1} ms   refused p50 {:.1} p99 {:.1} ms   other failures {}   RSS {} MiB",
            middle(&|found| found.offered),
            beside(&work),
            beside(&Found::goodput),
            beside(&Found::answered),
            middle(&|found| found.busy),
            ms(|found| found.admitted_p50),
            ms(|found| found.admitted_p99),
            ms(|found| found.refused_p50),
            ms(|found| found.refused_p99),
            rounds.iter().map(|loads| loads[place].other).sum::<usize>(),
            rounds.iter().map(|loads| loads[place].memory >> 20).max().unwrap_or(0)
        );
        for kind in [Kind::Emergency, Kind::Intake, Kind::List] {
            let share = middle(&|found| found.shares.get(&kind).copied().unwrap_or(0.0));
            println!("       {kind:?} answered {:.0} %", share * 100.0);
        }
    }
    let calm = load(&stage, peak * 0.8, LENGTH, None, &mut serial).await?;
    println!("  at 0.8 P                  p50 {:.1?}  p99 {:.1?}", calm.admitted_p50, calm.admitted_p99);
    Ok(())
}

/// Intake, PostgreSQL and Redis keep the processor on which all was started, so that they can do as much at ten times the
/// peak as at one: the gateway and this generator, which stands for machines of other people, go to the next one.
fn apart(stage: &Stage) -> anyhow::Result<()> {
    if std::thread::available_parallelism()?.get() > 1 {
        println!("  not started on one processor: the crowd takes its share of what the platform runs on");
        return Ok(());
    }
    for process in [stage.gateway.id().context("the gateway is gone")?, std::process::id()] {
        let moved = std::process::Command::new("taskset").args(["-acp", "1", &process.to_string()]).output()?;
        ensure!(moved.status.success(), "taskset: {}", String::from_utf8_lossy(&moved.stderr));
    }
    Ok(())
}

/// Seconds for which the services' processor was busy since the machine started; all processors where they are not apart.
fn busy() -> anyhow::Result<f64> {
    let name = if std::thread::available_parallelism()?.get() > 1 { "cpu " } else { "cpu0 " };
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().find_map(|line| line.strip_prefix(name)).context("no processor in /proc/stat")?;
    let ticks: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    // User, nice, system, (idle, waiting,) interrupts, soft interrupts; a tick is 10 ms.
    Ok(ticks
        .iter()
        .take(7)
        .enumerate()
        .filter(|(column, _)| ![3, 4].contains(column))
        .map(|(_, ticks)| ticks / 100.0)
        .sum())
}

fn row(found: &Found) {
    println!(
        "  {:>10.0}    {:>10.0}    {:>10.0}   {:>6.1}   {:>6.1}   {:>7}   {:>6.1}   {:>8.1}",
        found.offered,
        found.goodput(),
        found.answered(),
        found.admitted_p50.as_secs_f64() * 1e3,
        found.admitted_p99.as_secs_f64() * 1e3,
        found.refused,
        found.refused_p99.as_secs_f64() * 1e3,
        found.behind
    );
}

/// Sends so many calls a second for so long, open loop.
async fn load(
    stage: &Arc<Stage>,
    rate: f64,
    length: Duration,
    only: Option<Kind>,
    serial: &mut u64,
) -> anyhow::Result<Found> {
    let (told, mut hear) = mpsc::unbounded_channel();
    let (begun, busy) = (Instant::now(), busy()?);
    let places = Arc::new(tokio::sync::Semaphore::new(OUTSTANDING));
    let mut sent = 0_u64;
    let mut unsent = 0_u64;
    while begun.elapsed() < length {
        let due = (begun.elapsed().as_secs_f64() * rate) as u64;
        while sent < due {
            let intended = begun + Duration::from_secs_f64(sent as f64 / rate);
            sent += 1;
            *serial += 1;
            let Ok(place) = places.clone().try_acquire_owned() else {
                unsent += 1;
                continue;
            };
            let (stage, told, number) = (stage.clone(), told.clone(), *serial);
            tokio::spawn(async move {
                let (kind, answer) = stage.call(number, only).await;
                let code = answer.err().map_or(Code::Ok, |status| status.code());
                let _ = told.send(Told { kind, code, took: intended.elapsed() });
                drop(place);
            });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(told);
    let within = begun.elapsed().as_secs_f64();
    let (mut well, mut refused, mut other) = (Vec::new(), Vec::new(), 0);
    let mut by_kind: BTreeMap<Kind, (usize, usize)> = BTreeMap::new();
    while let Some(told) = hear.recv().await {
        let (answered, all) = by_kind.entry(told.kind).or_default();
        *all += 1;
        match told.code {
            Code::Ok => {
                *answered += 1;
                well.push(told.took);
            }
            Code::ResourceExhausted => refused.push(told.took),
            _ => other += 1,
        }
    }
    // What was taken in is done when all that follows from it is: a peak on credit would be none.
    stage.rest().await?;
    let done = begun.elapsed().as_secs_f64();
    if unsent > 0 {
        println!("  ({unsent} calls were not sent: the generator had {OUTSTANDING} under way)");
    }
    let at = |of: &mut Vec<Duration>, share: f64| {
        of.sort_unstable();
        of.get(((of.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or_default()
    };
    ensure!(!well.is_empty(), "nothing was answered at {rate}/s");
    Ok(Found {
        behind: done - within,
        offered: sent as f64 / within,
        admitted_p50: at(&mut well, 0.5),
        admitted_p99: at(&mut well, 0.99),
        refused: refused.len(),
        refused_p50: at(&mut refused, 0.5),
        refused_p99: at(&mut refused, 0.99),
        other,
        busy: (self::busy()? - busy) / done,
        rates: by_kind.iter().map(|(kind, (well, _))| (*kind, *well as f64 / done)).collect(),
        shares: by_kind.into_iter().map(|(kind, (well, all))| (kind, well as f64 / all as f64)).collect(),
        memory: stage.gateway.memory()?,
    })
}

impl Stage {
    /// Waits until everything that followed from the calls so far is done: no load pays for the one before it.
    async fn rest(&self) -> anyhow::Result<()> {
        let counted = async |db: &TestDb, sql: &str| -> anyhow::Result<i64> {
            let row = db.db.read().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
            row.context("no figure")?.try_get_by_index(0).context("no figure")
        };
        let begun = Instant::now();
        let [intake, gateway] = &self.dbs;
        loop {
            // Every event of intake becomes one change, and one entry of the trail.
            let told = counted(intake, "SELECT count(*) FROM outbox").await?;
            let heard = counted(gateway, "SELECT last FROM change_counter WHERE id = 1").await?;
            let unsealed = counted(gateway, "SELECT count(*) FROM audit_pending").await?;
            if heard >= told && unsealed == 0 {
                return Ok(());
            }
            ensure!(begun.elapsed() < CAUGHT_UP, "{told} events, {heard} heard, {unsealed} not in the trail");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn call(&self, number: u64, only: Option<Kind>) -> (Kind, Result<(), Status>) {
        let mut client = self.clients[number as usize % self.clients.len()].clone();
        let kind = only.unwrap_or(match number % 20 {
            0..3 => Kind::List,
            3..6 => Kind::Emergency,
            _ => Kind::Intake,
        });
        let signed = |request: &mut tonic::metadata::MetadataMap| {
            for (name, value) in [
                ("x-aftercare-user", "us_bench"),
                ("x-aftercare-role", "agent"),
                ("x-aftercare-org-unit", "head-office"),
            ] {
                request.insert(name, tonic::metadata::MetadataValue::from_static(value));
            }
        };
        let answer = if kind == Kind::List {
            let mut request = Request::new(ListServiceRequestsRequest { page_size: 5, ..Default::default() });
            signed(request.metadata_mut());
            client.list_service_requests(request).await.map(drop)
        } else {
            let (customer_id, product_id) = self.households[number as usize % self.households.len()].clone();
            let address = Address {
                city: "上海市".to_owned(),
                district: "徐汇区".to_owned(),
                division_code: "310104".to_owned(),
                line: format!("漕溪北路 {number} 号"),
                ..Default::default()
            };
            let urgency = if kind == Kind::Emergency { Urgency::Emergency } else { Urgency::Normal };
            let mut request = Request::new(CreateServiceRequestRequest {
                request_id: format!("overload-{number}"),
                customer_id,
                product_id,
                kind: RequestKind::Repair.into(),
                channel: Way::Hotline.into(),
                urgency: urgency.into(),
                fault_code: "WM01".to_owned(),
                description: "洗衣机不排水".to_owned(),
                contact_phone: format!("+86139{:08}", number % 100_000_000),
                address: Some(address),
                ..Default::default()
            });
            signed(request.metadata_mut());
            client.create_service_request(request).await.map(drop)
        };
        (kind, answer)
    }
}

async fn stage() -> anyhow::Result<Stage> {
    let redis =
        std::env::var("AFTERCARE_TEST_REDIS").context("AFTERCARE_TEST_REDIS names no server: `make bench-overload`")?;
    let folder = tempfile::tempdir()?;
    let dbs = [database(Backend::Postgres).await, database(Backend::Postgres).await];
    let (intake, gateway) = (free_address()?, free_address()?);
    let prefix = folder.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let config = |name: &str, db: &TestDb, text: String| -> anyhow::Result<Process> {
        let admin = free_address()?;
        let file = folder.path().join(format!("{name}.toml"));
        let shared = format!(
            "[telemetry]\nlog_filter = \"warn\"\n[bus]\nkind = \"redis\"\nurl = \"{redis}\"\nprefix = \"{prefix}\"\n[database]\nurl = \"{}\"\nmax_connections = 16\n",
            db.url
        );
        std::fs::write(&file, format!("admin = \"{admin}\"\n{text}{shared}"))?;
        Ok(Process::new(name, &file, admin))
    };
    let mut first = config("intake", &dbs[0], format!("listen = \"{intake}\"\n"))?;
    // The crowd is one person at one address here.
    let open = "calls = 0, within = \"1s\", burst = 1";
    let rates = format!("[rates]\nperson = {{ {open} }}\naddress = {{ {open} }}\n");
    let mut second = config(
        "gateway",
        &dbs[1],
        format!(
            "listen = \"{gateway}\"\n[sign_in]\ndevelopment_headers = true\n[peers]\nintake = \"http://{intake}\"\n{rates}"
        ),
    )?;
    for process in [&mut first, &mut second] {
        process.run("migrate")?;
        process.start()?;
        process.ready().await?;
    }
    let address = format!("http://{gateway}");
    let agent = Person::new(Door::new(&address)?, "agent", "us_bench", Surface::Rest, Faults::None);
    let households = households(&dbs[0], &steps::household(&agent, 60).await).await?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(IntakeServiceClient::new(Channel::from_shared(address.clone())?.connect().await?));
    }
    Ok(Stage { gateway: second, _intake: first, clients, households, dbs, _folder: folder })
}

/// As many households like the first, copied in the database: through the door they would take minutes.
async fn households(intake: &TestDb, first: &Household) -> anyhow::Result<Vec<(String, String)>> {
    // An id ends in digits of a base that holds all hexadecimal ones.
    let like = |id: &str, number: usize| format!("{}{number:08x}", &id[..id.len() - 8]);
    let row = "regexp_replace(to_jsonb(first)::text, '({ids})[0-9a-z]{8}', '\\1' || lpad(to_hex(number), 8, '0'), 'g')";
    let stems = [&first.customer_id, &first.product_id].map(|id| id[..id.len() - 8].to_owned()).join("|");
    let row = row.replace("{ids}", &stems);
    for (table, id, row) in [
        ("customer", &first.customer_id, row.clone()),
        ("product", &first.product_id, format!("regexp_replace({row}, 'WM[0-9]{{16}}', 'WM' || number, 'g')")),
    ] {
        // No statement may take long.
        for begin in (0..HOUSEHOLDS).step_by(AT_ONCE) {
            let copy = format!(
                "INSERT INTO {table} SELECT (jsonb_populate_record(null::{table}, ({row})::jsonb)).* \
                 FROM {table} first, generate_series({begin}, {}) number WHERE first.id = '{id}'",
                begin + AT_ONCE - 1
            );
            intake.db.write().execute_unprepared(&copy).await?;
        }
    }
    Ok((0..HOUSEHOLDS).map(|number| (like(&first.customer_id, number), like(&first.product_id, number))).collect())
}
