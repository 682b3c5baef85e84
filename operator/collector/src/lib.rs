//! Exposures and outcomes in, moments and verdicts out, on a durable store.
//!
//! - [`store`]: one `SQLite` database in a directory; acknowledged means durable.
//! - [`ingest`]: `POST /v1/events`, `CloudEvents` over HTTP.
//! - [`analysis`]: the answer to a pre-registered question.
//!
//! [`Collector`] puts them together. It runs inside another process ([`Collector::open`] and [`router`], mounted
//! where the embedding likes) or as `attune-collector`.

pub mod analysis;
mod collector;
mod hex;
pub mod ingest;
mod shutdown;
pub mod store;

pub use analysis::{Answer, AnswerError, answer, question_hash};
pub use collector::{Clock, Collector, CollectorOptions, Counts, Observer, TakeError};
pub use ingest::{CallerNamespace, router};
pub use shutdown::shutdown;
