//! What the tests of the RPCs share: a complaint desk on a throw-away database, and the way of a complaint to any state.

use common::{
    error::{Result, reason},
    record::Role,
    service::{Call, Definition as _},
    testing::{Backend, Bench, bench},
};
use prost::Message as _;
use proto::aftercare::{
    common::v1::{Attachment, Money},
    complaint::v1::*,
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
};

use crate::Context;

/// A desk of the complaint service.
pub(crate) struct Desk {
    pub(crate) bench: Bench,
    pub(crate) ctx: Context,
}

/// One of several callers at once.
pub(crate) struct Caller {
    pub(crate) ctx: Context,
    pub(crate) call: Call,
}

/// Runs an RPC as its caller would meet it: rules of the contract first, a lost race tried again.
macro_rules! run {
    ($desk:expr, $call:expr, $rpc:ident, $request:expr) => {{
        let (desk, call, request) = (&$desk, $call, $request);
        let mut tries = 0;
        loop {
            let result = match common::rpc::validate(&request) {
                Ok(()) => $crate::rpc::$rpc::handle(&desk.ctx, &call, request.clone()).await,
                Err(error) => Err(error),
            };
            match result {
                Err(error) if error.reason == common::error::reason::CONFLICT && tries < 20 => tries += 1,
                result => break result,
            }
        }
    }};
}
pub(crate) use run;

pub(crate) async fn desk(backend: Backend) -> Desk {
    let bench = bench::<crate::Complaint>(backend, "").await;
    let config = toml::from_str(crate::Complaint::DEFAULTS).unwrap();
    let ctx = Context::new(&config, bench.core.clone()).unwrap();
    Desk { bench, ctx }
}

pub(crate) fn money(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency_code: "CNY".to_owned() })
}

pub(crate) fn photo() -> Vec<Attachment> {
    vec![Attachment { file_id: "f_1".to_owned(), label: "photo".to_owned() }]
}

pub(crate) fn receive_request() -> ReceiveComplaintRequest {
    ReceiveComplaintRequest {
        channel: ComplaintChannel::Hotline.into(),
        subject: ComplaintSubject::Installation.into(),
        reason_code: "installation.leak".to_owned(),
        severity: Severity::Normal.into(),
        customer_id: "cu_1".to_owned(),
        complainant_name: "王芳".to_owned(),
        complainant_phone: "+8613800000000".to_owned(),
        description: "it leaks".to_owned(),
        service_request_id: "sr_1".to_owned(),
        technician_id: "te_1".to_owned(),
        about_org_unit_id: "ou_2".to_owned(),
        survey_consent: true,
        ..Default::default()
    }
}

pub(crate) fn share(unit: &str, person: &str, percent: i32) -> ResponsibilityShare {
    ResponsibilityShare { org_unit_id: unit.to_owned(), person_id: person.to_owned(), percent, penalty: None }
}

/// A solution of rework (free) and compensation.
pub(crate) fn rework_and(compensation: i64) -> Vec<ProposedSolution> {
    let remedy = |remedy: Remedy, cost| PlannedRemedy { remedy: remedy.into(), description: String::new(), cost };
    vec![ProposedSolution {
        description: "again, and something for the trouble".to_owned(),
        remedies: vec![remedy(Remedy::Rework, None), remedy(Remedy::Compensation, money(compensation))],
    }]
}

impl Desk {
    pub(crate) fn call(&self, role: Role) -> Call {
        self.bench.call(role)
    }

    pub(crate) fn caller(&self, role: Role) -> Caller {
        Caller { ctx: self.ctx.clone(), call: self.call(role) }
    }

    pub(crate) async fn received(&self) -> Complaint {
        run!(self, self.call(Role::Agent), receive_complaint, receive_request()).unwrap()
    }

    pub(crate) async fn acknowledged(&self) -> Complaint {
        let complaint = self.received().await;
        self.acknowledge(&complaint).await
    }

    pub(crate) async fn acknowledge(&self, complaint: &Complaint) -> Complaint {
        let request =
            AcknowledgeComplaintRequest { complaint_id: complaint.complaint_id.clone(), ..Default::default() };
        run!(self, self.call(Role::Agent), acknowledge_complaint, request).unwrap()
    }

    pub(crate) async fn judge(&self, complaint: &Complaint, verdict: Verdict) -> Result<Complaint> {
        let request = JudgeComplaintRequest {
            complaint_id: complaint.complaint_id.clone(),
            verdict: verdict.into(),
            reply: "we looked at it".to_owned(),
            grounds: "photos".to_owned(),
            evidence: photo(),
            ..Default::default()
        };
        run!(self, self.call(Role::Quality), judge_complaint, request)
    }

