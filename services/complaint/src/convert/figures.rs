//! Figures and reasons for messages.

use proto::aftercare::complaint::v1 as message;

use super::{money, severity_code, subject_code};
use crate::domain::{
    figures::{Figures, median, percent},
    reasons::Reason,
};

/// The figures for a message.
pub(crate) fn figures(figures: &Figures, currency: &str) -> message::ComplaintFigures {
    use message::ComplaintState as Code;
    let known = (1..).map_while(|code| Code::try_from(code).ok());
    let states = known.filter_map(|code| {
        let count = figures.states.get(super::state_name(code.into()))?;
        Some(message::StateCount { state: code.into(), count: *count })
    });
    let severities = figures
        .severities
        .iter()
        .map(|(severity, count)| message::SeverityCount { severity: severity_code(*severity), count: *count });
    let pareto = figures.pareto().into_iter().map(|line| message::ParetoLine {
        reason_code: line.reason_code,
        count: line.count,
        percent: line.percent,
        cumulative_percent: line.cumulative_percent,
    });
    let count = |values: &[i64]| i64::try_from(values.len()).unwrap_or(i64::MAX);
    message::ComplaintFigures {
        received: figures.received,
        states: states.collect(),
        severities: severities.collect(),
        judged: figures.judged,
        founded: figures.founded,
        founded_percent: percent(figures.founded, figures.judged),
        acknowledged: count(&figures.acknowledge_seconds),
        acknowledged_in_time: figures.acknowledged_in_time,
        median_acknowledge_seconds: median(&figures.acknowledge_seconds),
        closed: count(&figures.resolve_seconds),
        median_resolve_seconds: median(&figures.resolve_seconds),
        reopened: figures.reopened,
        cost: Some(money(figures.cost, currency)),
        pareto: pareto.collect(),
    }
}

/// A reason for a message.
pub(crate) fn reason(reason: &Reason) -> message::ComplaintReason {
    message::ComplaintReason {
        code: reason.code.clone(),
        subject: subject_code(reason.subject),
        name_en: reason.en.clone(),
        name_zh: reason.zh.clone(),
    }
}
