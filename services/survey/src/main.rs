//! The survey binary.
fn main() {}
