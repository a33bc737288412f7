//! Who may do what with whose records: every RPC, by every kind of caller, with every id that it takes, over every door.
//! What is right comes from the rules in the contract and from whose the records of the world are; nothing here asks the
//! finders that it tests. Add an RPC or an id field, and the matrix has it, or fails.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod bodies;
mod caller;
mod fields;
mod lists;
mod matrix;
mod oracle;
mod personal;
mod tokens;
mod wire;
mod world;
mod writes;
