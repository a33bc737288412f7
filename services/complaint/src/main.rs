//! The complaint binary.
fn main() {}
