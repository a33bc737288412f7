//! Plans to messages and back; rules in the caller's language.

use std::{collections::HashMap, sync::LazyLock};

use common::{
    catalog::Language,
    convert::timestamp,
    error::{Error, Result},
};
use proto::aftercare::dispatch::v1 as api;

use super::instant;
use crate::{
    domain::{
        plan::{Costs, Mode, Plan, State, Weights},
        plan_visit::{ChangeKind, PlanVisit, Seat},
    },
    planning::placing::Place,
    store::plan::progress::Model as Progress,
};

fn state(state: State) -> api::PlanState {
    match state {
        State::Running => api::PlanState::Running,
        State::Ready => api::PlanState::Ready,
        State::Stopped => api::PlanState::Stopped,
        State::Applied => api::PlanState::Applied,
        State::Dropped => api::PlanState::Dropped,
        State::Failed => api::PlanState::Failed,
    }
}

/// The state of a filter; `None` filters nothing.
pub(crate) fn wanted_state(wanted: i32) -> Option<State> {
    State::ALL.into_iter().find(|known| i32::from(state(*known)) == wanted)
}

fn mode(mode: Mode) -> api::PlanMode {
    match mode {
        Mode::Whole => api::PlanMode::Whole,
        Mode::Repair => api::PlanMode::Repair,
    }
}

/// How much a plan may change, when it was said.
pub(crate) fn wanted_mode(wanted: i32) -> Mode {
    if wanted == i32::from(api::PlanMode::Repair) { Mode::Repair } else { Mode::Whole }
}

fn kind(kind: ChangeKind) -> api::PlanChangeKind {
    match kind {
        ChangeKind::Kept => api::PlanChangeKind::Kept,
        ChangeKind::Assigned => api::PlanChangeKind::Assigned,
        ChangeKind::Reassigned => api::PlanChangeKind::Reassigned,
        ChangeKind::Retimed => api::PlanChangeKind::Retimed,
        ChangeKind::Moved => api::PlanChangeKind::Moved,
        ChangeKind::Unassigned => api::PlanChangeKind::Unassigned,
        ChangeKind::Open => api::PlanChangeKind::Open,
    }
}

/// The kind of a filter; `None` filters nothing.
pub(crate) fn wanted_kind(wanted: i32) -> Option<ChangeKind> {
    ChangeKind::ALL.into_iter().find(|known| i32::from(kind(*known)) == wanted)
}

/// What counts: what was said, else what is configured; -1 is nothing.
pub(crate) fn weights(said: Option<api::PlanWeights>, configured: &Weights) -> Weights {
    let said = said.unwrap_or_default();
    let pick = |said: i32, configured: i64| match said {
        0 => configured,
        -1 => 0,
        said => i64::from(said),
    };
    Weights {
        travel_hour: pick(said.travel_hour, configured.travel_hour),
        overtime_hour: pick(said.overtime_hour, configured.overtime_hour),
        unassigned: pick(said.unassigned, configured.unassigned),
        late_hour: pick(said.late_hour, configured.late_hour),
        moved: pick(said.moved, configured.moved),
        over_qualification: pick(said.over_qualification, configured.over_qualification),
        territory: pick(said.territory, configured.territory),
        preference: pick(said.preference, configured.preference),
        fairness_hour: pick(said.fairness_hour, configured.fairness_hour),
    }
}

/// Parts of a cost, the largest first.
pub(crate) fn parts(costs: &Costs) -> Vec<api::CostPart> {
    let mut parts: Vec<_> =
        costs.iter().map(|(code, amount)| api::CostPart { code: code.clone(), amount: *amount }).collect();
    parts.sort_by(|a, b| b.amount.cmp(&a.amount).then_with(|| a.code.cmp(&b.code)));
    parts
}

/// The message of a plan.
pub(crate) fn message(plan: &Plan, progress: Option<&Progress>) -> api::Plan {
    let outcome = plan.outcome.clone().unwrap_or_default();
    let wish = &plan.wish;
    let progress = match (progress, &plan.outcome) {
        (_, Some(done)) => Some(api::PlanProgress {
            seconds: done.seconds,
            iterations: i64::try_from(done.iterations).unwrap_or(i64::MAX),
            cost: done.after.values().sum(),
            unassigned: done.unassigned,
            at: Some(timestamp(plan.updated_at)),
        }),
        (Some(row), None) => Some(api::PlanProgress {
            seconds: row.seconds,
            iterations: row.iterations,
            cost: row.cost,
            unassigned: row.unassigned,
            at: Some(timestamp(row.at)),
        }),
        (None, None) => None,
    };
    api::Plan {
        plan_id: plan.id.to_string(),
        number: plan.number.clone(),
        etag: plan.version.to_string(),
        create_time: Some(timestamp(plan.created_at)),
        update_time: Some(timestamp(plan.updated_at)),
        org_unit_id: wish.org_unit_id.clone(),
        service_point_id: wish.service_point_id.clone(),
        state: state(plan.state).into(),
        mode: mode(wish.mode).into(),
        first_day: wish.first_day.to_string(),
        days: wish.days,
        seconds: wish.seconds,
        seed: i64::try_from(wish.seed).unwrap_or(i64::MAX),
        progress,
        jobs: outcome.jobs,
        technicians: outcome.technicians,
        assigned: outcome.assigned,
        unassigned: outcome.unassigned,
        customers_moved: outcome.moved,
        consents_needed: outcome.consents,
        cost_before: parts(&outcome.before),
        cost_after: parts(&outcome.after),
        estimated: outcome.estimated,
        failure: plan.failure.clone(),
        apply_time: instant(plan.applied_at),
        skipped: plan.skipped,
    }
}

