//! The plumbing on both databases, through the smallest service there can be: one record that is opened and closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::Duration;
use common::{
    Error, Result,
    error::{Reason, reason},
    journal,
    migration::{self, Schema},
    reach::{Owned, Owner, Reach},
    record::{Changed, Record, Role},
    rpc,
    service::{Call, Core, Definition, Service},
    store::{self, Table, set},
    testing::{Backend, Bench, bench},
    timer::{self, Timer},
};
use proto::aftercare::common::v1::{ListTimelineRequest, RecordEvent, RepublishRequest};
use rstest::rstest;
use sea_orm::{Condition, ConnectionTrait as _, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde::{Deserialize, Serialize};

mod thing {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "thing")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub name: String,
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    id: String,
    version: i64,
    name: String,
    open: bool,
}

impl Record for Thing {
    const KIND: &'static str = "thing";

    fn id(&self) -> &str {
        &self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        if self.open { "open" } else { "closed" }
    }

    fn subject_id(&self) -> Option<&str> {
        Some("cu_1")
    }
}

impl Thing {
    fn close(self) -> Result<Changed<Self>> {
        if !self.open {
            return Err(Error::illegal(Self::KIND, "close", self.state(), &[]));
        }
        Ok(Changed::new(Self { open: false, ..self }, "close", "open", "done"))
    }
}

impl Owned for thing::Entity {
    fn within(reach: &Reach) -> Condition {
        Owner::unit(thing::Column::Name).within(reach)
    }
}

impl Table for thing::Entity {
    type Record = Thing;
    const ID: thing::Column = thing::Column::Id;
    const VERSION: thing::Column = thing::Column::Version;

    fn row(record: &Thing) -> Result<thing::ActiveModel> {
        Ok(thing::ActiveModel {
            id: set(record.id.clone()),
            version: set(record.version),
            name: set(record.name.clone()),
            body: set(store::body(record)?),
        })
    }

    fn record(row: thing::Model) -> Result<Thing> {
        store::from_body(row.body)
    }
}

mod migrations {
    use sea_orm_migration::{prelude::*, schema::*};

    #[derive(DeriveMigrationName)]
    pub struct Things;

    #[async_trait::async_trait]
    impl MigrationTrait for Things {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            let table = Table::create()
                .table("thing")
                .col(text("id").primary_key())
                .col(big_integer("version"))
                .col(text("name"))
                .col(json_binary("body"))
                .to_owned();
            manager.create_table(table).await
        }
    }
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = migration::plumbing();
        all.push(Box::new(migrations::Things));
        all
    }
}

static FIRED: AtomicUsize = AtomicUsize::new(0);

