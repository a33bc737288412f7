//! Defective within days: the product is exchanged. The new one leaves stock only against the old one, once, and the
//! customer's file knows both.

use harness::{Platform, eventually, steps, world::World};
use proto::aftercare::{
    intake::v1::{
        ApproveServiceRequestRequest, AskApprovalRequest, CreateServiceRequestRequest, GetProductRequest,
        ListProductsRequest, ListProductsResponse, Product, RequestKind, RequestState, ServiceRequest,
        TriageServiceRequestRequest,
    },
    parts_inventory::v1::{
        ApproveReturnRequest, CloseReturnRequest, CreatePartRequest, DisposeReturnRequest, Disposition, GoodsCondition,
        InspectReturnRequest, ListReturnsRequest, ListReturnsResponse, Part, PartKind, PartPayer, PartTracking,
        ReceiveReturnRequest, ReceiveStockRequest, Responsibility, Return, ReturnState, ReturnWish,
        SettleReturnRequest, StockCondition, StockDocument, StockLine,
    },
};

const SKU: &str = "WM-80S-UNIT";

pub(crate) async fn travel(platform: &Platform, world: &World) {
    let agent = platform.person("agent", "us_wang");
    let supervisor = platform.person("supervisor", "us_sun");
    let keeper = platform.person("warehouse", "us_keeper");
    let household = steps::household(&agent, 5).await;
    let new_serial = "WM-NEW-1";
    stock_a_machine(&keeper, &world.central, new_serial).await;
    let get = GetProductRequest { product_id: household.product_id.clone() };
    let old: Product = agent.call(get).await;

    // The wish needs approval; the return opens by itself.
    let wish = CreateServiceRequestRequest {
        kind: RequestKind::Exchange.into(),
        windows: Vec::new(),
        ..steps::repair(&household, &[])
    };
    let request: ServiceRequest = agent.call(wish).await;
    let id = &request.service_request_id;
    let triage = TriageServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    agent.call::<_, ServiceRequest>(triage).await;
    let ask = AskApprovalRequest {
        service_request_id: id.clone(),
        reason: "defective within fifteen days".to_owned(),
        ..Default::default()
    };
    agent.call::<_, ServiceRequest>(ask).await;
    let approve = ApproveServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    supervisor.call::<_, ServiceRequest>(approve).await;
    let of_request = || ListReturnsRequest { service_request_id: id.clone(), ..Default::default() };
    let goods = eventually("there is a return", async || {
        let found = keeper.call::<_, ListReturnsResponse>(of_request()).await.returns;
        found.first().cloned().ok_or("none")
    })
    .await;
    assert_eq!(goods.wish(), ReturnWish::Exchange);
    let return_id = || goods.return_id.clone();

    let bought = steps::now() - chrono::Duration::days(5);
    let approve = ApproveReturnRequest {
        return_id: return_id(),
        purchase_time: Some(common::convert::timestamp(bought)),
        ..Default::default()
    };
    supervisor.call::<_, Return>(approve).await;

    // The new machine only against the old one.
    let settle = SettleReturnRequest {
        return_id: return_id(),
        location_id: world.central.clone(),
        new_sku: SKU.to_owned(),
        new_serial: new_serial.to_owned(),
        ..Default::default()
    };
    assert_eq!(keeper.refused::<_, Return>(settle.clone()).await.reason, "ILLEGAL_TRANSITION");
    let receive = ReceiveReturnRequest {
        return_id: return_id(),
        location_id: world.central.clone(),
        sku: SKU.to_owned(),
        serial: old.serial_number.clone(),
        ..Default::default()
    };
    keeper.call::<_, Return>(receive).await;
    let inspect = InspectReturnRequest {
        return_id: return_id(),
        condition: GoodsCondition::Defective.into(),
        cause_code: "pump".to_owned(),
        responsibility: Responsibility::Production.into(),
        responsible_unit: "factory".to_owned(),
        ..Default::default()
    };
    platform.person("quality", "us_chen").call::<_, Return>(inspect).await;
    let dispose = DisposeReturnRequest {
        return_id: return_id(),
        disposition: Disposition::Exchange.into(),
        ..Default::default()
    };
    supervisor.call::<_, Return>(dispose).await;
    let settled: Return = keeper.call(settle).await;
    assert_eq!(settled.state(), ReturnState::Settled);
    let close = CloseReturnRequest { return_id: return_id(), ..Default::default() };
    supervisor.call::<_, Return>(close).await;

    steps::request_in(&agent, id, RequestState::Resolved).await;
    assert_eq!(world.stock_of(platform, SKU).await, (0, 0), "the new machine has not left stock");
    let list = ListProductsRequest { customer_id: household.customer_id.clone(), ..Default::default() };
    let mut products: Vec<(String, String)> = agent
        .call::<_, ListProductsResponse>(list)
        .await
        .products
        .into_iter()
        .map(|product| (product.serial_number, product.state))
        .collect();
    products.sort();
    let mut expected =
        vec![(new_serial.to_owned(), "registered".to_owned()), (old.serial_number, "exchanged".to_owned())];
    expected.sort();
    assert_eq!(products, expected);
    assert_eq!(keeper.call::<_, ListReturnsResponse>(of_request()).await.returns.len(), 1);
}

async fn stock_a_machine(keeper: &harness::Person, location: &str, serial: &str) {
    let part = CreatePartRequest {
        sku: SKU.to_owned(),
        name: "洗衣机".to_owned(),
        unit: "台".to_owned(),
        kind: PartKind::Spare.into(),
        tracking: PartTracking::Serial.into(),
        price: Some(steps::fen(200_000)),
        warranty_months: 12,
        payer: PartPayer::Factory.into(),
        ..Default::default()
    };
    keeper.call::<_, Part>(part).await;
    let line = StockLine { sku: SKU.to_owned(), quantity_milli: 1000, tracking: serial.to_owned() };
    let receive = ReceiveStockRequest {
        location_id: location.to_owned(),
        condition: StockCondition::Good.into(),
        lines: vec![line],
        reference: "delivery note 2".to_owned(),
        ..Default::default()
    };
    keeper.call::<_, StockDocument>(receive).await;
}
