//! The operator: the only control-plane room with effects.
//!
//! One task owns the [`attune_index::Index`]; everything else feeds it or does what it says:
//!
//! - [`watch`]: what happens on the API server becomes an [`watch::Observation`]; one bad object never stops a stream.
//! - [`driver`]: applies observations, waits a moment for more, settles, and hands effects on.
//! - [`publish`]: bundles to the ConfigMaps that outlive the operator, and back after a restart.
//! - [`distribute`]: bundles to deciders, over HTTP with entity tags and long polls.
//! - [`deciders`]: who runs which revision.
//! - [`patch`]: statuses to the API server, by server-side apply, the newest of an object only.
//! - [`queue`]: what waits to be written, each key with a backoff of its own.
//! - [`results`]: questions to the collector, answers onto the resources.

mod args;
pub mod deciders;
pub mod distribute;
pub mod driver;
#[cfg(test)]
mod fixture;
mod metrics;
pub mod patch;
pub mod publish;
pub mod queue;
pub mod results;
mod run;
mod shutdown;
pub mod watch;

pub use args::Args;
