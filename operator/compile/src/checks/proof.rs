//! Nothing is shown to many before it was shown to work, and every program is measured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_api::governance_policy::{EvidenceRule, HoldoutRule};
use attune_api::holdout::HoldoutScope;
use attune_api::{ChannelBinding, Experiment, Holdout, Kind, ObjectName, Program, Whole};

use super::depth::percent;
use crate::Model;
use crate::evidence::Evidence;
use crate::facts::{Fact, Facts};
use crate::policy::Ruling;
use crate::report::Report;
use crate::verdict::run_state;

#[cfg(test)]
mod tests;

/// Share that needs no evidence, where a policy says nothing, in basis points.
const DEFAULT_TEST_SHARE_BP: u32 = 1000;
/// Least share that is held, where a policy says nothing, in basis points.
const DEFAULT_HELD_BP: i32 = 100;

/// Looks at the evidence of every rollout, and at what programs are measured against.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut facts = Facts::default();
    let circles = circles(model);
    for ruling in model.policies.judging(|rules| rules.evidence.as_ref()) {
        for (name, binding) in &model.snapshot.bindings {
            rollout(model, (name, binding), &circles, &ruling, &mut facts, report);
        }
    }
    for ruling in model.policies.judging(|rules| rules.holdout.as_ref()) {
        for (name, program) in &model.snapshot.programs {
            measured(model, (name, program), &ruling, &mut facts);
        }
    }
    facts.report(report);
}

/// Beyond the test share a binding needs evidence; where that is enforced, its share is capped without.
fn rollout(
    model: &Model<'_>,
    (name, binding): (&str, &ChannelBinding),
    circles: &BTreeSet<&str>,
    ruling: &Ruling<'_, EvidenceRule>,
    facts: &mut Facts,
    report: &mut Report,
) {
    let test_share = ruling
        .rule
        .test_share_bp
        .map_or(DEFAULT_TEST_SHARE_BP, Whole::get_u32);
    let share = binding.spec.share().get_u32();
    if share <= test_share {
        return;
    }
    // Where nobody knows what has concluded, as in a pull request, only what is enforced is worth asking for.
    if model.evidence.is_none() && !ruling.is_enforced() {
        return;
    }
    let Some((reason, field, message)) = gap(model, binding, circles.contains(name), ruling) else {
        return;
    };
    let object = model.snapshot.id(Kind::ChannelBinding, name);
    let capped = if ruling.is_enforced() {
        report.stops.cap(name, test_share);
        ", and is until then"
    } else {
        ""
    };
    let message = format!(
        "{message}: without, a rollout is for {} of units at most{capped}",
        percent(usize::try_from(test_share).unwrap_or_default())
    );
    facts.note(ruling, Fact::new(object, reason, field, message));
}

/// What is missing about the evidence of a binding.
fn gap(
    model: &Model<'_>,
    binding: &ChannelBinding,
    is_circular: bool,
    ruling: &Ruling<'_, EvidenceRule>,
) -> Option<(Reason, &'static str, String)> {
    let field = "spec.rollout.evidence.experimentRef.name";
    let declared = binding
        .spec
        .rollout
        .as_ref()
        .and_then(|rollout| rollout.evidence.as_ref());
    let Some(declared) = declared else {
        let message =
            "no experiment shows that it works; test it, and name the experiment in `rollout.evidence`";
        return Some((Reason::EvidenceMissing, "spec.rollout", message.to_owned()));
    };
    let name = &declared.experiment_ref.name;
    if is_circular {
        let message = format!(
            "experiment `{name}` runs on bindings whose own evidence leads back here; name one that does not"
        );
        return Some((Reason::EvidenceCyclic, field, message));
    }
    let known = model.evidence.as_ref()?;
    let Some(evidence) = known.get(name.as_str()) else {
        let message = format!("experiment `{name}` has not concluded; wait for it, or name one that has");
        return Some((Reason::EvidenceMissing, field, message));
    };
    if !evidence.outcome.is_lift() {
        let message = format!(
            "experiment `{name}` concluded with {}; retire the binding, or name an experiment that concluded with lift",
            evidence.outcome.as_str()
        );
        return Some((Reason::EvidenceMissing, field, message));
    }
    if let Some(other) = mismatch(model, binding, evidence) {
        let message =
            format!("experiment `{name}` is about something else: {other}; name one on what is rolled out");
        return Some((Reason::EvidenceMismatch, field, message));
    }
    let most = ruling.rule.max_age.as_ref()?;
    let end = evidence.concluded_at.checked_add(most.duration()).ok()?;
    (end <= model.at).then(|| {
        let message = format!(
            "experiment `{name}` concluded at {}, more than {most} ago; test it again",
            evidence.concluded_at
        );
        (Reason::EvidenceAged, field, message)
    })
}

