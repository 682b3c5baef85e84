//! attune: lint, decide, explain, serve and status on the command line.

pub mod diagnostic;
pub mod lint;
pub mod manifest;
pub mod quote;
pub mod render;
pub mod schema;
pub mod suggest;
