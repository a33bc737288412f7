//! The plumbing every service shares. It knows no business noun.

pub mod clock;
pub mod error;
pub mod id;

pub use error::{Error, Result};
