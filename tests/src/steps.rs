//! Steps that several journeys take.

use chrono::{DateTime, Days, Utc};
use common::{clock::Clock, convert::timestamp};
use proto::aftercare::{
    common::v1::{Money, PartLine, TimeWindow},
    dispatch::v1::{
        AcceptWorkOrderRequest, ArriveWorkOrderRequest, AssignWorkOrderRequest, BookSlotRequest, ChecklistEntry,
        CompleteWorkOrderRequest, Consent, ConsentMethod, ContactCustomerRequest, ContactResult,
        DepartWorkOrderRequest, Diagnosis, FunctionalTest, GetWorkOrderRequest, HoldSlotRequest, ListCandidatesRequest,
        ListCandidatesResponse, ListSlotsRequest, ListSlotsResponse, ListWorkOrdersRequest, ListWorkOrdersResponse,
        PartUse, RecordWorkRequest, Signature, SlotHold, SlotHoldState, StartWorkOrderRequest, VerifyWorkOrderRequest,
        WorkOrder, WorkOrderState,
    },
    gateway::v1::{CustomerTimeline, GetCustomerTimelineRequest},
    intake::v1::{
        Channel, Consent as CustomerConsent, CreateCustomerRequest, CreateProductRequest, CreateServiceRequestRequest,
        Customer, CustomerKind, GetServiceRequestRequest, Phone, Product, ReleaseServiceRequestRequest, RequestKind,
        RequestState, ServiceRequest, TriageServiceRequestRequest, Urgency,
    },
    survey::v1::{
        Answer, Invitation, InvitationState, ListInvitationsRequest, ListInvitationsResponse, SubmitAnswersRequest,
        Thanks,
    },
};
use rand::RngExt as _;

use crate::{client::Person, eventually, platform::Platform, world};

/// Today, by the machine's clock.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Clock::system().now()
}

/// Tomorrow afternoon in Shanghai: inside everybody's working hours.
#[must_use]
pub fn tomorrow() -> TimeWindow {
    let day = now().date_naive() + Days::new(1);
    let at = |hour: u32| day.and_hms_opt(hour, 0, 0).map(|time| timestamp(time.and_utc()));
    TimeWindow { start: at(6), end: at(9) }
}

/// A household: a customer with a washing machine.
#[derive(Clone, Debug)]
pub struct Household {
    /// The customer.
    pub customer_id: String,
    /// The washing machine.
    pub product_id: String,
}

/// Registers a customer who may be surveyed, and a washing machine bought so many days ago.
pub async fn household(agent: &Person, bought_days_ago: u64) -> Household {
    let serial: u32 = rand::rng().random_range(10_000_000..99_999_999);
    let customer = CreateCustomerRequest {
        kind: CustomerKind::Person.into(),
        name: "李晓明".to_owned(),
        phones: vec![Phone { number: format!("+86138{serial}"), primary: true, label: String::new() }],
        addresses: vec![world::home()],
        language: "zh-CN".to_owned(),
        consent: Some(CustomerConsent { survey: true, marketing: false }),
        ..Default::default()
    };
    let customer: Customer = agent.call(customer).await;
    let bought = now().date_naive() - Days::new(bought_days_ago);
    let product = CreateProductRequest {
        customer_id: customer.customer_id.clone(),
        model: "WM-80S".to_owned(),
        category_code: "appliance.washer".to_owned(),
        serial_number: format!("WM{:016}", rand::rng().random_range(0..10_u64.pow(16))),
        purchase_date: bought.to_string(),
        ..Default::default()
    };
    let product: Product = agent.call(product).await;
    Household { customer_id: customer.customer_id, product_id: product.product_id }
}

