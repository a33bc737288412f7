//! One past case, lived through the public actions: the call, the visit, the signature.

use chrono::{DateTime, Duration, Utc};
use common::{clock::Clock, convert::timestamp, record::Role};
use proto::aftercare::{
    common::v1::{PartLine, TimeWindow, UsedPart},
    dispatch::v1::{
        AcceptWorkOrderRequest, ArriveWorkOrderRequest, AssignWorkOrderRequest, ChecklistEntry,
        CompleteWorkOrderRequest, Consent, ConsentMethod, ContactCustomerRequest, ContactResult,
        DepartWorkOrderRequest, Diagnosis, FunctionalTest, ListCandidatesRequest, ListWorkOrdersRequest, PartUse,
        RecordWorkRequest, Signature, StartWorkOrderRequest, VerifyWorkOrderRequest, WorkOrder,
    },
    intake::v1::{
        AnswerServiceRequestRequest, Channel, CreateServiceRequestRequest, ReleaseServiceRequestRequest, RequestKind,
        TriageServiceRequestRequest, Urgency,
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{doors::Doorkeeper, households::Household, people};

/// How far a case of the demo gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Registered, not looked at yet.
    Called,
    /// Ready, and dispatch has it.
    Released,
    /// A technician has it.
    Assigned,
    /// Done, signed, verified.
    Done,
}

/// A case between its phases.
#[derive(Clone, Debug)]
pub struct Case {
    request_id: String,
    household: Household,
    window: TimeWindow,
    uses_part: bool,
}

/// Registers a case, and triages and releases it as far as it is to get. `serial` makes it the same one each time.
///
/// # Errors
///
/// When intake refuses.
pub async fn call(
    keeper: &Doorkeeper,
    serial: u32,
    household: Household,
    now: DateTime<Utc>,
    reach: Reach,
) -> anyhow::Result<Option<Case>> {
    let mut rng = StdRng::seed_from_u64(u64::from(serial));
    let mut intake = keeper.open(&format!("demo-agent-{}", 1 + serial % 4), Role::Agent).intake;
    let kind = match rng.random_range(0..100) {
        0..12 => RequestKind::Consultation,
        12..27 => RequestKind::Installation,
        27..34 => RequestKind::Maintenance,
        _ => RequestKind::Repair,
    };
    // Clear of everybody's lunch: at nine, or in the afternoon.
    let start = now + Duration::hours(*people::one(&mut rng, &[1, 5, 6, 8]));
    let window = TimeWindow { start: Some(timestamp(start)), end: Some(timestamp(start + Duration::hours(3))) };
    let uses_part = kind == RequestKind::Repair && rng.random_range(0..10) < 6;
    let wanted = PartLine { sku: (*people::one(&mut rng, &household.model.parts)).to_owned(), quantity_milli: 1000 };
    let request = CreateServiceRequestRequest {
        request_id: format!("demo-case-{serial}"),
        channel: (*people::one(&mut rng, &[Channel::Hotline, Channel::Wechat, Channel::App, Channel::Web])).into(),
        kind: kind.into(),
        urgency: if rng.random_range(0..12) == 0 { Urgency::Urgent } else { Urgency::Normal }.into(),
        customer_id: household.customer_id.clone(),
        product_id: household.product_id.clone(),
        address: Some(household.address.clone()),
        fault_code: (*people::one(&mut rng, &household.model.fault_codes)).to_owned(),
        description: describe(kind, &household),
        windows: vec![window],
        parts_wanted: if uses_part { vec![wanted] } else { Vec::new() },
        ..Default::default()
    };
    let service_request_id = intake.create_service_request(request).await?.into_inner().service_request_id;
    if reach == Reach::Called {
        return Ok(None);
    }
    let triage = TriageServiceRequestRequest { service_request_id: service_request_id.clone(), ..Default::default() };
    intake.triage_service_request(triage).await?;
    if kind == RequestKind::Consultation {
        let answer = AnswerServiceRequestRequest {
            service_request_id,
            answer: "已电话指导客户重新设置，问题解决".to_owned(),
            ..Default::default()
        };
        intake.answer_service_request(answer).await?;
        return Ok(None);
    }
    let release = ReleaseServiceRequestRequest {
        service_request_id: service_request_id.clone(),
        on_site_quote_consent: true,
        ..Default::default()
    };
    intake.release_service_request(release).await?;
    Ok(Some(Case { request_id: service_request_id, household, window, uses_part }))
}

fn describe(kind: RequestKind, household: &Household) -> String {
    match kind {
        RequestKind::Installation => "新购产品，请安排上门安装".to_owned(),
        RequestKind::Maintenance => "请安排年度保养".to_owned(),
        RequestKind::Consultation => "咨询使用方法".to_owned(),
        _ => household.model.complaint.to_owned(),
    }
}

/// The technician takes it and calls the customer, who confirms the window.
async fn take(keeper: &Doorkeeper, work_order_id: &str, technician_id: &str) -> anyhow::Result<()> {
    let mut phone = keeper.open(technician_id, Role::Technician).dispatch;
    let work_order_id = work_order_id.to_owned();
    let accept = AcceptWorkOrderRequest { work_order_id: work_order_id.clone(), ..Default::default() };
    phone.accept_work_order(accept).await?;
    let confirmed = ContactCustomerRequest {
        work_order_id,
        result: ContactResult::WindowConfirmed.into(),
        note: "客户确认时间".to_owned(),
        ..Default::default()
    };
    phone.contact_customer(confirmed).await?;
    Ok(())
}

impl Case {
    /// The work order that dispatch has made of it, once the events have been heard.
    async fn work_order(&self, keeper: &Doorkeeper) -> anyhow::Result<Option<WorkOrder>> {
        let mut dispatch = keeper.open("demo-dispatcher", Role::Dispatcher).dispatch;
        let request =
            ListWorkOrdersRequest { service_request_id: self.request_id.clone(), page_size: 1, ..Default::default() };
        Ok(dispatch.list_work_orders(request).await?.into_inner().work_orders.pop())
    }

    /// Gives it to the best technician who can take it, who takes it and calls the customer. `false` when nobody can.
    ///
    /// # Errors
    ///
    /// When dispatch refuses.
    pub async fn assign(&self, keeper: &Doorkeeper) -> anyhow::Result<bool> {
        let Some(order) = self.work_order(keeper).await? else { return Ok(false) };
        let mut dispatch = keeper.open("demo-dispatcher", Role::Dispatcher).dispatch;
        let candidates = dispatch
            .list_candidates(ListCandidatesRequest {
                work_order_id: order.work_order_id.clone(),
                window_start: self.window.start,
                window_end: self.window.end,
                eligible_only: true,
                page_size: 1,
                ..Default::default()
            })
            .await?
            .into_inner();
        let Some(best) = candidates.candidates.first() else { return Ok(false) };
        dispatch
            .assign_work_order(AssignWorkOrderRequest {
                work_order_id: order.work_order_id.clone(),
                technician_id: best.technician_id.clone(),
                window: Some(self.window),
                ..Default::default()
            })
            .await?;
        take(keeper, &order.work_order_id, &best.technician_id).await?;
        Ok(true)
    }

    /// Whoever the plan gave it to takes it and calls the customer; nothing happens when the plan left it open.
    ///
    /// # Errors
    ///
    /// When dispatch refuses.
    pub async fn confirm(&self, keeper: &Doorkeeper) -> anyhow::Result<()> {
        let Some(order) = self.work_order(keeper).await? else { return Ok(()) };
        match &order.assignment {
            Some(assignment) => take(keeper, &order.work_order_id, &assignment.technician_id).await,
            None => Ok(()),
        }
    }

    /// The visit itself, from the departure to the office's check. `work` goes by before it is completed: dispatch learns
    /// from it how long such jobs take.
    ///
    /// # Errors
    ///
    /// When dispatch refuses.
    pub async fn visit(&self, keeper: &Doorkeeper, clock: &Clock, work: Duration) -> anyhow::Result<()> {
        let Some(order) = self.work_order(keeper).await? else { return Ok(()) };
        let Some(assignment) = &order.assignment else { return Ok(()) };
        let mut phone = keeper.open(&assignment.technician_id, Role::Technician).dispatch;
        let id = || order.work_order_id.clone();
        let position = self.household.address.position;
        phone.depart_work_order(DepartWorkOrderRequest { work_order_id: id(), ..Default::default() }).await?;
        phone.arrive_work_order(ArriveWorkOrderRequest { work_order_id: id(), position, ..Default::default() }).await?;
        let done = |phase: &str| -> Vec<ChecklistEntry> {
            let items = order.checklist.iter().filter(|item| item.phase == phase);
            items.map(|item| ChecklistEntry { item: item.item.clone(), done: true, note: String::new() }).collect()
        };
        let consent = Consent {
            proposal: "检修并更换损坏部件".to_owned(),
            agreed: true,
            method: ConsentMethod::Signature.into(),
            price: (order.charge_kind == "charged")
                .then(|| proto::aftercare::common::v1::Money { minor_units: 12_000, currency_code: "CNY".to_owned() }),
            ..Default::default()
        };
        phone
            .start_work_order(StartWorkOrderRequest {
                work_order_id: id(),
                checklist: done("start"),
                consent: Some(consent),
                position,
                ..Default::default()
            })
            .await?;
        let diagnosis = Diagnosis {
            fault_code: order.fault_code.clone(),
            cause_code: "WEAR".to_owned(),
            text: "部件老化".to_owned(),
        };
        phone
            .record_work(RecordWorkRequest { work_order_id: id(), diagnosis: Some(diagnosis), ..Default::default() })
            .await?;
        clock.advance(work);
        phone.complete_work_order(self.completion(&order, done("complete"))).await?;
        let mut office = keeper.open("demo-dispatcher", Role::Dispatcher).dispatch;
        office.verify_work_order(VerifyWorkOrderRequest { work_order_id: id(), ..Default::default() }).await?;
        Ok(())
    }

    fn completion(&self, order: &WorkOrder, checklist: Vec<ChecklistEntry>) -> CompleteWorkOrderRequest {
        let parts = order.parts_reserved.iter().map(|line| PartUse {
            part: Some(UsedPart {
                sku: line.sku.clone(),
                used_milli: if self.uses_part { line.quantity_milli } else { 0 },
                returned_milli: if self.uses_part { 0 } else { line.quantity_milli },
                old_part_taken_back: true,
                ..Default::default()
            }),
            van_reason: String::new(),
        });
        CompleteWorkOrderRequest {
            work_order_id: order.work_order_id.clone(),
            checklist,
            parts: parts.collect(),
            functional_test: Some(FunctionalTest { passed: true, note: "试机正常".to_owned() }),
            signature: Some(Signature {
                file_id: format!("signature-{}", order.number),
                signed_as: "本人".to_owned(),
                ..Default::default()
            }),
            remarks: "客户满意".to_owned(),
            position: self.household.address.position,
            ..Default::default()
        }
    }
}
