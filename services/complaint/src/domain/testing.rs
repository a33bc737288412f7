//! Complaints in every state, for tests.

use chrono::{DateTime, Duration, TimeZone as _, Utc};
use common::{
    id::Ids,
    record::{Actor, Changed, Role},
};

use super::{
    approval::Approval,
    complaint::{Complainant, Complaint, Links},
    follow_up::Review,
    implementation::{Agreement, PlannedRemedy, Solution},
    judgement::{Investigation, Judgement, Share},
    policy::{Policy, RoleLimits},
    receive::Matter,
    values::{AgreementKind, Channel, Evidence, FollowUpResult, Remedy, Severity, Subject, Verdict},
};

pub(crate) fn policy() -> Policy {
    let limits = |supervisor, manager| RoleLimits { supervisor, quality: supervisor, manager, admin: i64::MAX };
    Policy {
        acknowledge: Duration::hours(2),
        acknowledge_crisis: Duration::minutes(15),
        resolution: [Duration::days(7), Duration::days(5), Duration::days(3), Duration::days(1)],
        implementation: Duration::days(7),
        follow_up: Duration::days(3),
        follow_up_tries: 3,
        follow_up_gap: Duration::hours(4),
        escalation_interval: Duration::hours(4),
        recipients: vec!["role:manager".to_owned(), "duty".to_owned()],
        currency: "CNY".to_owned(),
        approval: limits(100_000, 1_000_000),
        compensation: limits(20_000, 300_000),
        compensation_budget: 500_000,
        presumption_months: 6,
        effect_check: Duration::days(30),
        repeated_cause: 3,
        repeated_within: Duration::days(30),
    }
}

pub(crate) fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).unwrap()
}

pub(crate) fn actor(role: Role) -> Actor {
    Actor::new(format!("{}-1", role.as_str()), role, "ou_head")
}

pub(crate) fn matter() -> Matter {
    Matter {
        channel: Channel::Hotline,
        subject: Subject::Installation,
        reason_code: "installation.leak".to_owned(),
        severity: Severity::Normal,
        customer_id: "cu_1".to_owned(),
        complainant: Complainant::default(),
        description: "it leaks".to_owned(),
        wanted: "a dry floor".to_owned(),
        links: Links {
            service_requests: vec!["sr_1".to_owned()],
            technicians: vec!["te_1".to_owned()],
            ..Links::default()
        },
        org_unit_id: "ou_1".to_owned(),
        partner_id: String::new(),
        about_org_unit_id: "ou_2".to_owned(),
        owner_id: "agent-1".to_owned(),
        received_at: start(),
        outside_due_at: None,
        accepted_at: None,
        survey_consent: true,
        source: String::new(),
    }
}

pub(crate) fn received() -> Complaint {
    open(matter())
}

pub(crate) fn open(matter: Matter) -> Complaint {
    matter.receive(Ids::seeded(7).make(start()), "CP-2026-000001".to_owned(), &policy(), start()).unwrap()
}

pub(crate) fn judgement(verdict: Verdict) -> Judgement {
    Judgement {
        verdict,
        reply: "we looked at it".to_owned(),
        grounds: "photos".to_owned(),
        evidence: vec![Evidence { file_id: "f_1".to_owned(), label: "photo".to_owned() }],
        by: actor(Role::Admin),
        at: start(),
    }
}

pub(crate) fn investigation() -> Investigation {
    Investigation {
        cause_code: "install.loose_fitting".to_owned(),
        cause: "the fitting was not tightened".to_owned(),
        shares: vec![
            Share { org_unit_id: "ou_2".to_owned(), person_id: Some("te_1".to_owned()), percent: 70, penalty: 5_000 },
            Share { org_unit_id: "ou_3".to_owned(), person_id: None, percent: 30, penalty: 0 },
        ],
        currency: "CNY".to_owned(),
        evidence: judgement(Verdict::Founded).evidence,
        product_problem: false,
        by: actor(Role::Admin),
        at: start(),
    }
}

/// Rework for nothing and compensation of 100.00.
pub(crate) fn solutions() -> Vec<Solution> {
    let planned = |remedy, cost| PlannedRemedy { remedy, description: String::new(), cost };
    vec![Solution {
        no: 1,
        description: "again, and a present".to_owned(),
        remedies: vec![planned(Remedy::Rework, 0), planned(Remedy::Compensation, 10_000)],
        currency: "CNY".to_owned(),
        by: actor(Role::Agent),
        at: start(),
    }]
}

pub(crate) fn approval(role: Role) -> Approval {
    Approval { solution_no: 1, due_at: None, reason: String::new(), by: actor(role) }
}

pub(crate) fn agreement() -> Agreement {
    Agreement { kind: AgreementKind::Recording, file_id: "f_2".to_owned(), by: actor(Role::Agent), at: start() }
}

pub(crate) fn review() -> Review {
    Review {
        lesson: "tighten".to_owned(),
        prevention: "torque wrench".to_owned(),
        by: actor(Role::Quality),
        at: start(),
    }
}

fn done(changed: common::Result<Changed<Complaint>>) -> Complaint {
    changed.unwrap().record
}

pub(crate) fn acknowledged() -> Complaint {
    done(received().acknowledge(String::new(), start()))
}

pub(crate) fn investigating() -> Complaint {
    done(acknowledged().judge(judgement(Verdict::Founded), &policy(), start()))
}

pub(crate) fn replied() -> Complaint {
    done(acknowledged().judge(judgement(Verdict::Unfounded), &policy(), start()))
}

pub(crate) fn proposing() -> Complaint {
    done(investigating().investigate(investigation(), start()))
}

pub(crate) fn pending_approval() -> Complaint {
    done(proposing().propose(solutions(), start()))
}

pub(crate) fn implementing() -> Complaint {
    done(pending_approval().approve(approval(Role::Supervisor), &policy(), start()))
}

pub(crate) fn follow_up() -> Complaint {
    let agreed = done(implementing().agree(agreement(), &policy(), start()));
    let one = done(agreed.complete_action(1, "done".to_owned(), &policy(), start()));
    done(one.complete_action(2, "paid".to_owned(), &policy(), start()))
}

pub(crate) fn closed() -> Complaint {
    let asked =
        follow_up().follow_up(FollowUpResult::Satisfied, String::new(), &actor(Role::Agent), &policy(), start());
    done(asked)
}

pub(crate) fn archived() -> Complaint {
    done(closed().archive(review(), &[], start()))
}

/// One complaint in each state.
pub(crate) fn every_state() -> Vec<Complaint> {
    vec![
        received(),
        acknowledged(),
        investigating(),
        replied(),
        proposing(),
        pending_approval(),
        implementing(),
        follow_up(),
        closed(),
        archived(),
    ]
}
