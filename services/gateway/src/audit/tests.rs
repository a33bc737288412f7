//! The trail on both databases: meddling shows, appenders do not wait for each other, old entries go.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use common::{
    record::{Actor, Role},
    testing::{Backend, Bench, bench},
};
use proto::aftercare::{
    common::v1::{
        Changes, Event, GetChangesRequest, ListHeardRequest, ListHeardResponse, ListVersionsRequest,
        ListVersionsResponse, RepublishRequest, RepublishResponse,
    },
    gateway::v1::{AuditChanges, AuditOutcome, GetAuditEntryRequest, ListAuditEntriesRequest},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rstest::rstest;
use sea_orm::{QueryOrder as _, entity::prelude::*};

use super::*;
use crate::{
    Gateway,
    domain::audit::{AuditEntryId, Fault},
    service::Context,
    store::audit::{anchor, entity, head},
};

const OVERRIDES: &str = "[audit]\nanchor_entries = 5000\nanchor_every = \"10s\"\nkept = \"30d\"\n";

async fn world(backend: Backend) -> (Bench, AuditConfig) {
    let bench = bench::<Gateway>(backend, OVERRIDES).await;
    let sources = common::config::Sources::new(&[crate::NAME]).text("overrides", OVERRIDES).unwrap();
    let config = sources.load::<crate::Config>(crate::NAME, crate::DEFAULTS).unwrap().service.audit;
    (bench, config)
}

fn somebody(number: usize) -> Actor {
    let mut actor = Actor::service(&format!("ag_{number}"));
    actor.role = Role::Agent;
    actor
}

/// Ids of events.
const EVENT: &str = "00000000000000000000000000000001";
const OTHER: &str = "00000000000000000000000000000002";

async fn add(core: &Core, count: usize) {
    for part in (0..count).collect::<Vec<_>>().chunks(500) {
        let now = core.clock.now();
        let entries = part.iter().map(|number| {
            let entry = Entry::new(&somebody(number % 50), "read", "customer", &format!("cu_{number}"))
                .customer(&format!("cu_{number}"))
                .seen_from("192.0.2.7")
                .trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
            (core.ids.uuid(now).simple().to_string(), now, entry)
        });
        let tx = core.db.begin().await.unwrap();
        store::append(&tx, entries).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn check(core: &Core, config: &AuditConfig, outside: &[(i64, Hash)]) -> check::Report {
    check::verify(&core.db, &config.seal(core), &outside.iter().copied().collect()).await.unwrap()
}

async fn run(core: &Core, sql: &str) {
    let changed = core.db.write().execute_unprepared(sql).await.unwrap();
    assert!(changed.rows_affected() > 0, "{sql}");
}

/// 100,000 entries (AFTERCARE_FULL=1: 1,000,000) and 1,000 acts of meddling: every one is found, where it was done, and
/// nothing else is accused.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn meddling_is_found_and_located(#[case] backend: Backend) {
    let (bench, config) = world(backend).await;
    let core = &bench.core;
    let full = std::env::var("AFTERCARE_FULL").is_ok_and(|value| value == "1");
    let count: usize = if full { 1_000_000 } else { 100_000 };
    add(core, count).await;
    assert_eq!(seal(core, &config).await.unwrap(), count as u64);
    let sound = check(core, &config, &[]).await;
    assert_eq!((sound.first, sound.last, sound.faults), (1, count as i64, Vec::new()));
    assert!(sound.anchors >= count / 5000, "{} anchors", sound.anchors);

    let mut random = StdRng::seed_from_u64(7);
    let anchors: BTreeSet<i64> =
        anchor::Entity::find().all(core.db.read()).await.unwrap().into_iter().map(|row| row.seq).collect();
    // Apart from each other, so that each is to be found for itself.
    let mut victims = BTreeSet::new();
    while victims.len() < 1000 {
        let seq = random.random_range(1..(count as i64 - 100) / 8) * 8;
        if !anchors.contains(&seq) && !anchors.contains(&(seq + 1)) {
            victims.insert(seq);
        }
    }
    let mut expected = BTreeSet::new();
    for (place, seq) in victims.iter().copied().enumerate() {
        match place % 5 {
            0 => {
                let column = ["actor_id", "reason", "outcome", "customer_id", "trace_id", "at"][place / 5 % 6];
                let value = if column == "at" { "'2020-01-01T00:00:00+00:00'" } else { "'meddled'" };
                run(core, &format!("UPDATE audit_entry SET {column} = {value} WHERE seq = {seq}")).await;
                expected.insert(Fault::Edited(seq));
            }
            1 => {
                // As 0, by somebody who knows how the hash is made.
                let row = entity::Entity::find_by_id(seq).one(core.db.read()).await.unwrap().unwrap();
                let mut sealed = store::sealed(row);
                sealed.entry.reason = "meddled".to_owned();
                let changed = entity::ActiveModel {
                    seq: sea_orm::ActiveValue::Unchanged(seq),
                    reason: sea_orm::ActiveValue::Set("meddled".to_owned()),
                    hash: sea_orm::ActiveValue::Set(sealed.computed().to_vec()),
                    ..Default::default()
                };
                changed.update(core.db.write()).await.unwrap();
                expected.insert(Fault::Replaced(seq));
            }
            2 => {
                run(core, &format!("DELETE FROM audit_entry WHERE seq = {seq}")).await;
                expected.insert(Fault::Missing(seq, seq));
            }
            3 => {
                let other = seq + 2;
                for (from, to) in [(seq, -1), (other, seq), (-1, other)] {
                    run(core, &format!("UPDATE audit_entry SET seq = {to} WHERE seq = {from}")).await;
                }
                expected.extend([Fault::Edited(seq), Fault::Edited(other)]);
            }
            _ => {
                run(core, &format!("DELETE FROM audit_entry WHERE seq IN ({seq}, {})", seq + 1)).await;
                expected.insert(Fault::Missing(seq, seq + 1));
            }
        }
    }
    run(core, &format!("DELETE FROM audit_entry WHERE seq > {}", count - 50)).await;
    expected.insert(Fault::Missing(count as i64 - 49, count as i64));
    let found: BTreeSet<Fault> = check(core, &config, &[]).await.faults.into_iter().collect();
    let missed: Vec<_> = expected.difference(&found).collect();
    let accused: Vec<_> = found.difference(&expected).collect();
    assert!(missed.is_empty() && accused.is_empty(), "missed {missed:?}, accused {accused:?}");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_trail_made_anew_or_cut_with_its_head_is_stopped_by_anchors(#[case] backend: Backend) {
    let (bench, config) = world(backend).await;
    let core = &bench.core;
    add(core, 300).await;
    core.clock.advance(Duration::seconds(11));
    seal(core, &config).await.unwrap();
    let old = head::Entity::find().one(core.db.read()).await.unwrap().unwrap();
    assert_eq!((old.seq, old.anchored_seq), (300, 300));
    add(core, 300).await;
    core.clock.advance(Duration::seconds(11));
    seal(core, &config).await.unwrap();
    let new = head::Entity::find().one(core.db.read()).await.unwrap().unwrap();
    assert_eq!((new.seq, new.anchored_seq), (600, 600));
    let kept_outside = [(600, store::hash(&new.hash))];
    assert_eq!(check(core, &config, &kept_outside).await.faults, []);

    // All of it made anew from 450 on, by somebody who knows the form and lacks the key.
    let rows = entity::Entity::find().order_by_asc(entity::Column::Seq).all(core.db.read()).await.unwrap();
    let mut previous = store::hash(&rows[448].hash);
    for row in rows.into_iter().skip(449) {
        let mut sealed = store::sealed(row);
        sealed.entry.customer_id = "cu_meddled".to_owned();
        sealed.previous = previous;
        previous = sealed.computed();
        let changed = entity::ActiveModel {
            seq: sea_orm::ActiveValue::Unchanged(sealed.seq),
            customer_id: sea_orm::ActiveValue::Set(sealed.entry.customer_id.clone()),
            previous: sea_orm::ActiveValue::Set(sealed.previous.to_vec()),
            hash: sea_orm::ActiveValue::Set(previous.to_vec()),
            ..Default::default()
        };
        changed.update(core.db.write()).await.unwrap();
    }
    let faults = check(core, &config, &[]).await.faults;
    assert!(faults.contains(&Fault::Rewritten(300, 600)), "{faults:?}");
    // Without the anchor too: the head is signed, and so is the anchor that it names.
    run(core, "DELETE FROM audit_anchor WHERE seq = 600").await;
    let faults = check(core, &config, &[]).await.faults;
    assert_eq!(faults, [Fault::Replaced(600), Fault::ForgedAnchor(600)]);

    // Cut back to an honest earlier state, head and anchors included: only a copy from outside tells.
    run(core, "DELETE FROM audit_entry WHERE seq > 300").await;
    let row = head::ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(1),
        seq: sea_orm::ActiveValue::Set(old.seq),
        hash: sea_orm::ActiveValue::Set(old.hash),
        anchored_seq: sea_orm::ActiveValue::Set(old.anchored_seq),
        mac: sea_orm::ActiveValue::Set(old.mac),
        ..Default::default()
    };
    row.update(core.db.write()).await.unwrap();
    assert_eq!(check(core, &config, &[]).await.faults, []);
    assert_eq!(check(core, &config, &kept_outside).await.faults, [Fault::Missing(301, 600)]);
    let text = format!("600:{}", check::hex(&kept_outside[0].1));
    let said = verify(core, &config, &[text]).await.unwrap_err().to_string();
    assert!(said.contains("entries 301 to 600 are missing"), "{said}");
    assert!(verify(core, &config, &[]).await.unwrap().contains("whole"));
    assert!(verify(core, &config, &["x".to_owned()]).await.is_err());

    run(core, "UPDATE audit_head SET seq = 290").await;
    let faults = check(core, &config, &[]).await.faults;
    assert!(faults.contains(&Fault::ForgedHead) && faults.contains(&Fault::Beyond(291, 300)), "{faults:?}");
    run(core, "DELETE FROM audit_head").await;
    assert!(check(core, &config, &[]).await.faults.contains(&Fault::ForgedHead));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn appenders_and_sealers_at_once_make_one_whole_chain(#[case] backend: Backend) {
    let (bench, config) = world(backend).await;
    let core = &bench.core;
    let mut tasks = tokio::task::JoinSet::new();
    for who in 0..8_usize {
        let core = core.clone();
        tasks.spawn(async move {
            for number in 0..40_usize {
                let tx = core.db.begin().await.unwrap();
                record(&tx, &core, Entry::new(&somebody(who), "read", "customer", &format!("cu_{number}")))
                    .await
                    .unwrap();
                // Every fourth changes its mind: it must leave no trace.
                if number % 4 == 3 {
                    tx.rollback().await.unwrap();
                } else {
                    tx.commit().await.unwrap();
                }
            }
        });
    }
    for _ in 0..2 {
        let (core, config) = (core.clone(), config.clone());
        tasks.spawn(async move {
            for _ in 0..30 {
                // Two at once may meet at the head: the loser comes again.
                let _ = seal(&core, &config).await;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    seal(core, &config).await.unwrap();
    let report = check(core, &config, &[]).await;
    assert_eq!((report.last, report.faults), (8 * 30, Vec::new()));
    let rows = entity::Entity::find().all(core.db.read()).await.unwrap();
    let mut by_actor = BTreeMap::<String, usize>::new();
    rows.into_iter().for_each(|row| *by_actor.entry(row.actor_id).or_default() += 1);
    assert_eq!(by_actor.into_values().collect::<Vec<_>>(), [30; 8]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_is_too_old_goes_and_the_rest_still_holds(#[case] backend: Backend) {
    let (bench, config) = world(backend).await;
    let core = &bench.core;
    for _ in 0..6 {
        add(core, 100).await;
        core.clock.advance(Duration::seconds(11));
        seal(core, &config).await.unwrap();
        core.clock.advance(Duration::days(10));
    }
    // 60 days have passed; the anchors are 60, 50, 40, 30, 20 and 10 days old.
    assert_eq!(retire(core, &config).await.unwrap(), 400);
    assert_eq!(retire(core, &config).await.unwrap(), 0);
    let report = check(core, &config, &[]).await;
    assert_eq!((report.first, report.last, report.faults), (401, 600, Vec::new()));
    run(core, "DELETE FROM audit_entry WHERE seq < 420").await;
    assert_eq!(check(core, &config, &[]).await.faults, [Fault::Missing(401, 419)]);
    run(core, "UPDATE audit_head SET base_seq = 419").await;
    assert!(check(core, &config, &[]).await.faults.contains(&Fault::ForgedHead));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_buffer_is_bounded_and_says_what_it_lost(#[case] backend: Backend) {
    let (bench, config) = world(backend).await;
    let core = &bench.core;
    let buffer = Buffer::new(core, 3);
    for number in 0..5 {
        buffer.note(Entry::new(&somebody(number), "read", "customer", "cu_1"));
    }
    buffer.flush().await.unwrap();
    buffer.flush().await.unwrap();
    seal(core, &config).await.unwrap();
    let rows = entity::Entity::find().order_by_asc(entity::Column::Seq).all(core.db.read()).await.unwrap();
    let actions: Vec<_> = rows.iter().map(|row| (row.action.as_str(), row.reason.as_str())).collect();
    assert_eq!(actions, [("audit.lost", "2 entries did not fit"), ("read", ""), ("read", ""), ("read", "")]);
}

/// An owner that keeps one change.
struct Owner(Changes);

#[tonic::async_trait]
impl proto::aftercare::common::v1::event_service_server::EventService for Owner {
    async fn get_changes(
        &self,
        _: tonic::Request<GetChangesRequest>,
    ) -> Result<tonic::Response<Changes>, tonic::Status> {
        Ok(tonic::Response::new(self.0.clone()))
    }

    async fn republish(
        &self,
        _: tonic::Request<RepublishRequest>,
    ) -> Result<tonic::Response<RepublishResponse>, tonic::Status> {
        Err(tonic::Status::unimplemented("not asked here"))
    }

    async fn list_versions(
        &self,
        _: tonic::Request<ListVersionsRequest>,
    ) -> Result<tonic::Response<ListVersionsResponse>, tonic::Status> {
        Err(tonic::Status::unimplemented("not asked here"))
    }

    async fn list_heard(
        &self,
        _: tonic::Request<ListHeardRequest>,
    ) -> Result<tonic::Response<ListHeardResponse>, tonic::Status> {
        Err(tonic::Status::unimplemented("not asked here"))
    }
}

fn with_owner(bench: &Bench, kept: Changes) -> Context {
    use common::peers::{Peer, Peers};
    use proto::aftercare::common::v1::event_service_server::EventServiceServer;
    let routes = tonic::service::Routes::new(EventServiceServer::new(Owner(kept)));
    let core = Core { peers: Peers::of([("intake".to_owned(), Peer::Local(routes))].into()), ..bench.core.clone() };
    let sources = common::config::Sources::new(&[crate::NAME]);
    let config = sources.load::<crate::Config>(crate::NAME, crate::DEFAULTS).unwrap().service;
    Context::new(config, core).unwrap()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_change_is_told_with_what_its_owner_keeps(#[case] backend: Backend) {
    use proto::aftercare::common::v1::Actor as ActorMessage;
    let (bench, config) = world(backend).await;
    let json = r#"{"after":{"name":"Li","state":"merged"},"before":{"name":"Wang","state":"active"}}"#;
    let digest = {
        use sha2::{Digest as _, Sha256};
        check::hex(&Sha256::digest(json))
    };
    let event = Event {
        id: EVENT.to_owned(),
        service: "intake".to_owned(),
        aggregate_kind: "customer".to_owned(),
        aggregate_id: "cu_1".to_owned(),
        aggregate_version: 4,
        customer_id: "cu_1".to_owned(),
        action: "merge".to_owned(),
        changes_digest: digest.clone(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        actor: Some(ActorMessage { id: "ag_7".to_owned(), role: "agent".to_owned(), org_unit_id: "ou_1".to_owned() }),
        ..Event::default()
    };
    let all = bench.service.subscriptions.iter().filter(|one| one.from == "intake" && one.kind == "*");
    let tx = bench.core.db.begin().await.unwrap();
    let call = bench.call(Role::Service);
    for subscription in all {
        subscription.handler.handle(&call, &tx, &event).await.unwrap();
    }
    tx.commit().await.unwrap();
    seal(&bench.core, &config).await.unwrap();

    let kept = Changes { event_id: EVENT.to_owned(), changes_json: json.to_owned(), changes_digest: digest.clone() };
    let mut admin = bench.call(Role::Admin);
    admin.actor = admin.actor.everywhere();
    let list = |request: ListAuditEntriesRequest| {
        let ctx = with_owner(&bench, kept.clone());
        let admin = admin.clone();
        async move { crate::rpc::list_audit_entries::handle(&ctx, &admin, request).await.unwrap().audit_entries }
    };
    for (request, found) in [
        (ListAuditEntriesRequest { customer_id: "cu_1".to_owned(), ..Default::default() }, 1),
        (ListAuditEntriesRequest { actor_id: "ag_7".to_owned(), ..Default::default() }, 1),
        (ListAuditEntriesRequest { record_id: "cu_1".to_owned(), ..Default::default() }, 1),
        (ListAuditEntriesRequest { action: "customer.merge".to_owned(), ..Default::default() }, 1),
        (ListAuditEntriesRequest { trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), ..Default::default() }, 1),
        (ListAuditEntriesRequest { outcome: AuditOutcome::Refused.into(), ..Default::default() }, 0),
        (ListAuditEntriesRequest { actor_id: "ag_8".to_owned(), ..Default::default() }, 0),
    ] {
        let entries = list(request.clone()).await;
        assert_eq!(entries.len(), found, "{request:?}");
        assert!(entries.iter().all(|entry| entry.intact && entry.sequence == 1 && entry.changes_json.is_empty()));
    }

    // A manager sees what people of the own units did.
    for (unit, found) in [("ou_1", 1), ("ou_2", 0)] {
        let mut manager = bench.call_by("mg_1", Role::Manager, unit);
        manager.reach = common::reach::Reach::Units(vec![unit.to_owned()]);
        let ctx = with_owner(&bench, kept.clone());
        let request = ListAuditEntriesRequest::default();
        let seen = crate::rpc::list_audit_entries::handle(&ctx, &manager, request).await.unwrap().audit_entries;
        assert_eq!(seen.len(), found, "{unit}");
        let request = GetAuditEntryRequest { audit_entry_id: AuditEntryId::of_event(EVENT).into() };
        assert_eq!(crate::rpc::get_audit_entry::handle(&ctx, &manager, request).await.is_ok(), found == 1, "{unit}");
    }

    let erased = Changes { changes_json: String::new(), ..kept.clone() };
    let altered = Changes { changes_json: json.replace("Wang", "Wong"), ..kept.clone() };
    for (kept, expected) in
        [(kept, AuditChanges::Kept), (erased, AuditChanges::Erased), (altered, AuditChanges::Altered)]
    {
        let request = GetAuditEntryRequest { audit_entry_id: AuditEntryId::of_event(EVENT).into() };
        let entry = crate::rpc::get_audit_entry::handle(&with_owner(&bench, kept), &admin, request).await.unwrap();
        assert_eq!(entry.changes(), expected);
        assert!(!entry.changes_json.contains("Wang") && !entry.changes_json.contains("Li"), "{}", entry.changes_json);
        assert_eq!(entry.changes_json.contains("merged"), expected != AuditChanges::Erased);
    }
    let request = GetAuditEntryRequest { audit_entry_id: AuditEntryId::of_event(EVENT).into() };
    let alone = Context { core: bench.core.clone(), ..with_owner(&bench, Changes::default()) };
    let entry = crate::rpc::get_audit_entry::handle(&alone, &admin, request).await.unwrap();
    assert_eq!(entry.changes(), AuditChanges::Unavailable);
    let request = GetAuditEntryRequest { audit_entry_id: AuditEntryId::of_event(OTHER).into() };
    let missing = crate::rpc::get_audit_entry::handle(&alone, &admin, request).await.unwrap_err();
    assert_eq!(missing.reason, common::error::reason::NOT_FOUND);
}
