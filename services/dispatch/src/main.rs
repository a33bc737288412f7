//! The dispatch binary.
fn main() {}
