//! attune: lint, decay, approve, decide, explain, serve, status, lift and plan-experiment on the command line.

pub mod approve;
mod audit;
mod batch;
mod change;
pub mod cli;
mod cluster;
pub mod cmd;
mod contexts;
mod coverage;
pub mod diagnostic;
mod inventory;
mod lift;
mod lines;
pub mod lint;
pub mod manifest;
mod offline;
pub mod ownership;
mod plan;
pub mod quote;
pub mod render;
pub mod schema;
pub mod serve;
mod space;
pub mod strategy;
pub mod suggest;
pub mod table;
mod terminal;

pub use cli::Cli;
