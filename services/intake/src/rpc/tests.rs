//! Through the RPCs, on both databases.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use common::{
    convert::timestamp,
    record::Role,
    service::{Call, Definition as _},
    testing::{Backend, Bench, bench},
};
use prost::Message as _;
use proto::aftercare::{
    common::v1::{Address, Money},
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    intake::v1::*,
};

use crate::{Context, Intake, RuleBook, rpc};

mod actions;
mod charged;
mod contacts;
mod customers;
mod facts;
mod knowledge;
mod lists;
mod products;
mod requests;
mod timers;

/// A service on a database of its own, with short ways to the things that most tests need.
pub(super) struct World {
    pub(super) bench: Bench,
    pub(super) ctx: Context,
}

pub(super) async fn world(backend: Backend) -> World {
    let bench = bench::<Intake>(backend, "").await;
    let config = toml::from_str(Intake::DEFAULTS).unwrap();
    let ctx = Context { core: bench.core.clone(), rules: Arc::new(RuleBook::read(config).unwrap()) };
    World { bench, ctx }
}

impl World {
    pub(super) fn agent(&self) -> Call {
        self.bench.call(Role::Agent)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.bench.core.clock.now()
    }

    pub(super) async fn customer(&self, phone: &str) -> Customer {
        let request = CreateCustomerRequest {
            name: "Li Ming".to_owned(),
            phones: vec![Phone { number: phone.to_owned(), ..Phone::default() }],
            addresses: vec![address("310104", "1 Long Road")],
            consent: Some(Consent { survey: true, marketing: false }),
            ..CreateCustomerRequest::default()
        };
        rpc::create_customer::handle(&self.ctx, &self.agent(), request).await.unwrap()
    }

    pub(super) async fn product(&self, customer: &Customer, serial: &str, installed: &str) -> Product {
        let request = CreateProductRequest {
            customer_id: customer.customer_id.clone(),
            model: "KX-1".to_owned(),
            category_code: "fridge".to_owned(),
            serial_number: serial.to_owned(),
            install_date: installed.to_owned(),
            ..CreateProductRequest::default()
        };
        rpc::create_product::handle(&self.ctx, &self.agent(), request).await.unwrap()
    }

    /// A repair in warranty, asked for on the web, so that the agent owes a call.
    pub(super) async fn request(&self) -> ServiceRequest {
        let customer = self.customer("13800138000").await;
        let product = self.product(&customer, "", "2026-01-10").await;
        self.create(self.wanted(&customer, &product)).await
    }

    pub(super) fn wanted(&self, customer: &Customer, product: &Product) -> CreateServiceRequestRequest {
        CreateServiceRequestRequest {
            channel: Channel::Web.into(),
            kind: RequestKind::Repair.into(),
            customer_id: customer.customer_id.clone(),
            product_id: product.product_id.clone(),
            fault_code: "no_cooling".to_owned(),
            description: "It does not cool any more".to_owned(),
            ..CreateServiceRequestRequest::default()
        }
    }

    pub(super) async fn create(&self, request: CreateServiceRequestRequest) -> ServiceRequest {
        rpc::create_service_request::handle(&self.ctx, &self.agent(), request).await.unwrap()
    }

    pub(super) async fn get(&self, id: &str) -> ServiceRequest {
        let request = GetServiceRequestRequest { service_request_id: id.to_owned() };
        rpc::get_service_request::handle(&self.ctx, &self.agent(), request).await.unwrap()
    }

    pub(super) async fn triage(&self, id: &str) -> ServiceRequest {
        let request = TriageServiceRequestRequest { service_request_id: id.to_owned(), ..Default::default() };
        rpc::triage_service_request::handle(&self.ctx, &self.agent(), request).await.unwrap()
    }

    pub(super) async fn release(&self, id: &str) -> ServiceRequest {
        let request = ReleaseServiceRequestRequest { service_request_id: id.to_owned(), ..Default::default() };
        rpc::release_service_request::handle(&self.ctx, &self.agent(), request).await.unwrap()
    }

    /// A fact of dispatch about a visit.
    pub(super) async fn visit(&self, id: &str, work_order: &str, visit_number: i32, fact: WorkOrderFact) {
        let event = WorkOrderEvent {
            fact: fact.into(),
            work_order_id: work_order.to_owned(),
            service_request_id: id.to_owned(),
            visit_number,
            ..WorkOrderEvent::default()
        };
        self.bench.deliver("dispatch", "work_order", work_order, 1, &event).await.unwrap();
    }

    /// A solved request.
    pub(super) async fn solved(&self) -> ServiceRequest {
        let id = self.request().await.service_request_id;
        self.triage(&id).await;
        self.release(&id).await;
        for fact in [WorkOrderFact::Created, WorkOrderFact::Started, WorkOrderFact::Completed] {
            self.visit(&id, "wo_1", 1, fact).await;
        }
        self.get(&id).await
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.bench.advance(by).await.unwrap();
    }

    /// The facts told of a request, oldest first.
    pub(super) async fn facts(&self, id: &str) -> Vec<ServiceRequestEvent> {
        let events = self.bench.events().await.unwrap();
        let ours = events.iter().filter(|event| event.aggregate_id == id);
        let told: Vec<_> = ours.clone().map(|event| event.aggregate_version).collect();
        assert_eq!(
            told,
            (1..=i64::try_from(told.len()).unwrap()).collect::<Vec<_>>(),
            "every version has exactly one event"
        );
        ours.map(|event| ServiceRequestEvent::decode(event.payload.as_slice()).unwrap()).collect()
    }
}

pub(super) fn address(division_code: &str, line: &str) -> Address {
    Address {
        division_code: division_code.to_owned(),
        line: line.to_owned(),
        city: "Shanghai".to_owned(),
        ..Address::default()
    }
}

pub(super) fn yuan(yuan: i64) -> Option<Money> {
    Some(Money { minor_units: yuan * 100, currency_code: "CNY".to_owned() })
}

pub(super) fn at(when: DateTime<Utc>) -> Option<prost_types::Timestamp> {
    Some(timestamp(when))
}

pub(super) fn names(facts: &[ServiceRequestEvent]) -> Vec<ServiceRequestFact> {
    facts.iter().map(ServiceRequestEvent::fact).collect()
}

#[test]
fn every_reason_has_a_text_in_both_languages() {
    let catalog = common::catalog::Catalog::load(Intake::MESSAGES.0, Intake::MESSAGES.1).unwrap();
    assert_eq!(catalog.missing(crate::error::ALL), Vec::<&str>::new());
}

#[test]
fn rules_that_make_no_sense_stop_the_start() {
    let with = |change: &str, to: &str| {
        let text = Intake::DEFAULTS.replace(change, to);
        assert_ne!(text, Intake::DEFAULTS);
        toml::from_str(&text).map_err(anyhow::Error::new).and_then(RuleBook::read).map(|_| ())
    };
    assert!(with("time_zone = \"Asia/Shanghai\"\n", "time_zone = \"Mars/Olympus\"\n").is_err());
    assert!(with("country = \"CN\"", "country = \"XX\"").is_err());
    assert!(with("sla = \"\"", "sla = \"no/such/file\"").is_err());
    assert!(with("special_days = \"china\"", "special_days = \"moon\"").is_err());
    assert!(with("parent = \"head-office\"", "parent = \"nowhere\"").is_err());
    assert!(with("auto_close = \"7d\"", "auto_close = \"7 days\"").is_err());
}
