//! HTTP decision service: OFREP and the native API over a bundle.
//!
//! - [`decider`]: one Channel's rules, swapped without blocking; what every route asks.
//! - [`server`]: the routes, mountable several times in one process.
//! - [`access`] and [`limits`]: who may ask, and how much.
//! - [`state`]: what units were shown and did, in bounded memory, for caps and stops.
//! - [`shared`]: the same where several deciders must agree, in Redis or Valkey.
//! - [`exposure`]: who saw what, on its way to the collector.
//! - [`relay`]: events of clients, on their way to the collector.
//! - [`follow`]: the rules' way from the operator, over HTTP, the disk and a ConfigMap.
//! - [`link`]: whom to trust on the way to the operator and the collector, and how to prove who asks.
//! - [`process`]: all of it as a process of its own.

pub mod access;
mod answers;
pub mod clock;
mod complaint;
pub mod decider;
mod etag;
pub mod exposure;
mod file;
#[cfg(test)]
mod fixture;
pub mod follow;
pub mod limits;
pub mod link;
mod listen;
mod metrics;
pub mod process;
pub mod relay;
pub mod server;
pub mod shared;
pub mod state;
mod sums;

pub use clock::Clock;
pub use decider::Decider;
pub use server::router;
