//! What an Experiment was registered with when it left Draft, and that it still is.
//!
//! Rules of the resource definition refuse most changes, but they see one object alone, and only its last form. The
//! hashes that stand on the status see the rest: a Metric that counts otherwise, a Program that asks for another lift,
//! an object that was written where no rule looks.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::conditions::Reason;
use attune_api::experiment::{Decision, ExperimentState, Registration};
use attune_api::{Experiment, ExperimentSpec, Instant, Kind, Metric};
use attune_core::bundle::content_hash;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Model;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Hex digits of the hash of all parts.
const DIGITS: usize = 32;
/// Hex digits of the hash of one part.
const PART_DIGITS: usize = 12;

/// What to do about a frozen part.
const WAY_OUT: &str = "restore it, or start a new experiment under another name";

/// What an Experiment would be registered with now; `None` in Draft.
fn of(model: &Model<'_>, experiment: &Experiment) -> Option<Registration> {
    let spec = &experiment.spec;
    if spec.state == ExperimentState::Draft {
        return None;
    }
    let parts = parts(model, spec);
    Some(Registration {
        hash: hash(&parts, DIGITS),
        at: Instant::from(model.at),
        phase: i32::try_from(spec.phase()).unwrap_or(i32::MAX),
        weights: weights(spec),
        parts,
    })
}

/// What every Experiment that has left Draft is registered with: what stands on its status, else what it says now if that
/// is sound.
pub(crate) fn all(model: &Model<'_>, report: &Report) -> BTreeMap<String, Registration> {
    let experiments = model.snapshot.experiments.iter();
    let registered = experiments.filter_map(|(name, experiment)| {
        let sound = report.is_sound((Kind::Experiment, name));
        let stands = model.snapshot.registration(name).is_some();
        let registration = standing(model, name, experiment).filter(|_| sound || stands)?;
        Some((name.clone(), registration))
    });
    registered.collect()
}

/// What stands, brought up to a phase that may have changed; what is new where nothing stands.
fn standing(model: &Model<'_>, name: &str, experiment: &Experiment) -> Option<Registration> {
    let now = of(model, experiment);
    match model.snapshot.registration(name) {
        Some(stands) => {
            let (phase, weights) = match &now {
                Some(now) if now.phase > stands.phase => (now.phase, now.weights.clone()),
                _ => (stands.phase, stands.weights.clone()),
            };
            Some(Registration {
                phase,
                weights,
                ..stands.clone()
            })
        }
        None => now,
    }
}

/// The decision that stands on an Experiment, as far as it is one about what is registered.
pub fn decision<'m>(model: &Model<'m>, name: &str) -> Option<&'m Decision> {
    let facts = model.snapshot.experiment_facts.get(name)?;
    let decision = facts.decision.as_ref()?;
    let registration = facts.registration.as_ref();
    registration
        .is_none_or(|registration| registration.hash == decision.registration)
        .then_some(decision)
}

/// Refuses what changed after it was registered. What refers to something missing is not judged: it is not written
/// differently, it cannot be read.
pub(crate) fn check(model: &Model<'_>, report: &mut Report) {
    for (name, experiment) in &model.snapshot.experiments {
        let object = model.snapshot.id(Kind::Experiment, name);
        let Some(stands) = model
            .snapshot
            .registration(name)
            .filter(|_| report.is_coherent(&object))
        else {
            continue;
        };
        match of(model, experiment) {
            None => {
                let message = format!(
                    "it was registered on {} and cannot go back to Draft: {WAY_OUT}",
                    stands.at
                );
                report.error(&object, Reason::Frozen, "spec.state", message);
            }
            Some(now) => {
                for (field, what) in changes(stands, &now) {
                    let message = format!(
                        "{what} changed since it was registered on {}: {WAY_OUT}",
                        stands.at
                    );
                    report.error(&object, Reason::Frozen, field, message);
                }
            }
        }
    }
}