/// One visit of a plan.
pub(crate) fn change(visit: &PlanVisit, language: Language) -> api::PlanChange {
    let who = |seat: &Option<Seat>| seat.as_ref().map(|seat| seat.technicians.clone()).unwrap_or_default();
    let start = |seat: &Option<Seat>| seat.as_ref().map(|seat| timestamp(seat.planned.start));
    api::PlanChange {
        work_order_id: visit.work_order_id.clone(),
        number: visit.number.clone(),
        customer_id: visit.customer_id.clone(),
        kind: kind(visit.kind).into(),
        technician_ids_before: who(&visit.before),
        technician_ids: who(&visit.after),
        planned_start_before: start(&visit.before),
        planned_start: start(&visit.after),
        window: visit.after.as_ref().or(visit.before.as_ref()).map(|seat| seat.window.message()),
        travel_seconds: visit.travel_seconds,
        refusals: visit.refusals.iter().map(|(code, count)| rule_count(code, *count, language)).collect(),
        consent_needed: visit.consent_needed,
        alternatives: visit.alternatives.iter().map(common::convert::Window::message).collect(),
    }
}

/// A rule with the number of technicians it stands in the way of.
pub(crate) fn rule_count(code: &str, technicians: i32, language: Language) -> api::RuleCount {
    api::RuleCount { code: code.to_owned(), text: rule_text(code, language).to_owned(), technicians }
}

/// A way to place a visit.
pub(crate) fn placement(place: &Place, window: common::convert::Window, number: &str) -> api::Placement {
    api::Placement {
        technician_id: place.technicians.first().cloned().unwrap_or_default(),
        technician_number: number.to_owned(),
        planned_start: Some(timestamp(place.planned.start)),
        planned_end: Some(timestamp(place.planned.end)),
        window: Some(window.message()),
        cost: place.cost(),
        parts: parts(&place.costs),
        extra_travel_seconds: place.extra_seconds,
        estimated: place.estimated,
    }
}

/// A day of a request; `None` when it was left out.
pub(crate) fn day(text: &str, field: &str) -> Result<Option<chrono::NaiveDate>> {
    if text.is_empty() {
        Ok(None)
    } else {
        super::date(text, field).map(Some).map_err(|_: Error| Error::invalid(field, "date"))
    }
}

/// The rules in words, `data/rules.toml`.
static TEXTS: LazyLock<HashMap<String, Words>> =
    LazyLock::new(|| toml::from_str(include_str!("../../data/rules.toml")).unwrap_or_default());

#[derive(serde::Deserialize)]
struct Words {
    en: String,
    zh: String,
}

/// A rule in the caller's language.
pub(crate) fn rule_text(code: &str, language: Language) -> &'static str {
    match (TEXTS.get(code), language) {
        (Some(words), Language::English) => &words.en,
        (Some(words), Language::Chinese) => &words.zh,
        (None, _) => "",
    }
}

/// A sentence of an explanation, with its placeholders.
pub(crate) fn sentence(key: &str, language: Language) -> String {
    rule_text(key, language).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::eligibility::Rule;

    #[test]
    fn every_rule_has_words_in_both_languages() {
        for code in Rule::ALL.iter().map(|rule| rule.code()).chain(["crew_incomplete"]) {
            for language in [Language::English, Language::Chinese] {
                assert!(!rule_text(code, language).is_empty(), "{code}");
            }
        }
    }

    #[test]
    fn a_weight_that_was_not_said_is_the_configured_one() {
        let configured = Weights {
            travel_hour: 60,
            overtime_hour: 90,
            unassigned: 6000,
            late_hour: 120,
            moved: 60,
            over_qualification: 5,
            territory: 30,
            preference: 30,
            fairness_hour: 6,
        };
        let said = api::PlanWeights { travel_hour: 120, moved: -1, ..Default::default() };
        let weights = weights(Some(said), &configured);
        assert_eq!((weights.travel_hour, weights.moved, weights.unassigned), (120, 0, 6000));
    }
}
