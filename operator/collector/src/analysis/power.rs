//! What the planned size can show, by what the control has shown so far.
//!
//! Before the start, by what units did that the same bindings have exposed lately, whoever showed them what: the control is
//! not there yet, and they are the people that it will be drawn from.
//!
//! The baseline is all that the planner needs of the data, and it says nothing about who is ahead, so that it may be
//! looked at as often as anybody likes.

use attune_core::measure::answer::Power;
use attune_core::measure::{self, MetricKind, MetricRole, Question};
use attune_lift::Method;
use attune_lift::planner::Plan;
use jiff::Timestamp;

use super::AnswerError;
use super::answer::{MetricResult, Summary};
use super::compare::basis_points;
use super::looks::{DAY, looks};
use super::observe::{observe_members, sum_up};
use super::sums::{Member, length};
use crate::store::{Snapshot, micros};

/// How far back units are looked at before the start: four weeks, so that every day of the week counts alike.
const LATELY: i64 = 28 * DAY;

/// Fewer units than this say too little of a baseline.
const FEWEST_UNITS: u64 = 100;

/// How many looks a plan with spending is taken to have, evenly spaced.
const LOOKS: u32 = 28;

/// The power of the primary metric; of several arms, of the smallest, which takes longest.
pub(super) fn of(question: &Question, results: &[MetricResult]) -> Option<Power> {
    let primary = question
        .metrics
        .iter()
        .find(|metric| metric.role == MetricRole::Primary)?;
    let result = results.iter().find(|result| result.role == MetricRole::Primary)?;
    judge(question, primary.kind, &result.baseline)
}

/// The same before the control has figures: by the units that the experiment's bindings have exposed in the four weeks
/// before, and whose window is over.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn before(
    snapshot: &Snapshot,
    question: &Question,
    at: Timestamp,
) -> Result<Option<Power>, AnswerError> {
    let primary = question
        .metrics
        .iter()
        .find(|metric| metric.role == MetricRole::Primary && metric.source.is_none());
    let Some(primary) = primary.filter(|_| !question.bindings.is_empty()) else {
        return Ok(None);
    };
    let until = micros(at).saturating_sub(length(primary.window_seconds));
    let from = until.saturating_sub(LATELY);
    let exposed = snapshot.exposed_by(&question.namespace, &question.bindings, (from, until))?;
    let members: Vec<Member> = exposed
        .into_iter()
        .map(|(unit, first)| Member {
            unit,
            first,
            place: 0,
        })
        .collect();
    let observed = observe_members(snapshot, primary, (&members, None), (1, at))?;
    let looks = looks(&[observed]).map_err(|error| sum_up(primary, error))?;
    let last = looks.last().and_then(|look| look.phases.first()?.first());
    Ok(last.and_then(|moments| judge(question, primary.kind, &moments.into())))
}

fn judge(question: &Question, kind: MetricKind, control: &Summary) -> Option<Power> {
    let seen_units = control.outcome.n;
    let baseline = Baseline::of(kind, control).filter(|_| seen_units >= FEWEST_UNITS)?;
    let pair = Pair::of(question)?;
    let plan = Plan {
        method: match question.method {
            measure::Method::Fixed => Method::Fixed,
            measure::Method::Planned => Method::Planned,
            measure::Method::Continuous => Method::Continuous,
        },
        alpha: basis_points(question.alpha_bp),
        power: basis_points(question.power_bp),
        control_share: pair.control_share,
        control_variance: baseline.variance,
        treatment_variance: baseline.variance,
        looks: LOOKS,
    };
    let minimum = question.minimum_lift_bp.map(basis_points);
    let needed = minimum.map(|minimum| plan.units_needed(minimum * baseline.mean).ok());
    let needed = needed.map(|units| units.map(|units| scaled(units, pair.all)));
    let of_pair = question
        .planned_units
        .map(|planned| scaled(planned, 1.0 / pair.all));
    let detectable = of_pair.and_then(|units| plan.detectable(units).ok());
    Some(Power {
        units: needed.flatten(),
        detectable_lift: detectable.map(|effect| effect / baseline.mean),
        control_mean: baseline.mean,
        seen_units,
        sufficient: needed
            .zip(question.planned_units)
            .map(|(needed, planned)| needed.is_some_and(|needed| needed <= planned)),
    })
}

/// The mean and the variance of one control unit.
struct Baseline {
    mean: f64,
    variance: f64,
}

impl Baseline {
    /// `None` where no relative lift can be spoken of.
    fn of(kind: MetricKind, control: &Summary) -> Option<Self> {
        let outcome = control.outcome;
        let degrees = outcome.n.saturating_sub(1) as f64;
        let baseline = match (kind, control.denominator) {
            (MetricKind::Proportion, _) => Self {
                mean: outcome.mean,
                variance: outcome.mean * (1.0 - outcome.mean),
            },
            // By the delta method, as the comparison itself: the residual of a unit, in denominators.
            (MetricKind::Ratio, Some(denominator)) => {
                let ratio = outcome.mean / denominator.mean;
                let residual = outcome.m2 - 2.0 * ratio * denominator.co + ratio * ratio * denominator.m2;
                Self {
                    mean: ratio,
                    variance: residual / degrees / (denominator.mean * denominator.mean),
                }
            }
            (MetricKind::Ratio, None) => return None,
            (MetricKind::Mean | MetricKind::Count, _) => Self {
                mean: outcome.mean,
                variance: outcome.m2 / degrees,
            },
        };
        let is_usable = baseline.mean.is_finite()
            && baseline.mean > 0.0
            && baseline.variance.is_finite()
            && baseline.variance > 0.0;
        is_usable.then_some(baseline)
    }
}

/// The control and the smallest other arm.
struct Pair {
    control_share: f64,
    /// Units of all arms for one unit of the two.
    all: f64,
}

impl Pair {
    fn of(question: &Question) -> Option<Self> {
        let weight = |weight: i64| weight.max(0) as f64;
        let control = question.arms.iter().find(|arm| arm.control)?;
        let others = question.arms.iter().filter(|arm| !arm.control && arm.weight > 0);
        let smallest = others.map(|arm| weight(arm.weight)).min_by(f64::total_cmp)?;
        let control = weight(control.weight);
        let total: f64 = question.arms.iter().map(|arm| weight(arm.weight)).sum();
        let pair = control + smallest;
        (control > 0.0).then(|| Self {
            control_share: control / pair,
            all: total / pair,
        })
    }
}

/// A number of units times a factor, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "above zero, and beyond the largest number it stays there"
)]
fn scaled(units: u64, factor: f64) -> u64 {
    (units as f64 * factor).ceil() as u64
}

#[cfg(test)]
mod tests;
