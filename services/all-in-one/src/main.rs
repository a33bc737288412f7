//! all-in-one
fn main() {}
