//! What a journey finds when it begins: a service point with three technicians and their vans, a central store, spare
//! parts. All of it is made through the public door.

use std::collections::BTreeMap;

use proto::aftercare::{
    common::v1::{Address, LatLng, Money},
    dispatch::v1::{
        ActivateServicePointRequest, ApproveServicePointRequest, Certificate, ContractServicePointRequest,
        CreateServicePointRequest, CreateTechnicianRequest, InspectServicePointRequest, InspectionItem, RateLine,
        ServiceContract, ServicePoint, Shift, Skill, Technician,
    },
    parts_inventory::v1::{
        CreateLocationRequest, CreatePartRequest, ListStockBalancesRequest, ListStockBalancesResponse, Location,
        LocationKind, Part, PartKind, PartPayer, PartTracking, ReceiveStockRequest, StockCondition, StockDocument,
        StockLine,
    },
};

use crate::{client::Person, platform::Platform};

/// A part that the stores have.
pub const PUMP: &str = "WM-PUMP-02";
/// A part that no store has.
pub const BOARD: &str = "WM-BOARD-9";
/// Pieces of [`PUMP`] in each van.
pub const PUMPS_PER_VAN: i64 = 2;
/// The organisation unit that everything happens in.
pub const OFFICE: &str = "office-east";

/// The world a journey lives in.
#[derive(Clone, Debug)]
pub struct World {
    /// The technicians.
    pub technicians: Vec<String>,
    /// Their vans, by technician.
    pub vans: BTreeMap<String, String>,
    /// The central store.
    pub central: String,
}

impl World {
    /// Makes it.
    pub async fn make(platform: &Platform) -> Self {
        let manager = platform.person("manager", "us_manager");
        let keeper = platform.person("warehouse", "us_keeper");
        for (sku, name) in [(PUMP, "排水泵"), (BOARD, "主控板")] {
            keeper.call::<_, Part>(part(sku, name)).await;
        }
        let central = location(&keeper, "C-01", LocationKind::Central, "", "").await;
        stock(&keeper, &central, 20).await;
        let region = location(&keeper, "R-01", LocationKind::Regional, &central, "").await;
        let shop = location(&keeper, "S-01", LocationKind::ServicePoint, &region, "").await;
        // Who inspects a service point cannot approve it.
        let point = service_point(&manager, &platform.person("manager", "us_inspector")).await;
        let mut world = Self { technicians: Vec::new(), vans: BTreeMap::new(), central };
        for number in 1..=3 {
            let technician: Technician = manager.call(technician(&point, number)).await;
            let id = technician.technician_id;
            let van = location(&keeper, &format!("V-{number:02}"), LocationKind::Van, &shop, &id).await;
            stock(&keeper, &van, PUMPS_PER_VAN).await;
            world.vans.insert(id.clone(), van);
            world.technicians.push(id);
        }
        world
    }

    /// Good pieces of a part in all real places together, in thousandths, and how much of them is promised.
    pub async fn stock_of(&self, platform: &Platform, sku: &str) -> (i64, i64) {
        let keeper = platform.person("warehouse", "us_keeper");
        let request = ListStockBalancesRequest {
            sku: sku.to_owned(),
            condition: StockCondition::Good.into(),
            page_size: 500,
            ..Default::default()
        };
        let page: ListStockBalancesResponse = keeper.call(request).await;
        let ours = |id: &str| id == self.central || self.vans.values().any(|van| van == id);
        let balances = page.stock_balances.iter().filter(|balance| ours(&balance.location_id));
        balances.fold((0, 0), |(on_hand, reserved), balance| {
            (on_hand + balance.on_hand_milli, reserved + balance.reserved_milli)
        })
    }
}

/// Where the customers of the tests live.
#[must_use]
pub fn home() -> Address {
    Address {
        province: "上海市".to_owned(),
        city: "上海市".to_owned(),
        district: "徐汇区".to_owned(),
        line: "漕溪北路 88 号".to_owned(),
        division_code: "310104".to_owned(),
        position: Some(place()),
    }
}

/// The point on the map of [`home`].
#[must_use]
pub fn place() -> LatLng {
    LatLng { latitude: 31.19, longitude: 121.44 }
}

