//! What each design needs.

use attune_lift::planner::{Plan, PlanError};
use attune_lift::{Method, MetricKind};
use serde::Serialize;

use super::Brief;

const DESIGNS: [Method; 3] = [Method::Fixed, Method::Planned, Method::Continuous];

/// The whole plan: every baseline by every design.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Planned {
    /// The level of each comparison: with several treatments, what Holm leaves for the first of them.
    pub(crate) alpha_each: f64,
    pub(crate) baselines: Vec<Baseline>,
    /// Whether the chosen design shows the least lift with the units that there are; absent when that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conclusive: Option<bool>,
}

/// One baseline by every design.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Baseline {
    /// The control's figure.
    #[serde(rename = "baseline")]
    pub(crate) figure: f64,
    /// The least lift in the metric's unit.
    pub(crate) effect: f64,
    pub(crate) designs: Vec<Design>,
}

/// One design at one baseline. Units are of all arms together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Design {
    pub(crate) method: &'static str,
    pub(crate) chosen: bool,
    /// Absent when no number of units shows the lift.
    pub(crate) units: Option<u64>,
    /// Units of each arm, in order.
    pub(crate) units_per_arm: Vec<u64>,
    pub(crate) days: Option<u64>,
    /// What the units that there are can show; absent when these are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detectable: Option<Detectable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) looks: Option<Looks>,
}

/// The smallest effect that a number of units shows with the power of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Detectable {
    pub(crate) units: u64,
    pub(crate) absolute: f64,
    pub(crate) relative: f64,
}

/// When to look, in units of all arms together, in an experiment that ends when the least lift is likely to have shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Looks {
    /// Nothing is shown before.
    pub(crate) first: Option<u64>,
    /// The least lift has one chance in ten to have shown.
    pub(crate) worthwhile: Option<u64>,
    /// It has an even chance.
    pub(crate) even: Option<u64>,
}

/// Plans every baseline by every design.
///
/// # Errors
/// When the numbers are beyond what can be computed with; what a person can get wrong has been checked before.
pub(crate) fn plan(brief: &Brief) -> Result<Planned, PlanError> {
    let pair = Pair::of(brief);
    let baselines = brief
        .baselines
        .iter()
        .map(|&baseline| {
            let effect = brief.target(baseline) - baseline;
            let designs = DESIGNS
                .into_iter()
                .map(|method| pair.design(brief, method, baseline, effect))
                .collect::<Result<_, _>>()?;
            Ok(Baseline {
                figure: baseline,
                effect,
                designs,
            })
        })
        .collect::<Result<Vec<Baseline>, PlanError>>()?;
    let conclusive = brief.available.map(|available| {
        let chosen = baselines
            .iter()
            .flat_map(|one| one.designs.iter().filter(|design| design.chosen));
        chosen
            .into_iter()
            .all(|design| design.units.is_some_and(|units| units <= available))
    });
    Ok(Planned {
        alpha_each: pair.alpha,
        baselines,
        conclusive,
    })
}

/// The comparison that takes longest: control against the smallest treatment.
struct Pair {
    alpha: f64,
    control_share: f64,
    /// Units of all arms for one unit of the two.
    all: f64,
}

impl Pair {
    fn of(brief: &Brief) -> Self {
        let total: f64 = brief.arms.iter().map(|(_, weight)| weight).sum();
        let control = brief.arms.first().map_or(0.0, |(_, weight)| *weight);
        let treatments = brief.arms.iter().skip(1).map(|(_, weight)| *weight);
        let compared = treatments.clone().count().max(1);
        let smallest = treatments.fold(f64::INFINITY, f64::min);
        Self {
            alpha: brief.alpha / compared as f64,
            control_share: control / (control + smallest),
            all: total / (control + smallest),
        }
    }

