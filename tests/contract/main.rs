//! The promises to those who were never here: bad input is refused as documented and changes nothing, the README works as
//! printed, clients of other make get along, and the OpenAPI document is true.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bad_input;
mod examples;
mod exchange;
mod fuzz;
mod openapi;
mod parents;
mod privacy;
mod readme;
mod strangers;
mod sweep;
mod tools;
mod wire;
