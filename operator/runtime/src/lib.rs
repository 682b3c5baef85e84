//! The operator: the only control-plane room with effects.
//!
//! One task owns the [`attune_index::Index`]; everything else feeds it or does what it says:
//!
//! - [`watch`]: what happens on the API server becomes an [`watch::Observation`]; one bad object never stops a stream.
//! - [`config_maps`]: rules in the ConfigMaps that Channels name.
//! - [`driver`]: applies observations, waits a moment for more, settles, and hands effects on.
//! - [`publish`]: bundles to the ConfigMaps that outlive the operator, and back after a restart.
//! - [`distribute`]: bundles to deciders, over HTTP with entity tags and long polls, each to those who may have it.
//! - [`callers`]: who asks, by their tokens.
//! - [`deciders`]: who runs which revision; [`counted`]: what they counted.
//! - [`deliver`]: deciders of their own behind a Service, for Channels that want that.
//! - [`leader`]: which replica writes, by a Lease; [`peers`]: what the others tell it.
//! - [`siblings`]: calls to other parts of the release.
//! - [`certificates`]: what is served with, kept and renewed.
//! - [`webhooks`]: the API server asks about pods and resources.
//! - [`patch`]: statuses to the API server, by server-side apply, the newest of an object only.
//! - [`push`]: rules to endpoints that run no decider of ours.
//! - [`queue`]: what waits to be written, each key with a backoff of its own.
//! - [`results`]: questions to the collector, answers onto the resources.
//! - [`pods`]: which pods have a decider, and which should.
//! - [`events`]: what turned, told on the object that it concerns.
//! - [`trust`]: whom deciders trust, in every namespace that has a Channel.

pub mod access;
mod args;
pub mod batches;
pub mod callers;
pub mod certificates;
pub mod clock;
pub mod config_maps;
pub mod counted;
pub mod deciders;
pub mod deliver;
pub mod distribute;
pub mod driver;
pub mod events;
#[cfg(test)]
mod fixture;
pub mod leader;
pub mod leadership;
mod metrics;
pub mod patch;
pub mod peers;
pub mod pods;
pub mod publish;
pub mod push;
pub mod queue;
pub mod results;
mod run;
mod serve;
mod shutdown;
pub mod siblings;
pub mod trust;
pub mod watch;
pub mod webhooks;

pub use args::Args;
