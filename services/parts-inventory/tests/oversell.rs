//! Never oversold: 64 clients reserve ten pieces again and again, some let go, some use what they got, and stock comes
//! in meanwhile. Whatever happened, nothing was promised twice and the books are right.
//!
//! The short form runs by default; `AFTERCARE_FULL=1` runs the 20,000 attempts of the acceptance figure.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what fails must fail the test; the rate is its figure")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use common::{
    auth::IDENTITY,
    clock::Clock,
    record::{Actor, Role},
    service::Core,
    testing::{Backend, Bench, bench},
};
use parts_inventory::{PartsInventory, check_ledger};
use proto::aftercare::{
    common::v1::{PartLine, UsedPart},
    parts_inventory::v1::{parts_inventory_service_client::PartsInventoryServiceClient, *},
};
use rstest::rstest;
use tonic::{Code, Request, service::Routes};

const CLIENTS: usize = 64;
const PIECES: i64 = 10;

type Client = PartsInventoryServiceClient<Routes>;

struct Shop {
    core: Core,
    routes: Routes,
    token: String,
    location: String,
}

impl Shop {
    /// The shop, and the bench that keeps its database.
    async fn open(backend: Backend) -> (Bench, Arc<Self>) {
        let bench = bench::<PartsInventory>(backend, "").await;
        let actor = Actor::new("tester", Role::Warehouse, "ou_1").everywhere();
        let token = bench.core.identity.sign(&actor, Clock::system().now()).unwrap();
        let mut shop =
            Self { core: bench.core.clone(), routes: bench.service.routes.clone(), token, location: String::new() };
        for sku in ["HOT", "KIT"] {
            let part = CreatePartRequest {
                sku: sku.into(),
                name: sku.into(),
                unit: "pcs".into(),
                kind: PartKind::Spare as i32,
                tracking: PartTracking::Plain as i32,
                payer: PartPayer::Factory as i32,
                ..Default::default()
            };
            shop.client().create_part(shop.signed(part)).await.unwrap();
        }
        let place = CreateLocationRequest {
            code: "C".into(),
            name: "Centre".into(),
            kind: LocationKind::Central as i32,
            ..Default::default()
        };
        shop.location = shop.client().create_location(shop.signed(place)).await.unwrap().into_inner().location_id;
        for sku in ["HOT", "KIT"] {
            shop.receive(sku, PIECES).await;
        }
        (bench, Arc::new(shop))
    }

    fn client(&self) -> Client {
        PartsInventoryServiceClient::new(self.routes.clone())
    }

    fn signed<T>(&self, body: T) -> Request<T> {
        let mut request = Request::new(body);
        request.metadata_mut().insert(IDENTITY, self.token.parse().unwrap());
        request
    }

    async fn receive(&self, sku: &str, pieces: i64) {
        let delivery = ReceiveStockRequest {
            location_id: self.location.clone(),
            lines: vec![StockLine { sku: sku.into(), quantity_milli: pieces * 1000, tracking: String::new() }],
            condition: StockCondition::Good as i32,
            reference: "DN".into(),
            ..Default::default()
        };
        self.client().receive_stock(self.signed(delivery)).await.unwrap();
    }

    /// On hand and reserved, in pieces.
    async fn held(&self, sku: &str) -> (i64, i64) {
        let list =
            ListStockBalancesRequest { sku: sku.into(), location_id: self.location.clone(), ..Default::default() };
        let rows = self.client().list_stock_balances(self.signed(list)).await.unwrap().into_inner().stock_balances;
        (rows[0].on_hand_milli / 1000, rows[0].reserved_milli / 1000)
    }
}

