//! `attune serve` as a process: asked over HTTP, edited under its feet, interrupted.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail it"
)]

#[path = "serve/bad_requests.rs"]
mod bad_requests;
#[path = "serve/counts.rs"]
mod counts;
#[path = "serve/decisions.rs"]
mod decisions;
#[path = "serve/events.rs"]
mod events;
#[path = "serve/offline.rs"]
mod offline;
#[path = "serve/people.rs"]
mod people;
#[path = "serve/process.rs"]
mod process;
#[path = "serve/random.rs"]
mod random;
#[path = "serve/reload.rs"]
mod reload;
#[path = "serve/replay.rs"]
mod replay;
#[path = "serve/shared.rs"]
mod shared;
#[path = "serve/start.rs"]
mod start;
#[path = "serve/stop.rs"]
mod stop;
