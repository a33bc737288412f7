//! Tests through the RPCs, on both databases.
