//! What is known of resources beside their specs: what stands on their statuses and binds what may be compiled.

use attune_api::conditions::ConditionType;
use attune_api::experiment::{Decision, Registration, ShownFigures};
use attune_api::results::Verdict;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What stands on an Experiment's status.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExperimentFacts {
    /// What it was registered with when it left Draft.
    pub registration: Option<Registration>,
    /// What its arms show, and once it has concluded, what they showed then.
    pub shown: Option<ShownFigures>,
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
            shown: field(status, "shown"),
            decision: field(status, "decision"),
            conclusion: Conclusion::of_status(status),
        }
    }

    /// Whether it has concluded, decided upon or not.
    pub const fn is_concluded(&self) -> bool {
        self.decision.is_some() || self.conclusion.is_some()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an Experiment's figures say that it shows.
pub fn shown_of(figures: &Map<String, Value>) -> Option<ShownFigures> {
    ShownFigures::deserialize(figures.get("shown")?).ok()
}
