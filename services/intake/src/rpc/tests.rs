//! Through the RPCs, on both databases.
