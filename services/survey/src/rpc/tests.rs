//! The service through its own door, on both databases.
