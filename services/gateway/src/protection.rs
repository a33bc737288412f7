//! What stands between the public port and the services: how often a caller may call, how much is in work at once and who
//! goes first, and what happens when a service does not answer.

pub(crate) mod circuit;
pub(crate) mod classes;
pub(crate) mod overload;
pub(crate) mod rates;
pub(crate) mod retry;
pub(crate) mod streams;

use common::{
    Error,
    record::{Actor, Role},
};

use self::{
    classes::{Class, Plan, glimpse},
    overload::{Overload, Place},
    rates::Limits,
};
use crate::passage::Passage;

/// Bytes of a gRPC frame's head.
const FRAME: usize = 5;

/// The guards of the door.
#[derive(Debug)]
pub(crate) struct Protection {
    /// How often somebody may call.
    pub(crate) limits: Limits,
    /// How much is in work at once.
    pub(crate) overload: Overload,
}

impl Protection {
    /// A place in work for a call whose request is wholly there.
    ///
    /// # Errors
    ///
    /// `OVERLOADED`, or `DEADLINE_EXCEEDED` when its time ran out while it waited.
    pub(crate) async fn enter(&self, passage: &Passage, plan: Plan, urgent: bool) -> Result<Place, Error> {
        self.overload.enter(plan, class(plan, passage.actor(), urgent), passage.deadline).await
    }
}

/// The class of one call: that of its RPC, or the highest for emergencies and for technicians, whose phones read what
/// they need at the customer's.
pub(crate) fn class(plan: Plan, actor: Option<&Actor>, urgent: bool) -> Class {
    let technician = actor.is_some_and(|actor| actor.role == Role::Technician);
    if urgent || (technician && plan.class != Class::Export) { Class::Field } else { plan.class }
}

/// Whether a request, one frame of gRPC, says that it is an emergency.
pub(crate) fn is_urgent(plan: Plan, frame: &[u8]) -> bool {
    plan.urgency.is_some_and(|(field, highest)| {
        let message = frame.get(FRAME..).unwrap_or_default();
        frame.first() == Some(&0)
            && u64::try_from(highest).is_ok_and(|highest| glimpse(message, field).number == highest)
    })
}
