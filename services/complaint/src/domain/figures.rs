//! What complaints add up to: counts, shares, medians, Pareto.

use std::collections::BTreeMap;

use super::{
    complaint::Complaint,
    values::{Severity, Verdict},
};
use common::record::Record as _;

/// One reason in the Pareto list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParetoLine {
    pub(crate) reason_code: String,
    pub(crate) count: i64,
    pub(crate) percent: f64,
    pub(crate) cumulative_percent: f64,
}

/// The figures of some complaints.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) received: i64,
    pub(crate) states: BTreeMap<&'static str, i64>,
    pub(crate) severities: BTreeMap<Severity, i64>,
    pub(crate) judged: i64,
    pub(crate) founded: i64,
    pub(crate) acknowledge_seconds: Vec<i64>,
    pub(crate) acknowledged_in_time: i64,
    pub(crate) resolve_seconds: Vec<i64>,
    pub(crate) reopened: i64,
    pub(crate) cost: i64,
    reasons: BTreeMap<String, i64>,
}

impl Figures {
    /// Counts one complaint.
    pub(crate) fn add(&mut self, complaint: &Complaint) {
        self.received += 1;
        *self.states.entry(complaint.state()).or_default() += 1;
        *self.severities.entry(complaint.severity).or_default() += 1;
        *self.reasons.entry(complaint.reason_code.clone()).or_default() += 1;
        if let Some(last) = complaint.judgements.last() {
            self.judged += 1;
            self.founded += i64::from(last.verdict != Verdict::Unfounded);
        }
        if let Some(at) = complaint.acknowledged_at {
            self.acknowledge_seconds.push((at - complaint.received_at).num_seconds());
            self.acknowledged_in_time += i64::from(at <= complaint.acknowledge_due_at);
        }
        if let Some((_, at)) = complaint.closed() {
            self.resolve_seconds.push((at - complaint.received_at).num_seconds());
        }
        self.reopened += i64::from(complaint.reopened > 0);
        let approved = complaint.implementations.iter().map(|work| work.solution.cost()).sum::<i64>();
        let running = complaint.running().map_or(0, |work| work.solution.cost());
        self.cost = self.cost.saturating_add(approved).saturating_add(running);
    }

    /// Reasons by frequency, the most frequent first, with their running share.
    pub(crate) fn pareto(&self) -> Vec<ParetoLine> {
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), (*code).clone()));
        let mut so_far = 0;
        reasons
            .into_iter()
            .map(|(code, count)| {
                so_far += count;
                ParetoLine {
                    reason_code: code.clone(),
                    count: *count,
                    percent: percent(*count, self.received),
                    cumulative_percent: percent(so_far, self.received),
                }
            })
            .collect()
    }
}

/// `part` of `whole` in percent; 0 of nothing is 0.
pub(crate) fn percent(part: i64, whole: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let share = |part: i64, whole: i64| part as f64 * 100.0 / whole as f64;
    if whole == 0 { 0.0 } else { share(part, whole) }
}

/// The median, the mean of the two middle ones for an even count; 0 of nothing.
pub(crate) fn median(values: &[i64]) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle), middle.checked_sub(1).and_then(|below| sorted.get(below))) {
        (1, Some(value), _) => *value,
        (0, Some(upper), Some(lower)) => i64::midpoint(*lower, *upper),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_shares() {
        assert_eq!(median(&[]), 0);
        assert_eq!(median(&[9, 1, 5]), 5);
        assert_eq!(median(&[10, 2, 4, 100]), 7);
        assert!((percent(1, 4) - 25.0).abs() < f64::EPSILON);
        assert!(percent(0, 0).abs() < f64::EPSILON);
    }

    #[test]
    fn pareto_runs_up_to_a_hundred() {
        let mut figures = Figures::default();
        for (code, times) in [("a", 1), ("b", 3), ("c", 1)] {
            for _ in 0..times {
                let mut complaint = crate::domain::testing::received();
                complaint.reason_code = code.to_owned();
                figures.add(&complaint);
            }
        }
        let lines = figures.pareto();
        let codes: Vec<_> = lines.iter().map(|line| line.reason_code.as_str()).collect();
        assert_eq!(codes, ["b", "a", "c"]);
        assert!((lines[0].percent - 60.0).abs() < 1e-9);
        assert!((lines[2].cumulative_percent - 100.0).abs() < 1e-9);
        assert_eq!(figures.received, 5);
        assert_eq!(figures.states.get("received"), Some(&5));
    }
}
