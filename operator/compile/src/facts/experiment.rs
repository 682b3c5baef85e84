//! What is known of resources beside their specs: what stands on their statuses and binds what may be compiled.

use attune_api::experiment::{Decision, Registration};
use serde::Deserialize;
use serde_json::Value;

/// What stands on an Experiment's status.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExperimentFacts {
    /// What it was registered with when it left Draft.
    pub registration: Option<Registration>,
    /// What followed from its verdict.
    pub decision: Option<Decision>,
}

impl ExperimentFacts {
    /// Reads them from a status. What cannot be read was not written by us and is as good as lost.
    pub fn of_status(status: &Value) -> Self {
        fn field<'s, T: Deserialize<'s>>(status: &'s Value, name: &str) -> Option<T> {
            T::deserialize(status.get(name)?).ok()
        }
        Self {
            registration: field(status, "registration"),
            decision: field(status, "decision"),
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
