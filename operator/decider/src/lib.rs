//! HTTP decision service: OFREP and the native API over a bundle.
//!
//! - [`decider`]: one Channel's rules, swapped without blocking; what every route asks.
//! - [`server`]: the routes, mountable several times in one process.
//! - [`state`]: what units were shown and did, in bounded memory, for caps and stops.
//! - [`exposure`]: who saw what, on its way to the collector.

pub mod clock;
pub mod decider;
mod etag;
pub mod exposure;
#[cfg(test)]
mod fixture;
mod metrics;
pub mod server;
pub mod state;

pub use clock::Clock;
pub use decider::Decider;
pub use server::router;
