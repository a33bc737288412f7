//! Whose turn it is. A customer is asked at most once in so many days, across all surveys. Whoever is blocked keeps
//! the next turn, and turns go to what was asked least recently, so a frequent survey never starves a rare one.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use super::occasion::Trigger;

/// When a customer was asked last, by what it was about.
pub type LastAsked = BTreeMap<Trigger, DateTime<Utc>>;

/// An invitation that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its id, which breaks ties.
    pub id: String,
    /// What it asks about.
    pub trigger: Trigger,
    /// When the occasion was.
    pub occasion_at: DateTime<Utc>,
    /// When it is to be sent.
    pub send_at: DateTime<Utc>,
    /// It waits no longer than this.
    pub until: DateTime<Utc>,
}

/// What becomes of an invitation whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is its turn.
    Go,
    /// It keeps the next turn and is looked at again then.
    Wait {
        /// When.
        at: DateTime<Utc>,
        /// Why, as a stable code.
        reason: &'static str,
    },
    /// It is not asked.
    Drop {
        /// Why, as a stable code.
        reason: &'static str,
    },
}

/// Decides for `me`, whose time has come at `now`, among the other waiting invitations of the same customer.
#[must_use]
pub fn decide(now: DateTime<Utc>, me: &Waiting, others: &[Waiting], last: &LastAsked, cooldown: Duration) -> Verdict {
    let newer = |other: &&Waiting| {
        other.trigger == me.trigger && other.send_at <= now && (other.occasion_at, &other.id) > (me.occasion_at, &me.id)
    };
    if others.iter().any(|other| newer(&other)) {
        return Verdict::Drop { reason: "superseded" };
    }
    let latest = last.iter().map(|(trigger, at)| (*at, *trigger)).max();
    if let Some((at, trigger)) = latest.filter(|(at, _)| *at + cooldown > now) {
        if trigger == me.trigger {
            return Verdict::Drop { reason: "asked_recently" };
        }
        return wait(me, at + cooldown, "cooldown");
    }
    let first = others
        .iter()
        .filter(|other| {
            other.trigger != me.trigger && other.send_at < now + cooldown && rank(other, last) < rank(me, last)
        })
        .min_by_key(|other| rank(other, last));
    match first {
        // Its own timer decides about it; a moment later we know how.
        Some(first) => wait(me, first.send_at.max(now) + Duration::seconds(1), "other_turn"),
        None => Verdict::Go,
    }
}

/// Least recently asked first, then the rarer kind, then the older occasion.
fn rank<'a>(waiting: &'a Waiting, last: &LastAsked) -> (Option<DateTime<Utc>>, Trigger, DateTime<Utc>, &'a str) {
    (last.get(&waiting.trigger).copied(), waiting.trigger, waiting.occasion_at, &waiting.id)
}