/// A repair that the household asks for by telephone.
#[must_use]
pub fn repair(household: &Household, parts: &[&str]) -> CreateServiceRequestRequest {
    CreateServiceRequestRequest {
        channel: Channel::Hotline.into(),
        kind: RequestKind::Repair.into(),
        urgency: Urgency::Normal.into(),
        customer_id: household.customer_id.clone(),
        product_id: household.product_id.clone(),
        fault_code: "WM01".to_owned(),
        description: "洗衣机不排水".to_owned(),
        windows: vec![tomorrow()],
        parts_wanted: parts.iter().map(|sku| PartLine { sku: (*sku).to_owned(), quantity_milli: 1000 }).collect(),
        ..Default::default()
    }
}

/// Sorts a new request and makes it ready for a visit.
pub async fn triage_and_release(agent: &Person, request: &ServiceRequest) -> ServiceRequest {
    let service_request_id = || request.service_request_id.clone();
    let triage = TriageServiceRequestRequest { service_request_id: service_request_id(), ..Default::default() };
    let triaged: ServiceRequest = agent.call(triage).await;
    assert_eq!(triaged.state(), RequestState::Triaged);
    let release = ReleaseServiceRequestRequest { service_request_id: service_request_id(), ..Default::default() };
    let released: ServiceRequest = agent.call(release).await;
    assert!(matches!(released.state(), RequestState::Ready | RequestState::Scheduled), "{:?}", released.state());
    released
}

/// Waits until the request is in this state.
pub async fn request_in(person: &Person, id: &str, state: RequestState) -> ServiceRequest {
    eventually(&format!("the request is {state:?}"), async || {
        let request: ServiceRequest = person
            .send(GetServiceRequestRequest { service_request_id: id.to_owned() })
            .await
            .map_err(|refusal| refusal.to_string())?;
        if request.state() == state { Ok(request) } else { Err(format!("{:?}", request.state())) }
    })
    .await
}

/// All work orders of a request.
pub async fn work_orders(person: &Person, request_id: &str) -> Vec<WorkOrder> {
    let list = ListWorkOrdersRequest { service_request_id: request_id.to_owned(), ..Default::default() };
    person.call::<_, ListWorkOrdersResponse>(list).await.work_orders
}

/// Waits for the request's visit of this number, in a condition.
pub async fn visit(
    person: &Person,
    request_id: &str,
    number: i32,
    what: &str,
    holds: impl Fn(&WorkOrder) -> bool,
) -> WorkOrder {
    eventually(&format!("visit {number} {what}"), async || {
        let orders = work_orders(person, request_id).await;
        let found = orders.iter().find(|order| order.visit_number == number && holds(order)).cloned();
        found.ok_or_else(|| {
            orders.iter().map(|order| (order.visit_number, order.state(), order.parts_state())).collect::<Vec<_>>()
        })
    })
    .await
}

/// Offers a visit to the best technician who can take it, and gives that technician's id.
pub async fn assign(dispatcher: &Person, order: &WorkOrder) -> String {
    let window = tomorrow();
    let list = ListCandidatesRequest {
        work_order_id: order.work_order_id.clone(),
        window_start: window.start,
        window_end: window.end,
        eligible_only: true,
        ..Default::default()
    };
    let candidates: ListCandidatesResponse = dispatcher.call(list).await;
    assert!(!candidates.candidates.is_empty(), "nobody can take {}", order.number);
    let technician_id = candidates.candidates[0].technician_id.clone();
    let assign = AssignWorkOrderRequest {
        work_order_id: order.work_order_id.clone(),
        technician_id: technician_id.clone(),
        window: Some(window),
        ..Default::default()
    };
    let assigned: WorkOrder = dispatcher.call(assign).await;
    assert_eq!(assigned.state(), WorkOrderState::Assigned);
    technician_id
}

