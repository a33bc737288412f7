//! Several workers, the same plan for the same seed: each improves its own part, then the parts are put together.

use crate::{
    budget::{Budget, Progress},
    search::Search,
    state::PlanState,
    travel::Travel,
};

/// Rounds after which the workers compare.
const ROUNDS: u32 = 25;

/// Runs `workers` searches side by side; after every round all go on from the best of them.
pub(crate) fn run<T: Travel>(
    state: PlanState<T>,
    seed: u64,
    workers: usize,
    budget: &Budget<'_>,
    progress: &mut dyn FnMut(Progress),
) -> PlanState<T> {
    let mut searches: Vec<Search<T>> =
        (0..workers as u64).map(|worker| Search::new(state.clone(), seed ^ worker << 32)).collect();
    let mut spent = vec![0.0; workers];
    for round in 1..=ROUNDS {
        let until = f64::from(round) / f64::from(ROUNDS);
        std::thread::scope(|scope| {
            for (search, spent) in searches.iter_mut().zip(&mut spent) {
                scope.spawn(move || {
                    // Clocks may count the seconds of the thread that asks, and every round has new threads.
                    let began = budget.now() - *spent;
                    search.run(budget, began, until, &mut |_| {});
                    *spent = budget.now() - began;
                });
            }
        });
        let best = (0..workers).min_by_key(|worker| (searches[*worker].best_cost(), *worker)).unwrap_or(0);
        progress(searches[best].progress(until));
        if budget.is_stopped() || round == ROUNDS {
            searches[best].return_to_best();
            return searches.swap_remove(best).state;
        }
    }
    state
}
