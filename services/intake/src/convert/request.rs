//! Service requests with their deadlines as of now.

use chrono::{DateTime, Utc};
use common::{catalog::Language, convert::timestamp};
use proto::aftercare::{common::v1::PartLine, intake::v1 as pb};

use super::{
    actor, address_value, attachment_values, channel_value, charge_value, day_text, hold_value, kind_value,
    stage_value, urgency_value, verdict_value,
};
use crate::{
    Context,
    domain::{
        ladder::Escalation,
        request::{Approval, Quote, QuoteLine, ServiceRequest, Solution, State, WarrantySnapshot},
        sla::{self, Deadline, LevelClock},
    },
};

/// The request's message.
pub(crate) fn service_request(
    ctx: &Context,
    from: &ServiceRequest,
    language: Language,
    now: DateTime<Utc>,
) -> pb::ServiceRequest {
    let id = |id: Option<String>| id.unwrap_or_default();
    let links = &from.links;
    let (answer, article_id) = match from.solution() {
        Some(Solution::Answer { text, article_id }) => (text.clone(), id(article_id.as_ref().map(ToString::to_string))),
        Some(Solution::Visit { .. } | Solution::Goods { .. } | Solution::Complaint) | None => Default::default(),
    };
    let clocks = sla::level_clocks(&from.log, &ctx.rules.policies, &ctx.rules.hours, now);
    pb::ServiceRequest {
        service_request_id: from.id.to_string(),
        number: from.number.clone(),
        etag: from.version.to_string(),
        create_time: Some(timestamp(from.created_at)),
        update_time: Some(timestamp(from.updated_at)),
        org_unit_id: from.org_unit_id.clone(),
        requested_at: Some(timestamp(from.requested_at)),
        channel: channel_value(from.channel),
        kind: kind_value(from.kind),
        urgency: urgency_value(from.urgency),
        state: stage_value(from.stage()),
        state_reason: from.state_reason.clone(),
        customer_id: from.asker.customer_id.to_string(),
        contact_name: from.contact_name.clone(),
        contact_phone: from.contact_phone.clone(),
        address: from.address.as_ref().map(address_value),
        product_id: id(from.product_id.as_ref().map(ToString::to_string)),
        product_text: from.product_text.clone(),
        category_code: from.category_code.clone(),
        fault_code: from.fault_code.clone(),
        cause_code: from.cause_code.clone(),
        description: from.description.clone(),
        photos: attachment_values(&from.photos),
        windows: from.windows.iter().map(|window| window.message()).collect(),
        parts_wanted: from
            .parts_wanted
            .iter()
            .map(|part| PartLine { sku: part.sku.clone(), quantity_milli: part.quantity_milli })
            .collect(),
        assignee_id: from.assignee_id.clone(),
        warranty: from.warranty.as_ref().map(warranty),
        charge_kind: from.charge.map_or(0, charge_value),
        on_site_quote_consent: from.on_site_quote_consent,
        repeat_visit: links.repeat_visit,
        caused_by_id: id(links.caused_by_id.as_ref().map(ToString::to_string)),
        parent_id: id(links.parent_id.as_ref().map(ToString::to_string)),
        duplicate_of_id: match &from.state {
            State::Merged { into, .. } => into.to_string(),
            _ => String::new(),
        },
        complaint_id: links.complaint_id.clone(),
        partner_id: links.partner_id.clone(),
        external_reference: links.external_reference.clone(),
        on_hold: from.hold.as_ref().map_or(0, |hold| hold_value(hold.waits_for)),
        hold_until: from.hold.as_ref().and_then(|hold| hold.until).map(timestamp),
        visit_number: from.visit_number,
        work_order_id: from.work_order_id().to_owned(),
        answer,
        article_id,
        approvals: from.approvals.iter().map(approval).collect(),
        quotes: from.quotes.iter().map(quote).collect(),
        deadlines: ctx.deadlines(from, now).iter().map(deadline).collect(),
        tier_clocks: clocks.iter().map(level_clock).collect(),
        escalations: from.escalations.iter().map(escalation).collect(),
        reopen_count: from.reopen_count,
        resolved_at: from.resolved_at().map(timestamp),
        closed_at: match &from.state {
            State::Closed { at, .. } => Some(timestamp(*at)),
            _ => None,
        },
        allowed_actions: from.allowed(now).into_iter().map(str::to_owned).collect(),
        possible_duplicate_ids: links.possible_duplicates.clone(),
        safety_script: ctx.rules.safety_script(&from.fault_code, language).to_owned(),
        replacement_product_id: id(links.replacement_id.as_ref().map(ToString::to_string)),
    }
}

