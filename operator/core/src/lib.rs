//! The pure decision engine of Attune.
//!
//! Nothing here knows a clock, a random source, a socket or Kubernetes: everything a decision depends on is an
//! argument. The same code runs in the decider, in the command line and in tests.
//!
//! - [`bundle`]: what is needed to decide for one Channel, as data; [`engine`] loads it.
//! - [`context`]: a request's JSON, read straight into attribute slots.
//! - [`decide`](mod@decide): the eleven steps; [`trace`] says what each did; [`ofrep`] spells the answer.
//! - [`bucket`]: deterministic assignment; [`history`]: what suppression needs to know of a unit.
//! - [`replay`]: what a decision depended on, kept so that it can be made again.
//! - [`expr`]: CEL expressions, checked against declared attributes and lowered to programs over slots.
//! - [`pieces`]: lets others go first while a bundle is loaded.
//! - [`value`]: what an attribute may hold.
//! - [`measure`]: the pre-registered questions that experiments ask of the collector.

pub mod bucket;
pub mod bundle;
pub mod context;
pub mod decide;
pub mod engine;
pub mod event;
pub mod expr;
pub mod history;
pub mod locale;
pub mod measure;
pub mod ofrep;
pub mod pieces;
mod plain;
pub mod replay;
pub mod trace;
pub mod value;

// The strategies of the integration tests serve the unit tests as well.
#[cfg(test)]
extern crate self as attune_core;
#[cfg(test)]
#[path = "../tests/strategy/mod.rs"]
mod strategy;
