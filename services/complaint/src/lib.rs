//! The complaint service.
