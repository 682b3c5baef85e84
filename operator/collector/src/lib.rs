//! Exposures and outcomes in, moments and verdicts out, on a durable store.

pub mod analysis;
pub mod store;
