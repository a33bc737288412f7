//! Pure rules of the gateway's own state.

pub(crate) mod audit;
pub(crate) mod exchange;
pub(crate) mod feed;
pub(crate) mod file;
pub(crate) mod identity;
pub(crate) mod notification;
pub(crate) mod webhook;
