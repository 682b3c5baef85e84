//! The pure decision engine of Attune.
//!
//! Nothing here knows a clock, a random source, a socket or Kubernetes: everything a decision depends on is an
//! argument. The same code runs in the decider, in the command line and in tests.
//!
//! - [`expr`]: CEL expressions, checked against declared attributes and lowered to programs over slots.
//! - [`value`]: what an attribute may hold.
//! - [`measure`]: the pre-registered questions that experiments ask of the collector.

pub mod expr;
pub mod measure;
pub mod value;
