//! The reasons of this service.

use common::error::{Kind, Reason};

/// A link is not one of ours.
pub const LINK_INVALID: Reason = Reason::new("LINK_INVALID", Kind::NotFound);
/// A link has run out.
pub const LINK_EXPIRED: Reason = Reason::new("LINK_EXPIRED", Kind::FailedPrecondition);
/// The answers were given already.
pub const LINK_USED: Reason = Reason::new("LINK_USED", Kind::FailedPrecondition);
/// There is no published questionnaire of that code.
pub const NO_QUESTIONNAIRE: Reason = Reason::new("NO_QUESTIONNAIRE", Kind::FailedPrecondition);
/// The customer did not agree to be asked.
pub const NO_CONSENT: Reason = Reason::new("NO_CONSENT", Kind::FailedPrecondition);
/// The customer was asked too recently.
pub const ASKED_RECENTLY: Reason = Reason::new("ASKED_RECENTLY", Kind::FailedPrecondition);
/// No agent can take a callback now.
pub const NO_AGENT: Reason = Reason::new("NO_AGENT", Kind::FailedPrecondition);
/// The agent takes no callbacks now.
pub const AGENT_UNAVAILABLE: Reason = Reason::new("AGENT_UNAVAILABLE", Kind::FailedPrecondition);
/// A complaint deals with it, and closes it.
pub const COMPLAINT_DEALS_WITH_IT: Reason = Reason::new("COMPLAINT_DEALS_WITH_IT", Kind::FailedPrecondition);

/// All of them, for the error table.
pub const ALL: &[Reason] = &[
    LINK_INVALID,
    LINK_EXPIRED,
    LINK_USED,
    NO_QUESTIONNAIRE,
    NO_CONSENT,
    ASKED_RECENTLY,
    NO_AGENT,
    AGENT_UNAVAILABLE,
    COMPLAINT_DEALS_WITH_IT,
];

#[cfg(test)]
mod tests {
    use common::catalog::Catalog;

    #[test]
    fn every_reason_has_both_texts() {
        let catalog =
            Catalog::load(include_str!("../messages/en.toml"), include_str!("../messages/zh-CN.toml")).unwrap();
        assert_eq!(catalog.missing(super::ALL), Vec::<&str>::new());
    }
}
