//! attune: lint, decide, explain, serve and status on the command line.

pub mod cli;
pub mod cmd;
pub mod diagnostic;
pub mod lint;
pub mod manifest;
pub mod quote;
pub mod render;
pub mod schema;
pub mod serve;
pub mod strategy;
pub mod suggest;
pub mod table;
mod terminal;

pub use cli::Cli;