/// Tries one reservation. Every answer but yes and no is a fault: callers see no deadlock, no time-out, no retry.
async fn reserve(shop: &Shop, number: usize, skus: &[&str]) -> Reservation {
    let wish = ReservePartsRequest {
        work_order_id: format!("wo_{number}"),
        lines: skus.iter().map(|sku| PartLine { sku: (*sku).into(), quantity_milli: 1000 }).collect(),
        ..Default::default()
    };
    loop {
        match shop.client().reserve_parts(shop.signed(wish.clone())).await {
            Ok(answer) => return answer.into_inner(),
            // Overload is said as such, and trying again is the caller's part; a lost race is not.
            Err(busy) if busy.code() == Code::Unavailable => tokio::task::yield_now().await,
            Err(fault) => panic!("attempt {number}: {fault:?}"),
        }
    }
}

fn attempts() -> usize {
    if std::env::var("AFTERCARE_FULL").is_ok_and(|full| full == "1") { 20_000 } else { 2_000 }
}

async fn everybody<F>(shop: &Arc<Shop>, attempts: usize, step: impl Fn(Arc<Shop>, usize) -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (shop, next, step) = (shop.clone(), next.clone(), step.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= attempts {
                        return;
                    }
                    step(shop.clone(), number).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn ten_pieces_are_promised_ten_times(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (_bench, shop) = Shop::open(backend).await;
    let won = Arc::new(AtomicI64::new(0));
    let begun = Instant::now();
    let counted = won.clone();
    let total = attempts();
    everybody(&shop, total, move |shop, number| {
        let won = counted.clone();
        async move {
            if reserve(&shop, number, &["HOT"]).await.state() == ReservationState::Reserved {
                won.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
    println!("{backend:?}: {:.0} attempts a second", total as f64 / begun.elapsed().as_secs_f64());
    assert_eq!(won.load(Ordering::Relaxed), PIECES);
    assert_eq!(shop.held("HOT").await, (PIECES, PIECES));
    let report = check_ledger(&shop.core).await.unwrap();
    assert_eq!(report.findings, [], "{report}");
    assert_eq!(report.reservations, PIECES);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn reserving_releasing_using_and_receiving_together_keep_the_books(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (_bench, shop) = Shop::open(backend).await;
    let used = Arc::new(AtomicI64::new(0));
    let came_in = Arc::new(AtomicI64::new(0));
    let (counted, arrived) = (used.clone(), came_in.clone());
    everybody(&shop, attempts() / 4, move |shop, number| {
        let (used, came_in) = (counted.clone(), arrived.clone());
        async move {
            // Kits in both orders: the lines' order must not matter to the locks.
            let skus = if number % 2 == 0 { ["HOT", "KIT"] } else { ["KIT", "HOT"] };
            let made = reserve(&shop, number, &skus).await;
            assert!(made.state() == ReservationState::Short || made.allocations.len() == 2, "a partial kit: {made:?}");
            if made.state() == ReservationState::Reserved {
                if number % 3 == 0 {
                    let piece = |sku: &str| UsedPart { sku: sku.into(), used_milli: 1000, ..Default::default() };
                    let done = ConsumeReservationRequest {
                        reservation_id: made.reservation_id,
                        used: vec![piece("HOT"), piece("KIT")],
                        ..Default::default()
                    };
                    shop.client().consume_reservation(shop.signed(done)).await.unwrap();
                    used.fetch_add(1, Ordering::Relaxed);
                } else if number % 3 == 1 {
                    let release = ReleaseReservationRequest {
                        reservation_id: made.reservation_id,
                        reason: "test".into(),
                        ..Default::default()
                    };
                    shop.client().release_reservation(shop.signed(release)).await.unwrap();
                }
            }
            if number % 50 == 0 {
                shop.receive("HOT", 1).await;
                shop.receive("KIT", 1).await;
                came_in.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
    let expected = PIECES + came_in.load(Ordering::Relaxed) - used.load(Ordering::Relaxed);
    for sku in ["HOT", "KIT"] {
        assert_eq!(shop.held(sku).await.0, expected, "{sku}");
    }
    assert!(used.load(Ordering::Relaxed) > 0);
    let report = check_ledger(&shop.core).await.unwrap();
    assert_eq!(report.findings, [], "{report}");
}