    fn plan(&self, brief: &Brief, method: Method, baseline: f64) -> Plan {
        let kept = 1.0 - brief.correlation * brief.correlation;
        let target = brief.target(baseline);
        let (control, treatment) = match (brief.metric, brief.sd) {
            (MetricKind::Mean | MetricKind::Ratio, Some(sd)) => (sd * sd, sd * sd),
            _ => (baseline * (1.0 - baseline), target * (1.0 - target)),
        };
        Plan {
            alpha: self.alpha,
            power: brief.power,
            control_share: self.control_share,
            looks: brief.looks,
            ..Plan::for_means(method, kept * control, kept * treatment)
        }
    }

    fn design(&self, brief: &Brief, method: Method, baseline: f64, effect: f64) -> Result<Design, PlanError> {
        let plan = self.plan(brief, method, baseline);
        let needed = match plan.units_needed(effect) {
            Ok(units) => Some(units),
            Err(PlanError::Hopeless) => None,
            Err(error) => return Err(error),
        };
        // Whole units in every arm.
        let units_per_arm = needed.map(|units| per_arm(brief, self.of_all(units)));
        let units = units_per_arm.as_ref().map(|arms| arms.iter().sum());
        Ok(Design {
            method: method.as_str(),
            chosen: method == brief.method,
            units,
            units_per_arm: units_per_arm.unwrap_or_default(),
            days: units
                .zip(brief.units_per_day)
                .map(|(units, day)| days(units, day)),
            detectable: match brief.available {
                Some(available) => Some(self.detectable(&plan, available, baseline)?),
                None => None,
            },
            looks: match needed {
                Some(needed) => Some(self.looks(&plan, needed, brief, baseline, effect)?),
                None => None,
            },
        })
    }

    fn detectable(&self, plan: &Plan, available: u64, baseline: f64) -> Result<Detectable, PlanError> {
        let absolute = plan.detectable(self.of_pair(available))?;
        Ok(Detectable {
            units: available,
            absolute,
            relative: absolute / baseline,
        })
    }

    fn looks(
        &self,
        plan: &Plan,
        needed: u64,
        brief: &Brief,
        baseline: f64,
        effect: f64,
    ) -> Result<Looks, PlanError> {
        // How many outcomes of a mean are not zero is not known here; of a share it is the share.
        let non_zero = match brief.metric {
            MetricKind::Proportion => baseline.min(brief.target(baseline)),
            MetricKind::Mean | MetricKind::Ratio => 1.0,
        };
        let first = match plan.first_look(needed, non_zero) {
            Ok(first) => Some(self.of_all(first)),
            Err(PlanError::Hopeless) => None,
            Err(error) => return Err(error),
        };
        let with = |chance| match plan.look_with_chance(effect, needed, non_zero, chance) {
            Ok(units) => Ok(units.map(|units| self.of_all(units))),
            Err(PlanError::Hopeless) => Ok(None),
            Err(error) => Err(error),
        };
        Ok(Looks {
            first,
            worthwhile: with(0.1)?,
            even: with(0.5)?,
        })
    }

    fn of_all(&self, pair: u64) -> u64 {
        whole(pair as f64 * self.all)
    }

    fn of_pair(&self, all: u64) -> u64 {
        whole((all as f64 / self.all).floor()).max(1)
    }
}

/// Each arm's part, in the order of the arms.
fn per_arm(brief: &Brief, units: u64) -> Vec<u64> {
    let total: f64 = brief.arms.iter().map(|(_, weight)| weight).sum();
    let part = |(_, weight): &(String, f64)| whole(units as f64 * weight / total);
    brief.arms.iter().map(part).collect()
}

/// Days until that many units have come.
pub(super) fn days(units: u64, a_day: f64) -> u64 {
    whole(units as f64 / a_day)
}

/// Rounded up, but not for what rounding itself has added.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at least zero; beyond 2^64 it saturates"
)]
fn whole(units: f64) -> u64 {
    (units * (1.0 - 4.0 * f64::EPSILON)).ceil() as u64
}