fn warranty(from: &WarrantySnapshot) -> pb::WarrantySnapshot {
    pb::WarrantySnapshot {
        verdict: verdict_value(from.verdict),
        rule_id: from.rule.clone(),
        rule_version: from.version.clone(),
        end_date: day_text(from.end),
        charged_reason: from.charged_reason.clone(),
    }
}

fn approval(from: &Approval) -> pb::Approval {
    pb::Approval {
        approval_id: from.id.to_string(),
        reason: from.reason.clone(),
        amount: from.amount.clone().map(Into::into),
        asked_by: Some(actor(&from.asked_by)),
        asked_at: Some(timestamp(from.asked_at)),
        state: match from.outcome {
            crate::domain::request::Outcome::Open => "pending".to_owned(),
            other => other.to_string(),
        },
        answered_by: from.answered_by.as_ref().map(actor),
        answered_at: from.answered_at.map(timestamp),
        answer: from.answer.clone(),
    }
}

fn quote(from: &Quote) -> pb::Quote {
    pb::Quote {
        quote_id: from.id.to_string(),
        lines: from.lines.iter().map(quote_line).collect(),
        total: Some(from.total.clone().into()),
        expires_at: Some(timestamp(from.expires_at)),
        state: from.outcome.to_string(),
        quoted_by: Some(actor(&from.quoted_by)),
        quoted_at: Some(timestamp(from.quoted_at)),
        answered_at: from.answered_at.map(timestamp),
        answer: from.answer.clone(),
    }
}

fn quote_line(from: &QuoteLine) -> pb::QuoteLine {
    pb::QuoteLine {
        text: from.text.clone(),
        sku: from.sku.clone(),
        quantity_milli: from.quantity_milli,
        unit_price: Some(from.unit_price.clone().into()),
        amount: Some(from.amount.clone().into()),
    }
}

fn deadline(from: &Deadline) -> pb::Deadline {
    pb::Deadline {
        target: from.target.to_string(),
        tier: from.target.level().to_string(),
        state: from.standing.to_string(),
        started_at: Some(timestamp(from.started_at)),
        warn_at: from.warn_at.map(timestamp),
        due_at: from.due_at.map(timestamp),
        met_at: from.met_at.map(timestamp),
        allowed_seconds: from.allowed.num_seconds(),
        used_seconds: from.used.num_seconds(),
        policy_id: from.policy.clone(),
    }
}

fn level_clock(from: &LevelClock) -> pb::TierClock {
    pb::TierClock {
        tier: from.level.to_string(),
        allowed_seconds: from.allowed.num_seconds(),
        used_seconds: from.used.num_seconds(),
    }
}

fn escalation(from: &Escalation) -> pb::Escalation {
    pb::Escalation {
        target: from.target.clone(),
        step: from.step,
        level: from.rung.to_string(),
        at: Some(timestamp(from.at)),
        notified_id: from.notified_id.clone(),
    }
}

/// The message of a request that looks the same.
pub(crate) fn candidate(from: &ServiceRequest, signals: Vec<&'static str>) -> pb::DuplicateCandidate {
    pb::DuplicateCandidate {
        service_request_id: from.id.to_string(),
        number: from.number.clone(),
        state: stage_value(from.stage()),
        requested_at: Some(timestamp(from.requested_at)),
        signals: signals.into_iter().map(str::to_owned).collect(),
    }
}
