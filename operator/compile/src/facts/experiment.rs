//! What is known of resources beside their specs: what stands on their statuses and binds what may be compiled.

use attune_api::conditions::ConditionType;
use attune_api::experiment::{Decision, Registration};
use attune_api::results::Verdict;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// What stands on an Experiment's status.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExperimentFacts {
    /// What it was registered with when it left Draft.
    pub registration: Option<Registration>,
    /// What followed from its verdict.
    pub decision: Option<Decision>,
    /// What it has concluded with, whether or not anything followed.
    pub conclusion: Option<Conclusion>,
}

/// A verdict that more data are not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conclusion {
    /// The best arm's.
    pub verdict: Verdict,
    /// Since when the experiment is conclusive.
    pub at: Timestamp,
}

impl Conclusion {
    fn of_status(status: &Value) -> Option<Self> {
        let mut conditions = status.get("conditions")?.as_array()?.iter();
        let conclusive = conditions.find(|one| {
            one.get("type").and_then(Value::as_str) == Some(ConditionType::Conclusive.as_str())
                && one.get("status").and_then(Value::as_str) == Some("True")
        })?;
        Some(Self {
            verdict: Verdict::deserialize(status.pointer("/headline/verdict")?).ok()?,
            at: conclusive.get("lastTransitionTime")?.as_str()?.parse().ok()?,
        })
    }
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
            conclusion: Conclusion::of_status(status),
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