    pub(crate) async fn investigate(&self, complaint: &Complaint, cause: &str) -> Result<Complaint> {
        let request = InvestigateComplaintRequest {
            complaint_id: complaint.complaint_id.clone(),
            cause_code: cause.to_owned(),
            cause: "not tightened".to_owned(),
            shares: vec![share("ou_2", "te_1", 70), share("ou_3", "", 30)],
            evidence: photo(),
            ..Default::default()
        };
        run!(self, self.call(Role::Manager), investigate_complaint, request)
    }

    pub(crate) async fn propose(&self, complaint: &Complaint, compensation: i64) -> Complaint {
        let request = ProposeSolutionsRequest {
            complaint_id: complaint.complaint_id.clone(),
            solutions: rework_and(compensation),
            ..Default::default()
        };
        run!(self, self.call(Role::Agent), propose_solutions, request).unwrap()
    }

    pub(crate) async fn approve(&self, complaint: &Complaint, role: Role) -> Result<Complaint> {
        let request = ApproveSolutionRequest {
            complaint_id: complaint.complaint_id.clone(),
            solution_no: 1,
            ..Default::default()
        };
        run!(self, self.call(role), approve_solution, request)
    }

    /// A complaint whose solutions wait for a decision.
    pub(crate) async fn pending_approval(&self, compensation: i64) -> Complaint {
        let complaint = self.acknowledged().await;
        let complaint = self.judge(&complaint, Verdict::Founded).await.unwrap();
        let complaint = self.investigate(&complaint, "install.loose_fitting").await.unwrap();
        self.propose(&complaint, compensation).await
    }

    pub(crate) async fn implementing(&self) -> Complaint {
        let complaint = self.pending_approval(10_000).await;
        self.approve(&complaint, Role::Supervisor).await.unwrap()
    }

    pub(crate) async fn agree(&self, complaint: &Complaint) -> Complaint {
        let request = RecordAgreementRequest {
            complaint_id: complaint.complaint_id.clone(),
            kind: AgreementKind::Signature.into(),
            file_id: "f_2".to_owned(),
            ..Default::default()
        };
        run!(self, self.call(Role::Agent), record_agreement, request).unwrap()
    }

    pub(crate) async fn complete(&self, complaint: &Complaint, action_no: i32) -> Result<Complaint> {
        let request = CompleteActionRequest {
            complaint_id: complaint.complaint_id.clone(),
            action_no,
            note: "done".to_owned(),
            ..Default::default()
        };
        run!(self, self.call(Role::Agent), complete_action, request)
    }

    pub(crate) async fn follow_up(&self, complaint: &Complaint, result: FollowUpResult) -> Result<Complaint> {
        let request = RecordFollowUpRequest {
            complaint_id: complaint.complaint_id.clone(),
            result: result.into(),
            note: "in the customer's words".to_owned(),
            ..Default::default()
        };
        run!(self, self.call(Role::Agent), record_follow_up, request)
    }

    /// A complaint that is done and waits for the customer's word.
    pub(crate) async fn followed(&self) -> Complaint {
        let complaint = self.implementing().await;
        let complaint = self.agree(&complaint).await;
        let complaint = self.complete(&complaint, 1).await.unwrap();
        self.complete(&complaint, 2).await.unwrap()
    }

    pub(crate) async fn archive(&self, complaint: &Complaint) -> Result<Complaint> {
        let request = ArchiveComplaintRequest {
            complaint_id: complaint.complaint_id.clone(),
            lesson: "tighten".to_owned(),
            prevention: "torque wrench".to_owned(),
            ..Default::default()
        };
        run!(self, self.call(Role::Quality), archive_complaint, request)
    }

    pub(crate) async fn get(&self, complaint: &Complaint) -> Complaint {
        let request = GetComplaintRequest { complaint_id: complaint.complaint_id.clone() };
        run!(self, self.call(Role::Agent), get_complaint, request).unwrap()
    }

    /// Tells of a service request.
    pub(crate) async fn request(&self, fact: ServiceRequestFact, event: ServiceRequestEvent) {
        let event = ServiceRequestEvent { fact: fact.into(), ..event };
        let id = event.service_request_id.clone();
        self.bench.deliver("intake", "service_request", &id, 1, &event).await.unwrap();
    }

    /// The facts published of one complaint, oldest first.
    pub(crate) async fn facts(&self, complaint: &Complaint) -> Vec<ComplaintFact> {
        let events = self.bench.events().await.unwrap();
        let mine = events.into_iter().filter(|event| event.aggregate_id == complaint.complaint_id);
        let mut versions = 0;
        mine.map(|event| {
            versions += 1;
            assert_eq!(event.aggregate_version, versions, "every version has exactly one event");
            ComplaintEvent::decode(event.payload.as_slice()).unwrap().fact()
        })
        .collect()
    }
}

/// A refused action leaves the complaint as it was.
pub(crate) async fn unchanged(desk: &Desk, before: &Complaint) {
    assert_eq!(&desk.get(before).await, before);
}

/// The reason of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    let error = result.unwrap_err();
    assert_ne!(error.reason, reason::INTERNAL, "{:?}", error.cause());
    error.reason.name
}
