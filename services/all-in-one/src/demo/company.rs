//! The demo company: service points, technicians with their vans, the warehouses and what is in them.

use common::record::Role;
use proto::aftercare::{
    common::v1::{LatLng, Money},
    dispatch::v1::{
        ActivateServicePointRequest, ApproveServicePointRequest, Certificate, ContractServicePointRequest,
        CreateServicePointRequest, CreateTechnicianRequest, InspectServicePointRequest, InspectionItem, RateLine,
        ServiceContract, Shift, ShiftBreak, Skill,
    },
    parts_inventory::v1::{
        CreateLocationRequest, CreatePartRequest, LocationKind, PartKind, PartPayer, PartTracking, ReceiveStockRequest,
        StockCondition, StockLine,
    },
};
use rand::{RngExt as _, rngs::StdRng};

use super::{
    doors::{Doorkeeper, Doors},
    goods::{PARTS, SKILLS},
    people::{self, District},
};

/// A regional office: its organisation unit and its city.
pub const OFFICES: [(&str, &str); 4] =
    [("office-north", "北京市"), ("office-east", "上海市"), ("office-south", "广州市"), ("office-west", "成都市")];

/// Technicians per office; forty in all.
const TECHNICIANS: usize = 10;

/// A technician of the demo.
#[derive(Clone, Debug)]
pub struct Person {
    /// Id in dispatch.
    pub id: String,
}

/// Builds the company and gives its technicians.
///
/// # Errors
///
/// When a service refuses: the demo data is then at odds with the rules.
pub async fn build(keeper: &Doorkeeper, rng: &mut StdRng, districts: &[District]) -> anyhow::Result<Vec<Person>> {
    let mut doors = keeper.open("demo-manager", Role::Manager);
    let mut keeper_doors = keeper.open("demo-warehouse", Role::Warehouse);
    for (sku, name, price, back) in PARTS {
        keeper_doors.parts.create_part(part(sku, name, price, back)).await?;
    }
    let central = location(&mut keeper_doors, "C-01", "中央仓库", LocationKind::Central, "", ("", ""), None).await?;
    stock(&mut keeper_doors, &central, 200).await?;
    let mut people = Vec::new();
    for (unit, city) in OFFICES {
        let mine: Vec<_> = districts.iter().filter(|district| district.city == city).collect();
        let Some(first) = mine.first() else { continue };
        let centre = LatLng { latitude: first.latitude, longitude: first.longitude };
        let region = location(
            &mut keeper_doors,
            &format!("R-{unit}"),
            &format!("{city}区域仓"),
            LocationKind::Regional,
            &central,
            (unit, ""),
            Some(centre),
        )
        .await?;
        stock(&mut keeper_doors, &region, 40).await?;
        let point = service_point(keeper, &mut doors, rng, unit, city, first).await?;
        let shelf = format!("{city}维修部仓库");
        let shelf = location(
            &mut keeper_doors,
            &format!("P-{unit}"),
            &shelf,
            LocationKind::ServicePoint,
            &region,
            (unit, ""),
            Some(centre),
        )
        .await?;
        stock(&mut keeper_doors, &shelf, 10).await?;
        for number in 0..TECHNICIANS {
            let home = people::one(rng, &mine);
            let created = doors.dispatch.create_technician(technician(rng, &point, home, people.len(), number)).await?;
            let id = created.into_inner().technician_id;
            let code = format!("V-{:03}", people.len() + 1);
            let van = location(
                &mut keeper_doors,
                &code,
                &format!("{city}服务车 {code}"),
                LocationKind::Van,
                &shelf,
                (unit, &id),
                Some(centre),
            )
            .await?;
            stock(&mut keeper_doors, &van, 3).await?;
            people.push(Person { id });
        }
    }
    Ok(people)
}

fn part(sku: &str, name: &str, price: i64, back: bool) -> CreatePartRequest {
    CreatePartRequest {
        request_id: format!("demo-{sku}"),
        sku: sku.to_owned(),
        name: name.to_owned(),
        unit: "件".to_owned(),
        kind: PartKind::Spare.into(),
        tracking: PartTracking::Plain.into(),
        price: Some(Money { minor_units: price, currency_code: "CNY".to_owned() }),
        return_old_part: back,
        warranty_months: 12,
        payer: PartPayer::Factory.into(),
        ..Default::default()
    }
}

async fn location(
    doors: &mut Doors,
    code: &str,
    name: &str,
    kind: LocationKind,
    parent: &str,
    (unit, technician): (&str, &str),
    position: Option<LatLng>,
) -> anyhow::Result<String> {
    let request = CreateLocationRequest {
        request_id: format!("demo-{code}"),
        code: code.to_owned(),
        name: name.to_owned(),
        kind: kind.into(),
        org_unit_id: unit.to_owned(),
        parent_id: parent.to_owned(),
        technician_id: technician.to_owned(),
        position,
        ..Default::default()
    };
    Ok(doors.parts.create_location(request).await?.into_inner().location_id)
}