async fn on_timer(core: &Core, call: &Call, tx: &common::db::Tx, timer: &Timer) -> Result<()> {
    if timer.subject == "failing" && timer.tries == 0 {
        return Err(Error::new(reason::UNAVAILABLE));
    }
    let id = format!("fired-{}", timer.subject);
    let thing = Thing { id, version: 0, name: core.service.to_owned(), open: true };
    store::insert::<thing::Entity, _>(tx, call, thing, "create", "", &RecordEvent::default()).await?;
    FIRED.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

struct Things;

impl Definition for Things {
    const NAME: &'static str = "things";
    const DEFAULTS: &'static str = "";
    const MESSAGES: (&'static str, &'static str) = ("", "");
    const REASONS: &'static [Reason] = &[];
    type Config = toml::Table;
    type Migrator = Migrator;

    fn build(_config: Self::Config, core: Core) -> anyhow::Result<Service> {
        Ok(Service {
            routes: tonic::service::Routes::default(),
            subscriptions: Vec::new(),
            timers: vec![("ring", common::handler!(core, on_timer))],
            workers: Vec::new(),
            core,
        })
    }
}

async fn things(backend: Backend) -> Bench {
    bench::<Things>(backend, "").await
}

async fn create(bench: &Bench, id: &str, name: &str) -> Result<Thing> {
    let call = bench.call(Role::Agent);
    let tx = bench.core.db.begin().await?;
    let thing = Thing { id: id.to_owned(), version: 0, name: name.to_owned(), open: true };
    let thing = store::insert::<thing::Entity, _>(&tx, &call, thing, "create", "", &RecordEvent::default()).await?;
    tx.commit().await?;
    Ok(thing)
}

async fn close(bench: &Bench, thing: Thing) -> Result<Thing> {
    let call = bench.call(Role::Agent);
    let tx = bench.core.db.begin().await?;
    let thing = store::save::<thing::Entity, _>(&tx, &call, thing.close()?, &RecordEvent::default()).await?;
    tx.commit().await?;
    Ok(thing)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_change_is_guarded_and_leaves_history_and_event(#[case] backend: Backend) {
    let bench = things(backend).await;
    let loaded = create(&bench, "a", "first").await.unwrap();
    assert_eq!(loaded.version, 1);
    let closed = close(&bench, loaded.clone()).await.unwrap();
    assert_eq!((closed.version, closed.open), (2, false));

    // Whoever loaded it before loses, and nothing of the losing change is left.
    assert_eq!(close(&bench, loaded).await.unwrap_err().reason, reason::CONFLICT);
    let call = bench.call(Role::Agent);
    assert_eq!(call.check_etag("1", &closed).unwrap_err().reason, reason::STALE_ETAG);
    call.check_etag("2", &closed).unwrap();

    let timeline = |record_id: &str, customer_id: &str| ListTimelineRequest {
        record_id: record_id.to_owned(),
        customer_id: customer_id.to_owned(),
        ..Default::default()
    };
    let history = journal::timeline(&bench.core, &call, timeline("a", ""), []).await.unwrap().entries;
    let told: Vec<_> = history
        .iter()
        .map(|entry| (&*entry.action, &*entry.from_state, &*entry.to_state, entry.record_version))
        .collect();
    assert_eq!(told, [("create", "", "open", 1), ("close", "open", "closed", 2)]);
    assert_eq!(history[1].reason, "done");
    assert_eq!(history[1].actor.as_ref().unwrap().role, "agent");
    assert_eq!(journal::timeline(&bench.core, &call, timeline("", "cu_1"), []).await.unwrap().entries.len(), 2);
    assert!(journal::timeline(&bench.core, &call, timeline("a", "cu_1"), []).await.is_err());

    let events = bench.events().await.unwrap();
    let versions: Vec<_> = events.iter().map(|event| (&*event.aggregate_id, event.aggregate_version)).collect();
    assert_eq!(versions, [("a", 1), ("a", 2)]);
    assert!(events.iter().all(|event| event.service == "things" && event.r#type == "aftercare.common.v1.RecordEvent"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn pages_hold_every_row_once_in_both_directions(#[case] backend: Backend) {
    let bench = things(backend).await;
    for row in 0..25 {
        // Many equal keys: the id must break the ties.
        create(&bench, &format!("{row:02}"), &format!("name-{}", row / 10)).await.unwrap();
    }
    for (order, first, last) in [("", "00", "24"), ("name desc", "24", "00")] {
        let mut seen = Vec::new();
        let mut request = proto::aftercare::complaint::v1::ListComplaintsRequest {
            page_size: 7,
            order_by: order.to_owned(),
            ..Default::default()
        };
        loop {
            use sea_orm::EntityTrait as _;
            let orders = [("name", thing::Column::Name)];
            let (page, next) =
                store::list(&bench.core.db.everything(), thing::Entity::find(), &orders, &request).await.unwrap();
            seen.extend(page.into_iter().map(|thing| thing.id));
            if next.is_empty() {
                break;
            }
            request.page_token = next;
        }
        assert_eq!(seen.len(), 25);
        assert_eq!((&*seen[0], &*seen[24]), (first, last));
        // A token of these filters is worth nothing for others.
        let other = proto::aftercare::complaint::v1::ListComplaintsRequest {
            order_by: "name".to_owned(),
            customer_id: "cu_x".to_owned(),
            ..request
        };
        use sea_orm::EntityTrait as _;
        let orders = [("name", thing::Column::Name)];
        let refused =
            store::list(&bench.core.db.everything(), thing::Entity::find(), &orders, &other).await.unwrap_err();
        assert_eq!(refused.reason, reason::INVALID_PAGE_TOKEN);
        let unknown = proto::aftercare::complaint::v1::ListComplaintsRequest {
            order_by: "body".to_owned(),
            ..Default::default()
        };
        let refused =
            store::list(&bench.core.db.everything(), thing::Entity::find(), &orders, &unknown).await.unwrap_err();
        assert_eq!(refused.reason, reason::INVALID_ORDER);
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn human_numbers_are_never_given_twice(#[case] backend: Backend) {
    let bench = things(backend).await;
    // A second process on the same database.
    let other = common::number::Numbers::new(bench.core.db.clone());
    let now = bench.core.clock.now();
    let mut given = std::collections::HashSet::new();
    let mut tasks = Vec::new();
    for numbers in [bench.core.numbers.clone(), other] {
        for _ in 0..4 {
            let numbers = numbers.clone();
            tasks.push(tokio::spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..25 {
                    mine.push(numbers.next("WO", now).await.unwrap());
                }
                mine
            }));
        }
    }
    for task in tasks {
        for number in task.await.unwrap() {
            assert!(number.starts_with("WO-2026-"), "{number}");
            assert!(given.insert(number.clone()), "{number} was given twice");
        }
    }
    assert_eq!(given.len(), 200);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_fires_once_with_many_replicas_and_again_after_a_failure(#[case] backend: Backend) {
    let bench = things(backend).await;
    let now = bench.core.clock.now();
    let tx = bench.core.db.begin().await.unwrap();
    for subject in ["a", "b", "c", "cancelled", "failing"] {
        timer::schedule(&tx, "ring", subject, now + Duration::minutes(1)).await.unwrap();
    }
    timer::schedule(&tx, "ring", "c", now + Duration::hours(2)).await.unwrap();
    timer::cancel(&tx, "ring", "cancelled").await.unwrap();
    tx.commit().await.unwrap();

    bench.core.clock.advance(Duration::minutes(2));
    let handlers: Arc<std::collections::HashMap<_, _>> = Arc::new(bench.service.timers.iter().cloned().collect());
    let replicas: Vec<_> = (0..4)
        .map(|_| {
            let (core, handlers) = (bench.core.clone(), handlers.clone());
            tokio::spawn(async move { timer::fire_due(&core, &handlers).await.unwrap() })
        })
        .collect();
    for replica in replicas {
        replica.await.unwrap();
    }
    let fired = |id: &'static str| {
        let db = bench.core.db.clone();
        async move { store::find::<thing::Entity>(&db.everything(), id).await.unwrap().is_some() }
    };
    assert!(fired("fired-a").await && fired("fired-b").await);
    assert!(!fired("fired-c").await && !fired("fired-cancelled").await && !fired("fired-failing").await);

    // The failed one comes again; the moved one at its new time; nothing is left behind.
    bench.advance(Duration::hours(3)).await.unwrap();
    assert!(fired("fired-failing").await && fired("fired-c").await);
    assert_eq!(timer::due(bench.core.db.read(), "ring", "c").await.unwrap(), None);
    assert!(FIRED.load(Ordering::SeqCst) >= 4);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_schema_says_what_is_pending_and_what_is_newer(#[case] backend: Backend) {
    struct Older;
    impl MigratorTrait for Older {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            migration::plumbing()
        }
    }
    let database = common::testing::database(backend).await;
    assert!(
        matches!(migration::schema::<Migrator>(&database.db).await.unwrap(), Schema::Pending(all) if all.len() > 4)
    );
    migration::migrate::<Older>(&database.db).await.unwrap();
    assert!(
        matches!(migration::schema::<Migrator>(&database.db).await.unwrap(), Schema::Pending(one) if one.len() == 1)
    );
    migration::migrate::<Migrator>(&database.db).await.unwrap();
    assert_eq!(migration::schema::<Migrator>(&database.db).await.unwrap(), Schema::Current);
    assert!(matches!(migration::schema::<Older>(&database.db).await.unwrap(), Schema::Newer(one) if one.len() == 1));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_has_one_effect_and_one_answer(#[case] backend: Backend) {
    use proto::aftercare::complaint::v1::{AcknowledgeComplaintRequest, Complaint};
    let bench = things(backend).await;
    let asked = |id: &str, body: &str| AcknowledgeComplaintRequest {
        request_id: id.to_owned(),
        complaint_id: body.to_owned(),
        ..Default::default()
    };
    async fn act(core: &Core, call: &Call, request: &AcknowledgeComplaintRequest) -> Result<Complaint> {
        let work = core.begin(call, request).await?;
        let thing =
            Thing { id: format!("effect-{}", core.ids.uuid(call.now)), version: 0, name: "x".to_owned(), open: true };
        let thing =
            store::insert::<thing::Entity, _>(&work, call, thing, "create", "", &RecordEvent::default()).await?;
        work.commit(Complaint { complaint_id: thing.id, ..Default::default() }).await
    }
    async fn answer(
        core: &Core,
        call: &Call,
        request: &AcknowledgeComplaintRequest,
    ) -> std::result::Result<Complaint, tonic::Status> {
        let mut attempt = 0;
        loop {
            match rpc::leave(core, call, attempt, act(core, call, request).await).await {
                rpc::Outcome::Done(answer) => return answer.map(tonic::Response::into_inner),
                rpc::Outcome::Again(pause) => tokio::time::sleep(pause).await,
            }
            attempt += 1;
        }
    }

    // Sixteen copies of one request at once.
    let copies: Vec<_> = (0..16)
        .map(|_| {
            let (core, call, request) = (bench.core.clone(), bench.call(Role::Agent), asked("r1", "cp_1"));
            tokio::spawn(async move { answer(&core, &call, &request).await.unwrap().complaint_id })
        })
        .collect();
    let mut answers = std::collections::HashSet::new();
    for copy in copies {
        answers.insert(copy.await.unwrap());
    }
    assert_eq!(answers.len(), 1, "one effect, one answer");
    assert_eq!(bench.events().await.unwrap().len(), 1);

    let call = bench.call(Role::Agent);
    let reused = answer(&bench.core, &call, &asked("r1", "cp_2")).await.unwrap_err();
    assert_eq!(reused.code(), tonic::Code::AlreadyExists);
    // Another person's request id is another request.
    let other = bench.call_by("somebody-else", Role::Agent, "ou_head");
    assert!(!answers.contains(&answer(&bench.core, &other, &asked("r1", "cp_2")).await.unwrap().complaint_id));
    assert_eq!(bench.events().await.unwrap().len(), 2);
}

#[test]
fn requests_are_checked_against_the_contract() {
    let refused = rpc::validate(&RepublishRequest { aggregate_id: String::new(), from_version: 0 }).unwrap_err();
    let fields: Vec<_> = refused.fields.iter().map(|field| (&*field.field, &*field.rule)).collect();
    assert_eq!(fields, [("aggregate_id", "string.min_len"), ("from_version", "number.gte")]);
    rpc::validate(&RepublishRequest { aggregate_id: "cp_1".to_owned(), from_version: 1 }).unwrap();
}

/// PostgreSQL would work on for ten seconds, and the connection be missed by others.
#[tokio::test]
async fn a_query_that_nobody_waits_for_ends() {
    const ASLEEP: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                          AND query = 'SELECT pg_sleep(60)'";
    let bench = things(Backend::Postgres).await;
    let db = &bench.core.db;
    let asleep = async || -> i64 {
        let row = db.read().query_one_raw(Statement::from_string(db.backend(), ASLEEP)).await.unwrap();
        row.unwrap().try_get_by_index(0).unwrap()
    };
    let until = async |wanted: i64| {
        // Within half of what the server would give the query.
        for _ in 0..250 {
            if asleep().await == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("{} queries are at work", asleep().await);
    };
    let read = async { db.read().execute_unprepared("SELECT pg_sleep(60)").await.map(drop) };
    let write = async {
        let tx = db.begin().await.unwrap();
        tx.execute_unprepared("SELECT pg_sleep(60)").await.map(drop)
    };
    // Dropped as the handler of a call whose caller has gone.
    tokio::select! {
        ended = async { tokio::join!(read, write) } => panic!("they ended: {ended:?}"),
        () = until(2) => {}
    }
    until(0).await;
    create(&bench, "th_after", "still there").await.unwrap();
}