/// What differs, as field and words.
fn changes(stands: &Registration, now: &Registration) -> Vec<(&'static str, String)> {
    let mut changes = Vec::new();
    let names: BTreeSet<&String> = stands.parts.keys().chain(now.parts.keys()).collect();
    for name in names {
        if stands.parts.get(name) != now.parts.get(name) {
            changes.push(part_in_words(name));
        }
    }
    if now.phase < stands.phase {
        let what = format!("the phase, which was {},", stands.phase);
        changes.push(("spec.phase", what));
    } else if now.phase == stands.phase && now.weights != stands.weights {
        let what = "the split, which may only change together with `phase`,".to_owned();
        changes.push(("spec.arms", what));
    }
    changes
}

fn part_in_words(part: &str) -> (&'static str, String) {
    let field = match part {
        "arms" => "spec.arms",
        "unit" => "spec.unit",
        "salt" => "spec.salt",
        "assignment" => "spec.assignment",
        "exclusion" => "spec.exclusion",
        "minimumLift" => {
            return (
                "spec.programRef",
                "the minimum lift of the program's KPI".to_owned(),
            );
        }
        "analysis" => "spec.analysis",
        other => {
            let what = match other.split_once('/') {
                Some(("margin", metric)) => format!("the margin of guardrail `{metric}`"),
                Some((_, metric)) => format!("how metric `{metric}` is counted"),
                None => format!("`{other}`"),
            };
            return ("spec.analysis", what);
        }
    };
    (field, format!("`{part}`"))
}

/// What may never change, by part.
fn parts(model: &Model<'_>, spec: &ExperimentSpec) -> BTreeMap<String, String> {
    let arms: Vec<Value> = spec
        .arms
        .iter()
        .map(|arm| json!([arm.name, arm.control, arm.effect]))
        .collect();
    let mut parts = BTreeMap::from([
        ("arms".to_owned(), part(&arms)),
        ("unit".to_owned(), part(&spec.unit())),
        ("salt".to_owned(), part(&spec.salt)),
        ("assignment".to_owned(), part(&spec.assignment())),
        ("exclusion".to_owned(), part(&spec.exclusion)),
        ("analysis".to_owned(), part(&spec.analysis)),
    ]);
    let program = model.snapshot.programs.get(spec.program_ref.name.as_str());
    let analysis = &spec.analysis;
    if let Some(program) = program {
        let kpi = &program.spec.kpi;
        let minimum = (kpi.metric_ref.name == analysis.primary).then_some(&kpi.minimum_lift_bp);
        parts.insert("minimumLift".to_owned(), part(&minimum));
        for guardrail in &program.spec.guardrails {
            let metric = &guardrail.metric_ref.name;
            if analysis.guardrails.contains(metric) {
                parts.insert(format!("margin/{metric}"), part(&guardrail.margin_bp));
            }
        }
    }
    let covariate = analysis.covariate.as_ref().map(|covariate| &covariate.metric);
    let metrics = std::iter::once(&analysis.primary)
        .chain(&analysis.guardrails)
        .chain(&analysis.secondary)
        .chain(covariate)
        .chain(analysis.exclude.iter().map(|rule| &rule.metric));
    for name in metrics {
        if let Some(metric) = model.snapshot.metrics.get(name.as_str()) {
            parts.insert(format!("metric/{name}"), part(&counted(metric)));
        }
    }
    parts
}

/// How a Metric counts, without whom it belongs to.
fn counted(metric: &Metric) -> Value {
    let spec = &metric.spec;
    json!({
        "type": spec.type_,
        "event": spec.event,
        "denominator": spec.denominator,
        "window": spec.window,
        "direction": spec.direction,
        "source": spec.source,
    })
}

fn weights(spec: &ExperimentSpec) -> String {
    let weights: Vec<i64> = spec.arms.iter().map(|arm| arm.weight.get()).collect();
    part(&weights)
}

fn part(content: &impl Serialize) -> String {
    hash(content, PART_DIGITS)
}

/// A hash of canonical JSON (RFC 8785), which no release of ours writes otherwise.
fn hash(content: &impl Serialize, digits: usize) -> String {
    // INVARIANT: specs came from JSON, so that they have a JSON form.
    let json = serde_json_canonicalizer::to_vec(content).unwrap_or_default();
    content_hash(&json, digits)
}