/// The customer is offered windows, takes the best one, and the technician who comes with it is named.
pub async fn book(agent: &Person, order: &WorkOrder) -> String {
    let work_order_id = || order.work_order_id.clone();
    let list = ListSlotsRequest { work_order_id: work_order_id(), page_size: 5, ..Default::default() };
    let offered: ListSlotsResponse = agent.call(list).await;
    assert!(!offered.slots.is_empty(), "no window for {}", order.number);
    let slot = &offered.slots[0];
    let hold = HoldSlotRequest {
        work_order_id: work_order_id(),
        window: slot.window,
        technician_id: slot.technician_id.clone(),
        ..Default::default()
    };
    let held: SlotHold = agent.call(hold).await;
    assert_eq!((held.state(), held.window), (SlotHoldState::Held, slot.window));
    let book = BookSlotRequest { slot_hold_id: held.slot_hold_id.clone(), ..Default::default() };
    let booked: SlotHold = agent.call(book).await;
    assert_eq!((booked.state(), &booked.work_order_id), (SlotHoldState::Used, &order.work_order_id));
    let assigned: WorkOrder = agent.call(GetWorkOrderRequest { work_order_id: work_order_id() }).await;
    assert_eq!((assigned.state(), assigned.promised_window), (WorkOrderState::Assigned, slot.window));
    booked.technician_ids[0].clone()
}

/// The technician takes the offer and confirms the window with the customer.
pub async fn accept(technician: &Person, order: &WorkOrder) {
    let work_order_id = || order.work_order_id.clone();
    let accept = AcceptWorkOrderRequest { work_order_id: work_order_id(), ..Default::default() };
    assert_eq!(technician.call::<_, WorkOrder>(accept).await.state(), WorkOrderState::Accepted);
    let contact = ContactCustomerRequest {
        work_order_id: work_order_id(),
        result: ContactResult::WindowConfirmed.into(),
        ..Default::default()
    };
    technician.call::<_, WorkOrder>(contact).await;
}

/// The technician travels, arrives and begins, with the customer's consent.
pub async fn begin(technician: &Person, order: &WorkOrder, consent: Consent) -> WorkOrder {
    let work_order_id = || order.work_order_id.clone();
    let position = Some(world::place());
    let depart = DepartWorkOrderRequest { work_order_id: work_order_id(), ..Default::default() };
    assert_eq!(technician.call::<_, WorkOrder>(depart).await.state(), WorkOrderState::EnRoute);
    let arrive = ArriveWorkOrderRequest { work_order_id: work_order_id(), position, ..Default::default() };
    assert_eq!(technician.call::<_, WorkOrder>(arrive).await.state(), WorkOrderState::OnSite);
    let start = StartWorkOrderRequest {
        work_order_id: work_order_id(),
        checklist: done(order, "start"),
        consent: Some(consent),
        position,
        ..Default::default()
    };
    let started: WorkOrder = technician.call(start).await;
    assert_eq!(started.state(), WorkOrderState::InProgress);
    let diagnosis =
        Diagnosis {
            fault_code: order.fault_code.clone(), cause_code: "WEAR".to_owned(), text: "部件老化".to_owned()
        };
    let record = RecordWorkRequest { work_order_id: work_order_id(), diagnosis: Some(diagnosis), ..Default::default() };
    technician.call(record).await
}

/// An amount of yuan, in fen.
#[must_use]
pub fn fen(minor_units: i64) -> Money {
    Money { minor_units, currency_code: "CNY".to_owned() }
}

/// Consent with the price that the customer agreed to.
#[must_use]
pub fn consent_at(minor_units: i64) -> Consent {
    Consent { price: Some(fen(minor_units)), ..consent() }
}

/// Consent without a price, as a repair in warranty needs it.
#[must_use]
pub fn consent() -> Consent {
    Consent {
        proposal: "更换排水泵".to_owned(),
        agreed: true,
        method: ConsentMethod::Signature.into(),
        ..Default::default()
    }
}

/// Every item of the order's checklist of one phase, done.
#[must_use]
pub fn done(order: &WorkOrder, phase: &str) -> Vec<ChecklistEntry> {
    let items = order.checklist.iter().filter(|item| item.phase == phase);
    items.map(|item| ChecklistEntry { item: item.item.clone(), done: true, note: String::new() }).collect()
}

