//! attune: lint, decide, explain, serve and status on the command line.

pub mod diagnostic;
pub mod manifest;
pub mod quote;
pub mod suggest;