fn wait(me: &Waiting, at: DateTime<Utc>, reason: &'static str) -> Verdict {
    if at > me.until { Verdict::Drop { reason: "no_turn" } } else { Verdict::Wait { at, reason } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COOLDOWN: Duration = Duration::days(30);

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000 + day)
    }

    fn waiting(id: &str, trigger: Trigger, send: i64) -> Waiting {
        Waiting { id: id.to_owned(), trigger, occasion_at: day(send - 3), send_at: day(send), until: day(send + 200) }
    }

    #[test]
    fn nobody_asked_and_nobody_waiting_goes() {
        let me = waiting("a", Trigger::VisitCompleted, 5);
        assert_eq!(decide(day(5), &me, &[], &LastAsked::new(), COOLDOWN), Verdict::Go);
    }

    #[test]
    fn the_same_question_is_not_asked_twice_in_the_cooldown() {
        let me = waiting("a", Trigger::VisitCompleted, 5);
        let last = LastAsked::from([(Trigger::VisitCompleted, day(1))]);
        assert_eq!(decide(day(5), &me, &[], &last, COOLDOWN), Verdict::Drop { reason: "asked_recently" });
        assert_eq!(decide(day(31), &me, &[], &last, COOLDOWN), Verdict::Go);
    }

    #[test]
    fn another_question_keeps_the_next_turn() {
        let me = waiting("a", Trigger::ComplaintClosed, 5);
        let last = LastAsked::from([(Trigger::VisitCompleted, day(1))]);
        assert_eq!(decide(day(5), &me, &[], &last, COOLDOWN), Verdict::Wait { at: day(31), reason: "cooldown" });
        let short = Waiting { until: day(20), ..me };
        assert_eq!(decide(day(5), &short, &[], &last, COOLDOWN), Verdict::Drop { reason: "no_turn" });
    }

    #[test]
    fn the_frequent_yields_to_the_rare_and_not_the_other_way_round() {
        let last = LastAsked::from([(Trigger::VisitCompleted, day(-40))]);
        let frequent = waiting("a", Trigger::VisitCompleted, 5);
        let rare = waiting("b", Trigger::ComplaintClosed, 8);
        let at = day(8) + Duration::seconds(1);
        assert_eq!(
            decide(day(5), &frequent, std::slice::from_ref(&rare), &last, COOLDOWN),
            Verdict::Wait { at, reason: "other_turn" }
        );
        assert_eq!(decide(day(8), &rare, &[frequent], &last, COOLDOWN), Verdict::Go);
    }

    #[test]
    fn of_two_waiting_for_the_same_only_the_newer_is_asked() {
        let (old, new) = (waiting("a", Trigger::VisitCompleted, 5), waiting("b", Trigger::VisitCompleted, 9));
        let nobody = LastAsked::new();
        assert_eq!(
            decide(day(10), &old, std::slice::from_ref(&new), &nobody, COOLDOWN),
            Verdict::Drop { reason: "superseded" }
        );
        assert_eq!(decide(day(10), &new, &[old], &nobody, COOLDOWN), Verdict::Go);
    }

    /// What was asked, when, and by which invitation.
    type Asked = Vec<(Trigger, DateTime<Utc>, String)>;
    /// Which invitation was dropped, and why.
    type Dropped = Vec<(String, &'static str)>;

    /// Plays the queue of one customer and gives back who was asked when.
    fn play(mut queue: Vec<Waiting>) -> (Asked, Dropped) {
        let (mut asked, mut dropped, mut last) = (Vec::new(), Vec::new(), LastAsked::new());
        let mut now = day(0);
        while !queue.is_empty() && now < day(2_000) {
            now = queue.iter().map(|one| one.send_at).min().unwrap().max(now);
            let at = queue.iter().position(|one| one.send_at <= now).unwrap();
            let me = queue.remove(at);
            // Only what has happened by now is known.
            let known: Vec<_> = queue.iter().filter(|one| one.occasion_at <= now).cloned().collect();
            match decide(now, &me, &known, &last, COOLDOWN) {
                Verdict::Go => {
                    last.insert(me.trigger, now);
                    asked.push((me.trigger, now, me.id));
                }
                Verdict::Wait { at, .. } => {
                    assert!(at > now, "a wait must move on");
                    queue.push(Waiting { send_at: at, ..me });
                }
                Verdict::Drop { reason } => dropped.push((me.id, reason)),
            }
        }
        (asked, dropped)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn nobody_is_asked_twice_in_the_cooldown_and_nothing_waits_for_ever(
            events in prop::collection::vec((0_i64..400, 0_usize..5), 1..60)
        ) {
            let queue: Vec<_> = events.iter().enumerate()
                .map(|(number, (at, trigger))| waiting(&format!("{number:03}"), Trigger::ALL[*trigger], *at))
                .collect();
            let all = queue.len();
            let (asked, dropped) = play(queue);
            prop_assert_eq!(asked.len() + dropped.len(), all);
            for pair in asked.windows(2) {
                prop_assert!(pair[1].1 - pair[0].1 >= COOLDOWN);
            }
        }

        /// However often visits come, a complaint's turn comes, at the latest when the cooldown of the present one ends.
        #[test]
        fn a_frequent_survey_never_starves_a_rare_one(every in 1_i64..20, rare in prop::collection::btree_set(0_i64..20, 1..6)) {
            let mut queue: Vec<_> = (0..1_400).step_by(usize::try_from(every).unwrap())
                .map(|at| waiting(&format!("v{at:04}"), Trigger::VisitCompleted, at))
                .collect();
            // Rare: one in at least 70 days, so that it never waits for itself.
            let rare: Vec<_> = rare.into_iter().map(|at| waiting(&format!("c{at}"), Trigger::ComplaintClosed, at * 70)).collect();
            queue.extend(rare.clone());
            let (asked, dropped) = play(queue);
            for one in rare {
                let at = asked.iter().find(|(_, _, id)| *id == one.id).map(|(_, at, _)| *at);
                prop_assert!(at.is_some_and(|at| at - one.send_at <= COOLDOWN + Duration::hours(1)), "{:?} {:?}", one, dropped);
            }
            let visits = asked.iter().filter(|(trigger, _, _)| *trigger == Trigger::VisitCompleted).count();
            prop_assert!(visits >= 5, "the frequent one still has its turns: {}", visits);
        }
    }
}
