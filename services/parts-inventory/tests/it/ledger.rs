//! `check-ledger` finds what is wrong, and the database itself refuses most of it.

use common::{service::Definition as _, testing::Backend};
use parts_inventory::{PartsInventory, store::check::Finding};
use proto::aftercare::parts_inventory::v1::*;
use rstest::rstest;
use sea_orm::ConnectionTrait as _;

use crate::world::{World, want};

async fn world(backend: Backend) -> (World, String) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    world.stock(&tree.van, "A", 10).await;
    world.reserve("wo_1", &[want("A", 4)]).await.unwrap();
    (world, tree.van)
}

async fn tamper(world: &World, sql: &str) -> Result<(), sea_orm::DbErr> {
    world.bench.core.db.write().execute_unprepared(sql).await.map(drop)
}

#[rstest]
#[tokio::test]
async fn right_books_are_found_right(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, _) = world(backend).await;
    let report = world.check().await;
    assert_eq!(report.findings, []);
    assert_eq!((report.balances, report.movements, report.reservations), (1, 1, 1));
    let command = PartsInventory::commands().into_iter().find(|command| command.name == "check-ledger").unwrap();
    let said = (command.run)(world.bench.core.clone()).await.unwrap();
    assert!(said.contains("the books are right"), "{said}");
}

#[rstest]
#[case("UPDATE stock_balance SET on_hand = on_hand + 1000")]
#[case("UPDATE stock_balance SET on_hand = on_hand - 1000")]
#[tokio::test]
async fn a_tampered_balance_is_found(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] sql: &str,
) {
    let (world, van) = world(backend).await;
    tamper(&world, sql).await.unwrap();
    let findings = world.check().await.findings;
    assert!(
        matches!(findings.as_slice(), [Finding::Balance { balance_id, ledger: 10_000, .. }] if balance_id.contains(&van)),
        "{findings:?}"
    );
    let command = PartsInventory::commands().remove(0);
    assert!((command.run)(world.bench.core.clone()).await.unwrap_err().to_string().contains(&van));
}

#[rstest]
#[tokio::test]
async fn a_tampered_promise_is_found(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (world, _) = world(backend).await;
    tamper(&world, "UPDATE stock_balance SET reserved = 5000").await.unwrap();
    let findings = world.check().await.findings;
    assert!(matches!(findings.as_slice(), [Finding::Reserved { stored: 5000, promised: 4000, .. }]), "{findings:?}");
    tamper(&world, "UPDATE stock_balance SET reserved = 0").await.unwrap();
    let findings = world.check().await.findings;
    assert!(matches!(findings.as_slice(), [Finding::Reserved { stored: 0, promised: 4000, .. }]), "{findings:?}");
}

#[rstest]
#[tokio::test]
async fn the_ledger_is_never_changed_and_a_forced_change_is_found(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (world, _) = world(backend).await;
    let forge = "UPDATE ledger_entry SET milli = 11000 WHERE side = 1";
    for sql in [forge, "DELETE FROM ledger_entry", "DELETE FROM stock_movement", "UPDATE stock_movement SET milli = 1"]
    {
        let refused = tamper(&world, sql).await.unwrap_err().to_string();
        assert!(refused.contains("never changed"), "{refused}");
    }
    let drop = match backend {
        Backend::Sqlite => "DROP TRIGGER ledger_entry_immutable_UPDATE",
        Backend::Postgres => "DROP TRIGGER ledger_entry_immutable ON ledger_entry",
    };
    tamper(&world, drop).await.unwrap();
    tamper(&world, forge).await.unwrap();
    let findings = world.check().await.findings;
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Pair { .. })), "{findings:?}");
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Balance { .. })), "{findings:?}");
}

#[rstest]
#[case("UPDATE stock_balance SET on_hand = -1")]
#[case("UPDATE stock_balance SET reserved = -1")]
#[case("UPDATE stock_balance SET reserved = on_hand + 1")]
#[tokio::test]
async fn the_database_refuses_impossible_balances(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] sql: &str,
) {
    let (world, _) = world(backend).await;
    let refused = tamper(&world, sql).await.unwrap_err().to_string().to_lowercase();
    assert!(refused.contains("check constraint"), "{refused}");
    world.books_are_right().await;
}
