//! Why a decision came out as it did, step by step: one [`Step`] for each step that ran.
//!
//! A trace is off unless somebody asked; then nothing is built.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::context::{Grant, SlotState, UnitSource};
use crate::decide::Reason;

#[cfg(test)]
mod tests;
mod text;

/// Collects steps, or nothing.
#[derive(Debug, Default)]
pub struct Trace(Option<Vec<Step>>);

impl Trace {
    /// A trace that keeps nothing.
    pub const fn off() -> Self {
        Self(None)
    }

    /// A trace that keeps every step.
    pub const fn on() -> Self {
        Self(Some(Vec::new()))
    }

    /// Whether steps are kept.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The steps, in the order in which they ran.
    pub fn steps(&self) -> &[Step] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Keeps the step that `build` makes, if steps are kept.
    pub(crate) fn write(&mut self, build: impl FnOnce() -> Step) {
        if let Some(steps) = &mut self.0 {
            steps.push(build());
        }
    }
}

/// One step of a decision. The order is normative; a step that was not reached is not there.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// 1. The touchpoint is known.
    Touchpoint {
        /// Its name.
        touchpoint: String,
        /// How many candidates all its bindings have.
        candidates: usize,
    },
    /// 2. What the unit consents to.
    Consent {
        /// Purposes granted.
        granted: BTreeMap<String, Grant>,
        /// Every attribute that the bundle reads, and what became of it.
        attributes: BTreeMap<String, SlotState>,
        /// Programs that dropped out.
        dropped: Vec<String>,
    },
    /// 3. Who is asking.
    Unit {
        /// The unit's id.
        unit: Option<String>,
        /// Where it came from.
        source: Option<UnitSource>,
    },
    /// 4. Which audiences match.
    Audiences {
        /// Every audience of the touchpoint.
        audiences: Vec<AudienceLine>,
    },
    /// 5. Which candidates admit the unit.
    Candidates {
        /// Every candidate of the touchpoint, by priority, binding and position.
        candidates: Vec<CandidateLine>,
    },
    /// 6. What is suppressed, up to the first that is not.
    Suppression {
        /// The admitted candidates, best first.
        candidates: Vec<SuppressionLine>,
    },
    /// 7. Whether the unit is held out.
    Holdout {
        /// The holdouts tested.
        tested: Vec<HoldoutLine>,
    },
    /// 8. The winner's audience.
    Audience {
        /// The first of the candidate's list that matched.
        audience: Option<String>,
    },
    /// 9. Which experiment's arm.
    Experiment {
        /// The experiments on the winner's binding and audience, up to the one that enrolled the unit.
        experiments: Vec<ExperimentLine>,
    },
    /// 10. Which variant.
    Content {
        /// `<module>/<variant>`; `None` when none may be shown.
        variant: Option<String>,
        /// The Channel's locale that serves the unit.
        locale: Option<String>,
    },
    /// 11. The baseline.
    Baseline {
        /// `<module>/<variant>`; `None` leaves it to the client's code default.
        variant: Option<String>,
    },
}

/// One audience's rule against the context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AudienceLine {
    /// The audience.
    pub audience: String,
    /// Its rule, as written.
    pub rule: String,
    /// Whether it matches.
    pub matches: bool,
    /// What kept the rule from a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// One candidate against the unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateLine {
    /// The binding.
    pub binding: String,
    /// Position in the binding's list.
    pub index: usize,
    /// The module.
    pub module: String,
    /// The binding's priority.
    pub priority: i64,
    /// The candidate's score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Why it does not admit the unit; `None` when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

/// Why a candidate does not admit a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// Its module is at another touchpoint of the page already.
    Taken,
    /// The page has as many modules with its value of a label as it asked for.
    Alike {
        /// The label.
        label: String,
        /// Its value.
        value: String,
    },
    /// The program's purpose is not granted.
    Consent,
    /// None of its audiences matches.
    Audience,
    /// Its condition is not met.
    When {
        /// The condition, as written.
        rule: String,
        /// What kept it from a value.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// No variant of the module may be shown here, to this audience, in this locale, now.
    NoValidVariant,
    /// The unit's bucket is outside of the rollout.
    Rollout {
        /// The share, in basis points.
        share_bp: u32,
    },
}

/// One admitted candidate against suspension, caps, stops and quiet hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuppressionLine {
    /// The binding.
    pub binding: String,
    /// Position in the binding's list.
    pub index: usize,
    /// What suppresses it; `None` for the winner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Reason>,
}

/// One holdout against the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutLine {
    /// The holdout.
    pub holdout: String,
    /// The unit's bucket of 10,000.
    pub bucket: u32,
    /// Buckets below are held.
    pub share_bp: u32,
    /// Whether the unit is held.
    pub held: bool,
}

/// One experiment against the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExperimentLine {
    /// The experiment.
    pub experiment: String,
    /// Where the unit falls.
    #[serde(flatten)]
    pub placement: Placement,
}

/// Where a unit falls in an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "placement", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Placement {
    /// Into an arm.
    Arm {
        /// The arm.
        arm: String,
    },
    /// Outside of the experiment's range of its exclusion group.
    Excluded {
        /// The unit's bucket of 10,000.
        bucket: u32,
        /// First bucket inside.
        from_bp: u32,
        /// First bucket after.
        to_bp: u32,
    },
    /// Outside of the experiment's traffic.
    OutsideTraffic {
        /// The unit's bucket of 10,000.
        bucket: u32,
        /// Buckets below are inside.
        traffic_bp: u32,
    },
    /// The split is off: paused, stopped, retired, harmful or past its end.
    Closed,
    /// The arm won and is for all.
    Promoted {
        /// The arm.
        arm: String,
    },
}
