//! What is to be done outside.

use attune_compile::verdict::Judged;
use attune_compile::{ObjectId, Publication};
use serde_json::Value;

/// One thing to do, idempotent.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Publish a Channel's bundle.
    Publish {
        /// The Channel's namespace.
        namespace: String,
        /// The Channel's name.
        channel: String,
        /// The bundle.
        publication: Publication,
    },
    /// Withdraw what is published for a Channel: it is gone.
    Withdraw {
        /// The Channel's namespace.
        namespace: String,
        /// The Channel's name.
        channel: String,
    },
    /// Write the status of an object.
    Status {
        /// The object.
        id: ObjectId,
        /// The part of its status that verdicts own.
        status: Value,
        /// Conditions that turn with it, for whoever tells people.
        turns: Vec<Judged>,
        /// Nothing but counts differ: it may wait.
        may_wait: bool,
    },
}

/// An object that cannot be read, as far as it can.
#[derive(Debug, Clone, PartialEq)]
pub struct Undecodable {
    /// The object.
    pub id: ObjectId,
    /// Why it cannot be read, with the field.
    pub message: String,
    /// Its generation.
    pub generation: Option<i64>,
    /// Its status as it stands.
    pub status: Value,
}
