//! How long jobs really take, learned so that one forgotten check-out does not teach nonsense.

use chrono::{DateTime, Utc};

use super::work_order::WorkOrder;

/// A visit shorter or longer than this teaches nothing: somebody forgot to press a button.
const SENSIBLE: std::ops::RangeInclusive<i64> = 5..=600;

/// Minutes from arrival to completion, without the time in which work waited. `None` when the record does not say, or
/// when the figure makes no sense.
#[must_use]
pub fn worked_minutes(order: &WorkOrder) -> Option<i32> {
    let mut begun: Option<DateTime<Utc>> = None;
    let mut since: Option<DateTime<Utc>> = None;
    let mut total = chrono::Duration::zero();
    for step in &order.record.steps {
        match step.action.as_str() {
            "arrive" => {
                // The last arrival counts: a visit may be begun again after a move.
                begun = Some(step.at);
                since = Some(step.at);
                total = chrono::Duration::zero();
            }
            "suspend" | "complete" => {
                if let Some(from) = since.take() {
                    total += step.at - from;
                }
            }
            "resume" => since = Some(step.at),
            _ => {}
        }
    }
    let minutes = total.num_minutes();
    (begun.is_some() && SENSIBLE.contains(&minutes)).then(|| i32::try_from(minutes).unwrap_or(i32::MAX))
}

/// The mean of the middle of the samples: the shortest and the longest fifth are left out. `None` below `floor` samples.
#[must_use]
pub fn robust(samples: &[i32], floor: usize) -> Option<i32> {
    if samples.is_empty() || samples.len() < floor {
        return None;
    }
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let cut = sorted.len() / 5;
    let middle = &sorted[cut..sorted.len() - cut];
    let sum: i64 = middle.iter().map(|minutes| i64::from(*minutes)).sum();
    let count = i64::try_from(middle.len()).ok()?;
    i32::try_from((sum + count / 2) / count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_check_out_does_not_move_the_figure() {
        let mut samples = vec![60; 20];
        assert_eq!(robust(&samples, 8), Some(60));
        samples.extend([590, 580, 5]);
        assert_eq!(robust(&samples, 8), Some(60));
    }

    #[test]
    fn too_few_samples_teach_nothing() {
        assert_eq!(robust(&[60, 70, 80], 8), None);
        assert_eq!(robust(&[], 0), None);
        assert_eq!(robust(&[60, 70, 80], 3), Some(70));
    }

    #[test]
    fn the_figure_is_rounded_to_whole_minutes() {
        assert_eq!(robust(&[60, 61], 1), Some(61));
    }
}