/// What a technician hands in at the end of a visit that went well, with these parts used or brought back.
#[must_use]
pub fn completion(order: &WorkOrder, parts: Vec<PartUse>) -> CompleteWorkOrderRequest {
    CompleteWorkOrderRequest {
        work_order_id: order.work_order_id.clone(),
        checklist: done(order, "complete"),
        parts,
        functional_test: Some(FunctionalTest { passed: true, note: "试机正常".to_owned() }),
        signature: Some(Signature {
            file_id: "signature-1".to_owned(),
            signed_as: "本人".to_owned(),
            ..Default::default()
        }),
        position: Some(world::place()),
        ..Default::default()
    }
}

/// One visit from the offer to the signature, in which nothing special happens. Gives the technician's id.
pub async fn whole_visit(platform: &Platform, request_id: &str, number: i32, consent: Consent) -> String {
    let dispatcher = platform.person("dispatcher", "us_zhao");
    let order = visit(&dispatcher, request_id, number, "is there", |_| true).await;
    let technician_id = assign(&dispatcher, &order).await;
    let technician = platform.person("technician", &technician_id);
    accept(&technician, &order).await;
    begin(&technician, &order, consent.clone()).await;
    let mut completion = completion(&order, Vec::new());
    completion.fee_collected = consent.price;
    let completed: WorkOrder = technician.call(completion).await;
    assert_eq!(completed.state(), WorkOrderState::Completed);
    technician_id
}

/// The office accepts the record.
pub async fn verify(dispatcher: &Person, order: &WorkOrder) {
    let verify = VerifyWorkOrderRequest { work_order_id: order.work_order_id.clone(), ..Default::default() };
    assert_eq!(dispatcher.call::<_, WorkOrder>(verify).await.state(), WorkOrderState::Verified);
}

/// The work order as it is now.
pub async fn order(person: &Person, order: &WorkOrder) -> WorkOrder {
    person.call(GetWorkOrderRequest { work_order_id: order.work_order_id.clone() }).await
}

/// Waits until the customer has the link of the survey about this request.
pub async fn invitation(person: &Person, request_id: &str) -> Invitation {
    eventually("the customer is invited to the survey", async || {
        let found = invitations(person, request_id).await;
        let sent = found.iter().find(|one| one.state() == InvitationState::Sent).cloned();
        sent.ok_or_else(|| found.iter().map(|one| (one.state(), one.reason.clone())).collect::<Vec<_>>())
    })
    .await
}

/// All invitations about a request.
pub async fn invitations(person: &Person, request_id: &str) -> Vec<Invitation> {
    let list = ListInvitationsRequest { service_request_id: request_id.to_owned(), ..Default::default() };
    person.call::<_, ListInvitationsResponse>(list).await.invitations
}

/// The customer answers through the link: how satisfied (1 to 5), how likely to recommend (0 to 10).
pub async fn answer(customer: &Person, invitation: &Invitation, satisfied: i32, recommend: i32) -> Thanks {
    let token = invitation.link_path.rsplit('/').next().unwrap_or_default().to_owned();
    let score =
        |key: &str, score: i32| Answer { question_key: key.to_owned(), score: Some(score), ..Default::default() };
    let submit = SubmitAnswersRequest {
        token,
        answers: vec![score("satisfied", satisfied), score("recommend", recommend)],
        ..Default::default()
    };
    customer.call(submit).await
}

/// The customer's whole history, once every service is there to tell its part.
pub async fn timeline(platform: &Platform, customer_id: &str) -> CustomerTimeline {
    let agent = platform.person("agent", "us_reader");
    let request =
        GetCustomerTimelineRequest { customer_id: customer_id.to_owned(), page_size: 500, ..Default::default() };
    eventually("every service tells its part of the history", async || {
        let history: CustomerTimeline = agent.call(request.clone()).await;
        if history.unavailable_services.is_empty() { Ok(history) } else { Err(history.unavailable_services) }
    })
    .await
}
