//! What came of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use attune_core::decide::Decision;
use serde::{Deserialize, Serialize};

/// Everything that a run counted, from its beginning, however often it was gone on with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Units that were decided for.
    pub(crate) units: u64,
    /// Decisions: units times touchpoints.
    pub(crate) decisions: u64,
    /// Lines or rows that are no units.
    pub(crate) rejected: u64,
    /// Exposures that were written or sent.
    pub(crate) exposures: u64,
    /// Values of a wrong type, by attribute: for a decider they are absent.
    pub(crate) wrong_type: BTreeMap<String, u64>,
    /// By touchpoint.
    pub(crate) touchpoints: BTreeMap<String, Counts>,
}

/// What came of one touchpoint's decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    pub(crate) reasons: BTreeMap<String, u64>,
    /// Of those whom a rule won for an audience.
    pub(crate) audiences: BTreeMap<String, u64>,
    /// By experiment and arm.
    pub(crate) experiments: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) holdouts: BTreeMap<String, Tested>,
}

/// Units that a holdout was tested for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tested {
    pub(crate) held: u64,
    pub(crate) passed: u64,
}

impl Summary {
    /// Adds decisions of one shape.
    pub(crate) fn add(&mut self, decision: &Decision<'_>, count: u64) {
        self.decisions += count;
        let counts = self
            .touchpoints
            .entry(decision.touchpoint.to_owned())
            .or_default();
        *counts
            .reasons
            .entry(decision.reason.as_str().to_owned())
            .or_default() += count;
        if let Some(audience) = decision.winner.and_then(|winner| winner.audience) {
            *counts.audiences.entry(audience.to_owned()).or_default() += count;
        }
        if let Some(one) = decision.enrolment {
            let arms = counts.experiments.entry(one.experiment.to_owned()).or_default();
            *arms.entry(one.arm.to_owned()).or_default() += count;
        }
        if let Some(test) = decision.holdout {
            let tested = counts.holdouts.entry(test.name.to_owned()).or_default();
            tested.held += if test.held { count } else { 0 };
            tested.passed += if test.held { 0 } else { count };
        }
        if let Some(name) = decision.passed_holdout {
            counts.holdouts.entry(name.to_owned()).or_default().passed += count;
        }
    }

    /// Decisions that a holdout held back.
    pub(crate) fn held(&self) -> u64 {
        let holdouts = self
            .touchpoints
            .values()
            .flat_map(|counts| counts.holdouts.values());
        holdouts.map(|tested| tested.held).sum()
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{} units, {} decisions, {} exposures, {} rejected\n",
            self.units, self.decisions, self.exposures, self.rejected
        );
        for (name, count) in &self.wrong_type {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "  `{name}` is of a wrong type {count} times, and absent there"
            );
        }
        for (touchpoint, counts) in &self.touchpoints {
            let _ = writeln!(text, "{touchpoint}");
            let mut line = |kind: &str, name: &str, count: u64| {
                let _ = writeln!(text, "  {kind:<11} {name:<40} {count:>12}");
            };
            for (name, count) in &counts.reasons {
                line("reason", name, *count);
            }
            for (name, count) in &counts.audiences {
                line("audience", name, *count);
            }
            for (experiment, arms) in &counts.experiments {
                for (arm, count) in arms {
                    line("arm", &format!("{experiment}/{arm}"), *count);
                }
            }
            for (name, tested) in &counts.holdouts {
                line("held", name, tested.held);
                line("not held", name, tested.passed);
            }
        }
        text
    }
}
