//! The planner's kernel: who does what, when. Numbers in, plan out: no clock, no files, no network, no ids.
//!
//! [`model`] is the problem, [`tables::Tables`] its flat form, [`state::PlanState`] a plan kept in memory. Four uses of it:
//! [`search::plan`] the whole horizon, [`slots`] the windows that can be offered, [`repair`] after a disturbance, [`explain`] why and why not.

pub mod budget;
mod crew;
mod days;
pub mod diff;
pub mod explain;
mod insert;
mod islands;
mod load;
pub mod model;
pub mod plan;
pub mod random;
mod recreate;
pub mod repair;
mod route;
mod ruin;
pub mod rules;
pub mod search;
pub mod slots;
pub mod state;
pub mod tables;
mod tails;
pub mod travel;
pub mod validate;
