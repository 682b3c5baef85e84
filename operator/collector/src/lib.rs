//! Exposures and outcomes in, moments and verdicts out, on a durable store.
//!
//! - [`store`]: one `SQLite` database in a directory; acknowledged means durable.
//! - [`ingest`]: `POST /v1/events`, `CloudEvents` over HTTP.
//! - [`analysis`]: the answer to a pre-registered question.
//! - [`authenticate`]: who calls, by tokens that the API server has reviewed.
//! - [`source`]: where the figures of a metric come from.
//! - [`process`]: all of it as a process of its own, with TLS, probes and metrics.
//!
//! [`Collector`] puts them together. It runs inside another process ([`Collector::open`] and [`router`], mounted
//! where the embedding likes) or as `attune-collector`.

pub mod analysis;
pub mod authenticate;
mod collector;
#[cfg(test)]
mod fixture;
mod hex;
pub mod ingest;
mod metrics;
pub mod process;
mod shutdown;
pub mod source;
pub mod store;

pub use analysis::{Answer, AnswerError, answer, answer_holdout, question_hash};
pub use collector::{Clock, Collector, CollectorOptions, Counts, Observer, TakeError};
pub use ingest::{CallerNamespace, router};
pub use shutdown::shutdown;
