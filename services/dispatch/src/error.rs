//! The reasons of this service. Their texts stand in `messages/`.

/// Why dispatch refuses.
pub mod reason {
    use common::error::{Kind, Reason};

    /// Rules stand between the technician and the job; the facts name them.
    pub const TECHNICIAN_NOT_ELIGIBLE: Reason = Reason::new("TECHNICIAN_NOT_ELIGIBLE", Kind::FailedPrecondition);
    /// Soft rules are overridden without a reason.
    pub const OVERRIDE_WITHOUT_REASON: Reason = Reason::new("OVERRIDE_WITHOUT_REASON", Kind::InvalidArgument);
    /// The window is confirmed with the customer, and no consent to another one is recorded.
    pub const WINDOW_PROMISED: Reason = Reason::new("WINDOW_PROMISED", Kind::FailedPrecondition);
    /// The offer ran out before the answer.
    pub const OFFER_EXPIRED: Reason = Reason::new("OFFER_EXPIRED", Kind::FailedPrecondition);
    /// Something that must be written down is missing; the fields name it.
    pub const RECORD_INCOMPLETE: Reason = Reason::new("RECORD_INCOMPLETE", Kind::FailedPrecondition);
    /// The item is still away from the customer.
    pub const ITEM_AWAY: Reason = Reason::new("ITEM_AWAY", Kind::FailedPrecondition);
    /// No item is away.
    pub const NO_ITEM_AWAY: Reason = Reason::new("NO_ITEM_AWAY", Kind::FailedPrecondition);
    /// The record was sent back once already.
    pub const ALREADY_BOUNCED: Reason = Reason::new("ALREADY_BOUNCED", Kind::FailedPrecondition);
    /// The record was sent back and is not answered yet.
    pub const BOUNCE_OPEN: Reason = Reason::new("BOUNCE_OPEN", Kind::FailedPrecondition);
    /// The parts of a completed job are posted and no longer changed here.
    pub const PARTS_POSTED: Reason = Reason::new("PARTS_POSTED", Kind::FailedPrecondition);
    /// Who inspected a service point does not approve it.
    pub const APPROVER_INSPECTED: Reason = Reason::new("APPROVER_INSPECTED", Kind::PermissionDenied);

    /// The window is gone; the facts name others.
    pub const SLOT_TAKEN: Reason = Reason::new("SLOT_TAKEN", Kind::FailedPrecondition);
    /// The hold ran out before it was booked.
    pub const SLOT_EXPIRED: Reason = Reason::new("SLOT_EXPIRED", Kind::FailedPrecondition);
    /// A plan of the same scope is computed already.
    pub const PLAN_RUNNING: Reason = Reason::new("PLAN_RUNNING", Kind::FailedPrecondition);
    /// The plan is stopped, and its best is not handed in yet.
    pub const PLAN_NOT_READY: Reason = Reason::new("PLAN_NOT_READY", Kind::FailedPrecondition);
    /// Visits changed since the plan was computed; the facts name them.
    pub const PLAN_CONFLICTS: Reason = Reason::new("PLAN_CONFLICTS", Kind::Aborted);
    /// Too many visits changed since the plan was computed.
    pub const PLAN_OUTDATED: Reason = Reason::new("PLAN_OUTDATED", Kind::Aborted);
    /// Nothing is to be planned in that scope and time.
    pub const NOTHING_TO_PLAN: Reason = Reason::new("NOTHING_TO_PLAN", Kind::FailedPrecondition);
    /// The technician did not agree to be located.
    pub const POSITION_WITHOUT_CONSENT: Reason = Reason::new("POSITION_WITHOUT_CONSENT", Kind::PermissionDenied);
    /// The technician is not at work.
    pub const POSITION_OFF_DUTY: Reason = Reason::new("POSITION_OFF_DUTY", Kind::FailedPrecondition);

    /// All of them, for the error table.
    pub const ALL: &[Reason] = &[
        TECHNICIAN_NOT_ELIGIBLE,
        OVERRIDE_WITHOUT_REASON,
        WINDOW_PROMISED,
        OFFER_EXPIRED,
        RECORD_INCOMPLETE,
        ITEM_AWAY,
        NO_ITEM_AWAY,
        ALREADY_BOUNCED,
        BOUNCE_OPEN,
        PARTS_POSTED,
        APPROVER_INSPECTED,
        SLOT_TAKEN,
        SLOT_EXPIRED,
        PLAN_RUNNING,
        PLAN_NOT_READY,
        PLAN_CONFLICTS,
        PLAN_OUTDATED,
        NOTHING_TO_PLAN,
        POSITION_WITHOUT_CONSENT,
        POSITION_OFF_DUTY,
    ];
}
