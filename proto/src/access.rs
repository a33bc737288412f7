//! The access rules of the contract, as the plumbing asks for them.

use crate::aftercare::access::v1::{Role, Scope};

/// Who may call an RPC and how far it lets them see, as its option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Anybody may call it.
    pub public: bool,
    /// Who may call it otherwise.
    pub roles: &'static [Role],
    /// The widest scope in which they act.
    pub scope: Scope,
}

/// Every RPC by its path in snake case (`aftercare.intake.v1.IntakeService/get_customer`), in order.
pub static ALL: &[(&str, Access)] = include!(concat!(env!("OUT_DIR"), "/access.rs"));

/// The rule of an RPC; `None` when the contract has no such RPC.
#[must_use]
pub fn access(method: &str) -> Option<&'static Access> {
    let found = ALL.binary_search_by_key(&method, |(path, _)| *path).ok()?;
    ALL.get(found).map(|(_, access)| access)
}
