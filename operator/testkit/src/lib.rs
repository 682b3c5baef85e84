//! Builders, strategies, a fixed clock and golden files for tests.
//!
//! A [`Strategy`] is a list of documents that a test edits by kind and name before it becomes resources. Tests of crates
//! that this one must not depend on (`attune-compile`'s own) take [`Strategy::resources`] from here.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot read its data fails, and says so"
)]

mod postgres;
mod strategy;

pub use postgres::{Postgres, PostgresServer};
pub use strategy::Strategy;

use jiff::Timestamp;
use serde_json::Value;

/// The instant that every test pins: 2026-12-01T00:00:00Z.
pub const AT: Timestamp = Timestamp::constant(1_796_083_200, 0);

/// An instant from RFC 3339 text.
pub fn instant(text: &str) -> Timestamp {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` is no instant: {error}"))
}

/// A condition of a status in short: `False/RefNotFound`.
pub fn stands(status: &Value, type_: &str) -> String {
    let condition = condition(status, type_);
    let text = |field: &str| condition[field].as_str().expect("a condition's fields are text");
    format!("{}/{}", text("status"), text("reason"))
}

/// A condition of a status.
pub fn condition<'s>(status: &'s Value, type_: &str) -> &'s Value {
    let conditions = status["conditions"].as_array().expect("a status has conditions");
    let found = conditions.iter().find(|condition| condition["type"] == type_);
    found.unwrap_or_else(|| panic!("no condition {type_} in {status}"))
}

#[cfg(test)]
mod tests;
