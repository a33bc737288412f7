//! Who comes in: people, partners' programs, signed links, and what keeps everybody else out.

pub(crate) mod account;
pub(crate) mod client;
pub(crate) mod link;
pub(crate) mod lockout;
pub(crate) mod network;
pub(crate) mod password;
pub(crate) mod totp;

use common::typed_id;

typed_id! {
    /// Somebody who signs in.
    AccountId = "us";
    /// One sign-in and all that was refreshed from it.
    SessionId = "se";
    /// A partner's program.
    ClientId = "pc";
    /// A signed link.
    LinkId = "lk";
}
