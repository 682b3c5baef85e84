//! Experiments and holdouts that would claim the same units.

use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_api::experiment::{Assignment, Effect, ExperimentState, Outcome};
use attune_api::holdout::HoldoutScope;
use attune_api::{Experiment, ExperimentSpec, Holdout, Kind};

use crate::report::Report;
use crate::{Model, registration};

#[cfg(test)]
mod tests;

/// Compares experiments with each other; the later by name gives way.
pub(super) fn experiments(model: &Model<'_>, report: &mut Report) {
    let mut accepted: Vec<(&String, &Arc<Experiment>)> = Vec::new();
    for (name, experiment) in model
        .snapshot
        .experiments
        .iter()
        .filter(|(name, one)| splits(model, name, &one.spec))
    {
        match accepted
            .iter()
            .find_map(|(other, one)| Some((other, overlap(&one.spec, &experiment.spec)?)))
        {
            None => accepted.push((name, experiment)),
            Some((other, why)) => {
                let message =
                    format!("experiment `{other}` splits the same binding for the same audience, and {why}");
                report.error(
                    &model.snapshot.id(Kind::Experiment, name),
                    Reason::Overlaps,
                    "spec.exclusion",
                    message,
                );
            }
        }
    }
}

/// Compares the holdouts of the whole namespace with each other; the later by name gives way.
pub(super) fn holdouts(model: &Model<'_>, report: &mut Report) {
    let mut accepted: Vec<(&String, &Arc<Holdout>)> = Vec::new();
    let whole = |holdout: &Holdout| holdout.spec.scope == HoldoutScope::Namespace;
    for (name, holdout) in model.snapshot.holdouts.iter().filter(|(_, one)| whole(one)) {
        match accepted.iter().find(|(_, one)| periods_meet(one, holdout)) {
            None => accepted.push((name, holdout)),
            Some((other, _)) => {
                let message = format!(
                    "holdout `{other}` holds for the whole namespace in the same period: use scope Program or another period"
                );
                let object = model.snapshot.id(Kind::Holdout, name);
                report.error(&object, Reason::HoldoutNotUnique, "spec.scope", message);
            }
        }
    }
}

/// Whether the engine assigns units to the experiment now or may do so again. One that was stopped, by its owner or by its
/// verdict, enrols nobody, so that its successor may take its place.
fn splits(model: &Model<'_>, name: &str, spec: &ExperimentSpec) -> bool {
    let is_over = registration::decision(model, name)
        .is_some_and(|decision| matches!(decision.outcome, Outcome::Retired | Outcome::HarmStopped));
    spec.assignment() == Assignment::Engine
        && matches!(spec.state, ExperimentState::Running | ExperimentState::Paused)
        && !is_over
}

/// Why two experiments cannot run side by side; `None` when they can.
fn overlap(first: &ExperimentSpec, second: &ExperimentSpec) -> Option<String> {
    let shared_binding = first
        .bindings
        .iter()
        .any(|binding| second.bindings.contains(binding));
    let shared_audience = first.audiences.is_empty()
        || second.audiences.is_empty()
        || first
            .audiences
            .iter()
            .any(|audience| second.audiences.contains(audience));
    if !shared_binding || !shared_audience {
        return None;
    }
    let (Some(one), Some(other)) = (&first.exclusion, &second.exclusion) else {
        return Some("one of them has no exclusion range: give both disjoint ranges of one group".to_owned());
    };
    if one.group != other.group {
        return Some(format!(
            "the groups `{}` and `{}` are drawn independently: give both disjoint ranges of one group",
            one.group, other.group
        ));
    }
    if one.from_bp < other.to_bp && other.from_bp < one.to_bp {
        return Some(format!(
            "the ranges [{}, {}) and [{}, {}) of group `{}` overlap: make them disjoint",
            one.from_bp, one.to_bp, other.from_bp, other.to_bp, one.group
        ));
    }
    (control(first) != control(second)).then(|| {
        "their control arms have different effects: units outside of both would get two answers".to_owned()
    })
}

fn control(spec: &ExperimentSpec) -> Option<&Effect> {
    spec.arms.iter().find(|arm| arm.control).map(|arm| &arm.effect)
}

fn periods_meet(one: &Holdout, other: &Holdout) -> bool {
    let (one, other) = (&one.spec.period, &other.spec.period);
    one.from.timestamp() < other.until.timestamp() && other.from.timestamp() < one.until.timestamp()
}