/// What evidence is about that the binding is not, or the other way round.
fn mismatch(model: &Model<'_>, binding: &ChannelBinding, evidence: &Evidence) -> Option<String> {
    let spec = &binding.spec;
    let program = model.snapshot.programs.get(spec.program_ref.name.as_str());
    let kpi = program.map(|program| program.spec.kpi.metric_ref.name.as_str());
    if let Some(kpi) = kpi.filter(|kpi| *kpi != evidence.metric) {
        return Some(format!(
            "metric `{}` decided it, and the KPI is `{kpi}`",
            evidence.metric
        ));
    }
    for candidate in &spec.candidates {
        let module = candidate.module_ref.name.as_str();
        if !evidence.modules.contains(module) {
            return Some(format!("it did not show module `{module}`"));
        }
        // An experiment without audiences was on whoever the binding is for.
        if evidence.audiences.is_empty() {
            continue;
        }
        if candidate.audiences.is_empty() {
            return Some("it was on some audiences, and a candidate is for everybody".to_owned());
        }
        let mut audiences = candidate.audiences.iter().map(ObjectName::as_str);
        if let Some(other) = audiences.find(|one| !evidence.audiences.contains(*one)) {
            return Some(format!("audience `{other}` did not take part"));
        }
    }
    None
}

/// Bindings whose evidence leads back to them over the bindings of others. An experiment on the binding itself is what
/// evidence should be.
fn circles<'m>(model: &'m Model<'_>) -> BTreeSet<&'m str> {
    let snapshot = model.snapshot;
    let next = |name: &str| -> Vec<&'m str> {
        let binding = snapshot.bindings.get(name);
        let rollout = binding.and_then(|binding| binding.spec.rollout.as_ref());
        let evidence = rollout.and_then(|rollout| rollout.evidence.as_ref());
        let experiment = evidence.and_then(|one| snapshot.experiments.get(one.experiment_ref.name.as_str()));
        let bindings = experiment.into_iter().flat_map(|one| &one.spec.bindings);
        let bindings: Vec<_> = bindings.map(ObjectName::as_str).collect();
        // Where the experiment is on the binding itself too, it is evidence by itself.
        if bindings.contains(&name) {
            Vec::new()
        } else {
            bindings
        }
    };
    let edges: BTreeMap<&str, Vec<&str>> = snapshot
        .bindings
        .keys()
        .map(|name| (name.as_str(), next(name)))
        .filter(|(_, next)| !next.is_empty())
        .collect();
    let leads_back = |start: &str| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = edges.get(start).into_iter().flatten().copied().collect();
        while let Some(name) = open.pop() {
            if name == start {
                return true;
            }
            if seen.insert(name) {
                open.extend(edges.get(name).into_iter().flatten());
            }
        }
        false
    };
    edges.keys().copied().filter(|name| leads_back(name)).collect()
}

/// A program is measured against a holdout that holds enough now, or else by an experiment that runs on it.
fn measured(
    model: &Model<'_>,
    (name, program): (&str, &Program),
    ruling: &Ruling<'_, HoldoutRule>,
    facts: &mut Facts,
) {
    let snapshot = model.snapshot;
    let least = ruling.rule.minimum_bp.map_or(DEFAULT_HELD_BP, Whole::get_i32);
    let holds = |holdout: &Holdout| {
        let period = &holdout.spec.period;
        period.from.timestamp() <= model.at && model.at < period.until.timestamp()
    };
    let own = program.spec.holdout_ref.as_ref().map(|one| one.name.as_str());
    let covering: Vec<_> = snapshot
        .holdouts
        .iter()
        .filter(|(name, holdout)| holdout.spec.scope == HoldoutScope::Namespace || own == Some(name.as_str()))
        .filter(|(_, holdout)| holds(holdout))
        .collect();
    let object = snapshot.id(Kind::Program, name);
    let mut note = |message: String| {
        let fact = Fact::new(object.clone(), Reason::HoldoutMissing, "spec.holdoutRef", message);
        facts.note(ruling, fact);
    };
    let share = |holdout: &Holdout| holdout.spec.share_bp.get_i32();
    if covering.iter().any(|(_, holdout)| share(holdout) >= least) {
        return;
    }
    if let Some((holdout, object)) = covering.first() {
        let words = |basis_points: i32| percent(usize::try_from(basis_points).unwrap_or_default());
        note(format!(
            "holdout `{holdout}` holds {} of units, less than {}: hold more from the next period on",
            words(share(object)),
            words(least)
        ));
        return;
    }
    // One that is decided shows everybody the same: it compares nothing any more.
    let runs = |(experiment, one): (&String, &Arc<Experiment>)| {
        one.spec.program_ref.name.as_str() == name && run_state(one, model, experiment) == Reason::Running
    };
    if !snapshot.experiments.iter().any(runs) {
        note(
            "nothing is held back and no experiment runs, so that nobody can tell what the program brings: add a holdout"
                .to_owned(),
        );
    }
}
