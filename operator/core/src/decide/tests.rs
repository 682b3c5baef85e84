//! One test for each sentence of the normative steps.

use serde_json::{Value, json};

use super::Reason::{
    Capped, Experiment, HeldOut, NoConsent, NoUnit, NotEligible, NotEnrolled, QuietHours, Stopped, Suspended,
    Targeted,
};
use crate::strategy::*;

mod assignment;
mod content;
mod order;
mod page;
mod preview;
mod suppression;

/// A consenting unit of audience `gold` and of no other.
fn gold(unit: &str) -> Value {
    json!({"targetingKey": unit, "consent": granted(), "user": {"tier": "gold"}})
}

/// A consenting unit of no audience.
fn nobody(unit: &str) -> Value {
    json!({"targetingKey": unit, "consent": granted()})
}

/// `context` with a member set.
fn with(mut context: Value, member: &str, value: Value) -> Value {
    context[member] = value;
    context
}
