//! What every test needs: the service on a throw-away database, a client, and a small stock.

use common::{
    clock::Clock,
    record::{Actor, Role},
    testing::{Backend, Bench, bench},
};
use parts_inventory::{PartsInventory, Report, check_ledger};
use prost::Message;
use proto::aftercare::{
    common::v1::{Money, PartLine},
    parts_inventory::v1::{parts_inventory_service_client::PartsInventoryServiceClient, *},
};
use tonic::{Request, Status, service::Routes};
use tonic_types::StatusExt as _;

/// The service, and who calls it.
pub(crate) struct World {
    pub(crate) bench: Bench,
}

/// Ids of a small tree: centre, region, service point, van of `te_1`, van of `te_2`.
pub(crate) struct Tree {
    pub(crate) central: String,
    pub(crate) region: String,
    pub(crate) point: String,
    pub(crate) van: String,
    pub(crate) other_van: String,
}

/// `call!(world, Role, rpc, request)`: the answer, or the status.
macro_rules! call {
    ($world:expr, $role:ident, $rpc:ident, $request:expr) => {{
        let request = $world.signed(common::record::Role::$role, $request);
        $world.client().$rpc(request).await.map(tonic::Response::into_inner)
    }};
}
pub(crate) use call;

/// The stable reason of a refusal.
pub(crate) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_else(|| panic!("{status:?}"))
}

/// The fact of that name in a refusal.
pub(crate) fn fact(status: &Status, name: &str) -> String {
    status.get_error_details().error_info().unwrap().metadata[name].clone()
}

pub(crate) fn want(sku: &str, pieces: i64) -> PartLine {
    PartLine { sku: sku.to_owned(), quantity_milli: pieces * 1000 }
}

pub(crate) fn line(sku: &str, pieces: i64, tracking: &str) -> StockLine {
    StockLine { sku: sku.to_owned(), quantity_milli: pieces * 1000, tracking: tracking.to_owned() }
}

pub(crate) fn a_part(sku: &str, tracking: PartTracking) -> CreatePartRequest {
    CreatePartRequest {
        sku: sku.to_owned(),
        name: format!("Part {sku}"),
        unit: "pcs".to_owned(),
        kind: PartKind::Spare as i32,
        tracking: tracking as i32,
        price: Some(Money { minor_units: 1_000, currency_code: "CNY".to_owned() }),
        payer: PartPayer::Factory as i32,
        ..Default::default()
    }
}

impl World {
    pub(crate) async fn new(backend: Backend) -> Self {
        Self { bench: bench::<PartsInventory>(backend, "").await }
    }

    pub(crate) fn client(&self) -> PartsInventoryServiceClient<Routes> {
        PartsInventoryServiceClient::new(self.bench.service.routes.clone())
    }

    pub(crate) fn signed<T>(&self, role: Role, body: T) -> Request<T> {
        self.signed_by(&format!("{}-1", role.as_str()), role, body)
    }

    pub(crate) fn signed_by<T>(&self, id: &str, role: Role, body: T) -> Request<T> {
        let actor = Actor::new(id, role, "ou_1").everywhere();
        let token = self.bench.core.identity.sign(&actor, Clock::system().now()).unwrap();
        let mut request = Request::new(body);
        request.metadata_mut().insert(common::auth::IDENTITY, token.parse().unwrap());
        request
    }

    pub(crate) async fn part(&self, sku: &str, tracking: PartTracking) -> Part {
        call!(self, Warehouse, create_part, a_part(sku, tracking)).unwrap()
    }

    pub(crate) async fn place(&self, code: &str, kind: LocationKind, parent: &str, technician: &str) -> String {
        let request = CreateLocationRequest {
            code: code.to_owned(),
            name: code.to_owned(),
            kind: kind as i32,
            parent_id: parent.to_owned(),
            technician_id: technician.to_owned(),
            ..Default::default()
        };
        call!(self, Warehouse, create_location, request).unwrap().location_id
    }

    pub(crate) async fn tree(&self) -> Tree {
        let central = self.place("C", LocationKind::Central, "", "").await;
        let region = self.place("R", LocationKind::Regional, &central, "").await;
        let point = self.place("S", LocationKind::ServicePoint, &region, "").await;
        let van = self.place("V1", LocationKind::Van, &point, "te_1").await;
        let other_van = self.place("V2", LocationKind::Van, &point, "te_2").await;
        Tree { central, region, point, van, other_van }
    }

    pub(crate) async fn receive(&self, location: &str, lines: Vec<StockLine>) -> Result<StockDocument, Status> {
        let request = ReceiveStockRequest {
            location_id: location.to_owned(),
            lines,
            condition: StockCondition::Good as i32,
            reference: "DN-1".to_owned(),
            ..Default::default()
        };
        call!(self, Warehouse, receive_stock, request)
    }

    pub(crate) async fn stock(&self, location: &str, sku: &str, pieces: i64) {
        self.receive(location, vec![line(sku, pieces, "")]).await.unwrap();
    }

    pub(crate) async fn reserve(&self, work_order: &str, lines: &[PartLine]) -> Result<Reservation, Status> {
        let request = ReservePartsRequest {
            work_order_id: work_order.to_owned(),
            technician_id: "te_1".to_owned(),
            lines: lines.to_vec(),
            ..Default::default()
        };
        call!(self, Dispatcher, reserve_parts, request)
    }

    pub(crate) async fn reservation_of(&self, work_order: &str) -> Option<Reservation> {
        let request = ListReservationsRequest { work_order_id: work_order.to_owned(), ..Default::default() };
        call!(self, Dispatcher, list_reservations, request).unwrap().reservations.pop()
    }

    /// On hand and reserved, in pieces, of a part in a place and condition, all numbers together.
    pub(crate) async fn held(&self, sku: &str, location: &str, condition: StockCondition) -> (i64, i64) {
        let request = ListStockBalancesRequest {
            sku: sku.to_owned(),
            location_id: location.to_owned(),
            condition: condition as i32,
            ..Default::default()
        };
        let rows = call!(self, Warehouse, list_stock_balances, request).unwrap().stock_balances;
        let sum = |of: fn(&StockBalance) -> i64| rows.iter().map(of).sum::<i64>() / 1000;
        (sum(|row| row.on_hand_milli), sum(|row| row.reserved_milli))
    }

    pub(crate) async fn good(&self, sku: &str, location: &str) -> (i64, i64) {
        self.held(sku, location, StockCondition::Good).await
    }

    /// The payloads of all published events of that type, oldest first.
    pub(crate) async fn told<E: Message + prost::Name + Default>(&self) -> Vec<E> {
        let events = self.bench.events().await.unwrap();
        let of_type = events.into_iter().filter(|event| event.r#type == E::full_name());
        of_type.map(|event| E::decode(event.payload.as_slice()).unwrap()).collect()
    }

    pub(crate) async fn check(&self) -> Report {
        check_ledger(&self.bench.core).await.unwrap()
    }

    pub(crate) async fn books_are_right(&self) {
        let report = self.check().await;
        assert_eq!(report.findings, [], "{report}");
    }
}
