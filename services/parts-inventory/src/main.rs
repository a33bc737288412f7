//! The parts-inventory binary.
fn main() {}