fn part(sku: &str, name: &str) -> CreatePartRequest {
    CreatePartRequest {
        sku: sku.to_owned(),
        name: name.to_owned(),
        unit: "件".to_owned(),
        kind: PartKind::Spare.into(),
        tracking: PartTracking::Plain.into(),
        price: Some(Money { minor_units: 8_900, currency_code: "CNY".to_owned() }),
        warranty_months: 12,
        payer: PartPayer::Factory.into(),
        ..Default::default()
    }
}

async fn location(keeper: &Person, code: &str, kind: LocationKind, parent: &str, technician: &str) -> String {
    let request = CreateLocationRequest {
        code: code.to_owned(),
        name: code.to_owned(),
        kind: kind.into(),
        parent_id: parent.to_owned(),
        technician_id: technician.to_owned(),
        position: Some(place()),
        ..Default::default()
    };
    keeper.call::<_, Location>(request).await.location_id
}

/// A delivery of so many pumps to a place.
pub async fn stock(keeper: &Person, location: &str, pieces: i64) {
    let line = StockLine { sku: PUMP.to_owned(), quantity_milli: pieces * 1000, ..Default::default() };
    let request = ReceiveStockRequest {
        location_id: location.to_owned(),
        condition: StockCondition::Good.into(),
        lines: vec![line],
        reference: "delivery note 1".to_owned(),
        ..Default::default()
    };
    keeper.call::<_, StockDocument>(request).await;
}

/// From the application to the first day of work, step by step as the rules want it.
async fn service_point(manager: &Person, inspector: &Person) -> String {
    let request = CreateServicePointRequest {
        org_unit_id: OFFICE.to_owned(),
        name: "徐汇特约维修部".to_owned(),
        contact_name: "赵敏".to_owned(),
        contact_phone: "+8613900000001".to_owned(),
        address: Some(home()),
        time_zone: "Asia/Shanghai".to_owned(),
        ..Default::default()
    };
    let point: ServicePoint = manager.call(request).await;
    let id = || point.service_point_id.clone();
    let item = InspectionItem { item: "营业执照".to_owned(), passed: true, note: String::new() };
    let inspect = InspectServicePointRequest { service_point_id: id(), checklist: vec![item], ..Default::default() };
    inspector.call::<_, ServicePoint>(inspect).await;
    let approve = ApproveServicePointRequest { service_point_id: id(), ..Default::default() };
    manager.call::<_, ServicePoint>(approve).await;
    let rate = |kind: &str| RateLine {
        kind: kind.to_owned(),
        up_to_km: 30,
        fee: Some(Money { minor_units: 8_000, currency_code: "CNY".to_owned() }),
        ..Default::default()
    };
    let contract = ServiceContract {
        contract_number: "HT-2026-1".to_owned(),
        territories: vec!["3101".to_owned()],
        categories: vec!["appliance".to_owned()],
        capacity_per_day: 100,
        valid_from: "2025-01-01".to_owned(),
        valid_until: "2035-12-31".to_owned(),
        rates: vec![rate("repair"), rate("installation")],
        ..Default::default()
    };
    let request =
        ContractServicePointRequest { service_point_id: id(), contract: Some(contract), ..Default::default() };
    manager.call::<_, ServicePoint>(request).await;
    let activate = ActivateServicePointRequest { service_point_id: id(), ..Default::default() };
    manager.call::<_, ServicePoint>(activate).await;
    point.service_point_id
}

fn technician(point: &str, number: u32) -> CreateTechnicianRequest {
    // Every day, from early to late: a test runs whenever it runs.
    let shifts = (1..=7).map(|weekday| Shift {
        weekday,
        start: "06:00".to_owned(),
        end: "22:00".to_owned(),
        breaks: Vec::new(),
    });
    let certificate = Certificate {
        code: "electrician".to_owned(),
        number: format!("E-{number}"),
        valid_until: "2035-12-31".to_owned(),
        ..Default::default()
    };
    CreateTechnicianRequest {
        service_point_id: point.to_owned(),
        name: format!("技师{number}"),
        phone: format!("+861391000000{number}"),
        skills: vec![Skill { code: "appliance".to_owned(), level: 5 }],
        certificates: vec![certificate],
        home: Some(place()),
        shifts: shifts.collect(),
        languages: vec!["zh-CN".to_owned()],
        daily_job_limit: 8,
        time_zone: "Asia/Shanghai".to_owned(),
        ..Default::default()
    }
}