async fn stock(doors: &mut Doors, location: &str, pieces: i64) -> anyhow::Result<()> {
    let lines = PARTS.iter().map(|(sku, ..)| StockLine {
        sku: (*sku).to_owned(),
        quantity_milli: pieces * 1000,
        ..Default::default()
    });
    let request = ReceiveStockRequest {
        request_id: format!("demo-stock-{location}"),
        location_id: location.to_owned(),
        reference: "期初入库".to_owned(),
        condition: StockCondition::Good.into(),
        lines: lines.collect(),
        ..Default::default()
    };
    doors.parts.receive_stock(request).await?;
    Ok(())
}

/// From the application to the first day of work, step by step as the rules want it.
async fn service_point(
    keeper: &Doorkeeper,
    doors: &mut Doors,
    rng: &mut StdRng,
    unit: &str,
    city: &str,
    district: &District,
) -> anyhow::Result<String> {
    let created = doors
        .dispatch
        .create_service_point(CreateServicePointRequest {
            request_id: format!("demo-point-{unit}"),
            org_unit_id: unit.to_owned(),
            name: format!("{city}特约维修部"),
            contact_name: people::name(rng),
            contact_phone: people::phone(900_000),
            address: Some(people::address(rng, district)),
            time_zone: "Asia/Shanghai".to_owned(),
            ..Default::default()
        })
        .await?
        .into_inner();
    let service_point_id = created.service_point_id;
    let id = || service_point_id.clone();
    let checklist = ["营业执照", "电工证", "工具齐备", "仓储条件"].map(|item| InspectionItem {
        item: item.to_owned(),
        passed: true,
        note: String::new(),
    });
    doors
        .dispatch
        .inspect_service_point(InspectServicePointRequest {
            service_point_id: id(),
            checklist: checklist.into(),
            note: "现场考察合格".to_owned(),
            ..Default::default()
        })
        .await?;
    // Who inspected cannot approve.
    let mut other = keeper.open("demo-director", Role::Manager);
    other
        .dispatch
        .approve_service_point(ApproveServicePointRequest {
            service_point_id: id(),
            note: "同意".to_owned(),
            ..Default::default()
        })
        .await?;
    let rate = |kind: &str, fen: i64| RateLine {
        kind: kind.to_owned(),
        up_to_km: 30,
        fee: Some(Money { minor_units: fen, currency_code: "CNY".to_owned() }),
        night_percent: 30,
        holiday_percent: 50,
        parts_percent: 5,
    };
    let contract = ServiceContract {
        contract_number: format!("HT-2025-{unit}"),
        territories: vec![district.division_code[..4].to_owned()],
        categories: ["lighting", "appliance", "cabinet", "curtain", "electronics"].map(str::to_owned).into(),
        capacity_per_day: 200,
        valid_from: "2025-01-01".to_owned(),
        valid_until: "2030-12-31".to_owned(),
        rates: vec![rate("repair", 8_000), rate("installation", 6_000), rate("maintenance", 5_000)],
        documents: Vec::new(),
    };
    doors
        .dispatch
        .contract_service_point(ContractServicePointRequest {
            service_point_id: id(),
            contract: Some(contract),
            ..Default::default()
        })
        .await?;
    doors
        .dispatch
        .activate_service_point(ActivateServicePointRequest { service_point_id: id(), ..Default::default() })
        .await?;
    Ok(service_point_id)
}

fn technician(rng: &mut StdRng, point: &str, home: &District, serial: usize, number: usize) -> CreateTechnicianRequest {
    // Everybody knows lighting and appliances; the others are shared out, so that some skills are rare.
    let skills = SKILLS
        .iter()
        .enumerate()
        .filter(|(place, _)| *place < 2 || number % 3 == place - 2)
        .map(|(_, code)| Skill { code: (*code).to_owned(), level: rng.random_range(3..=5) });
    let skills: Vec<_> = skills.collect();
    let gas = skills.iter().any(|skill| skill.code == "gas_appliance");
    let mut certificates = vec![certificate("electrician", serial)];
    if gas {
        certificates.push(certificate("gas_fitter", serial));
    }
    // Six days a week, seven on rota: nobody of the demo is missing on a weekend.
    let free = i32::try_from(number % 7 + 1).unwrap_or_default();
    let shifts = (1..=7).filter(|weekday| free != *weekday).map(|weekday| Shift {
        weekday,
        start: "08:00".to_owned(),
        end: "20:00".to_owned(),
        breaks: vec![ShiftBreak { start: "12:00".to_owned(), end: "13:00".to_owned() }],
    });
    CreateTechnicianRequest {
        request_id: format!("demo-technician-{serial}"),
        service_point_id: point.to_owned(),
        name: people::name(rng),
        phone: people::phone(910_000 + u32::try_from(serial).unwrap_or_default()),
        skills,
        certificates,
        home: Some(LatLng { latitude: home.latitude, longitude: home.longitude }),
        shifts: shifts.collect(),
        languages: vec!["zh-CN".to_owned()],
        daily_job_limit: 8,
        time_zone: "Asia/Shanghai".to_owned(),
        ..Default::default()
    }
}

fn certificate(code: &str, serial: usize) -> Certificate {
    Certificate {
        code: code.to_owned(),
        number: format!("{code}-{:05}", 10_000 + serial),
        valid_until: "2030-12-31".to_owned(),
        ..Default::default()
    }
}
