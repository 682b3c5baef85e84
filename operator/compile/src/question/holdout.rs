//! What a Holdout asks: what is held back, and what that is worth.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::experiment::{Assignment, Effect, ExperimentState};
use attune_api::holdout::HoldoutScope as Scope;
use attune_api::{Holdout, Kind, Program};
use attune_core::measure::holdout::{BaselineArm, HoldoutQuestion, HoldoutRegistration, HoldoutScope};
use attune_core::measure::{MetricQuestion, MetricRole};

use super::experiment::{margin, metric_question};
use crate::Model;
use crate::report::Report;

/// Error rate of every claim about a holdout, both sides, in basis points.
const ALPHA_BP: i32 = 500;

/// The question of one holdout; `None` where it holds for no program.
pub(super) fn question(
    model: &Model<'_>,
    name: &str,
    holdout: &Holdout,
    report: &Report,
) -> Option<HoldoutQuestion> {
    let (snapshot, spec) = (model.snapshot, &holdout.spec);
    let covers = |program: &Program| match spec.scope {
        Scope::Namespace => true,
        Scope::Program => {
            let own = program.spec.holdout_ref.as_ref();
            own.is_some_and(|own| own.name.as_str() == name)
        }
    };
    let programs: Vec<_> = snapshot
        .programs
        .iter()
        .filter(|(name, program)| covers(program) && report.is_usable((Kind::Program, name.as_str())))
        .map(|(name, program)| (name.as_str(), program.as_ref()))
        .collect();
    let mut scopes = vec![whole(model, &programs)];
    scopes.extend(programs.iter().map(|(name, program)| scope(model, name, program)));
    scopes.retain(|scope| !scope.metrics.is_empty());
    if scopes.is_empty() {
        return None;
    }
    Some(HoldoutQuestion {
        registration: HoldoutRegistration {
            namespace: snapshot.namespace.clone(),
            holdout: name.to_owned(),
            salt: crate::assemble::holdout_salt(&snapshot.namespace, name, spec),
            share_bp: spec.share_bp.get_i32(),
            from: spec.period.from.timestamp(),
            until: spec.period.until.timestamp(),
        },
        alpha_bp: ALPHA_BP,
        planned_units: None,
        scopes,
        baseline_arms: baseline_arms(model),
    })
}

/// The holdout that speaks for each program: of those that hold it back the one whose period is now, or was last, the
/// program's own before the namespace's, then the later one.
pub(super) fn speakers(
    model: &Model<'_>,
    asked: &BTreeMap<&str, HoldoutQuestion>,
) -> BTreeMap<String, String> {
    let rank = |name: &str, question: &HoldoutQuestion| {
        let HoldoutRegistration { from, until, .. } = question.registration;
        let holdout = model.snapshot.holdouts.get(name);
        let is_own = holdout.is_some_and(|holdout| holdout.spec.scope == Scope::Program);
        let has_begun = from <= model.at;
        (
            has_begun && model.at < until,
            has_begun,
            is_own,
            from,
            name.to_owned(),
        )
    };
    let mut best = BTreeMap::new();
    for (name, question) in asked {
        for program in question.scopes.iter().filter_map(|scope| scope.program.as_ref()) {
            let rank = rank(name, question);
            let known = best.entry(program.clone()).or_insert_with(|| rank.clone());
            if rank > *known {
                *known = rank;
            }
        }
    }
    let speakers = best.into_iter();
    speakers.map(|(program, (.., name))| (program, name)).collect()
}

/// What the values of its metrics are counted in.
pub(super) fn units(model: &Model<'_>, question: &HoldoutQuestion) -> BTreeMap<String, String> {
    let metrics = question.scopes.iter().flat_map(|scope| &scope.metrics);
    let unit = |name: &str| model.snapshot.metrics.get(name)?.spec.unit.clone();
    metrics
        .filter_map(|metric| Some((metric.name.clone(), unit(&metric.name)?)))
        .collect()
}

/// Everything that is held back, by the KPI of each program once.
fn whole(model: &Model<'_>, programs: &[(&str, &Program)]) -> HoldoutScope {
    let kpis: BTreeSet<&str> = programs
        .iter()
        .map(|(_, program)| program.spec.kpi.metric_ref.name.as_str())
        .collect();
    let metrics = kpis
        .into_iter()
        .filter_map(|kpi| collected(model, kpi, MetricRole::Primary));
    HoldoutScope {
        program: None,
        bindings: Vec::new(),
        metrics: metrics.collect(),
        minimum_lift_bp: None,
    }
}

/// One program, by its KPI and its guardrails.
fn scope(model: &Model<'_>, name: &str, program: &Program) -> HoldoutScope {
    let spec = &program.spec;
    let bindings = model.snapshot.bindings.iter();
    let own = bindings.filter(|(_, binding)| binding.spec.program_ref.name.as_str() == name);
    let bindings: Vec<String> = own.map(|(name, _)| name.clone()).collect();
    let kpi = (spec.kpi.metric_ref.name.as_str(), MetricRole::Primary);
    let guardrails = spec.guardrails.iter().map(|guardrail| {
        let metric = guardrail.metric_ref.name.as_str();
        let margin_bp = margin(program, metric);
        (metric, MetricRole::Guardrail { margin_bp })
    });
    let roles = std::iter::once(kpi).chain(guardrails);
    // Without bindings nothing of it was ever shown, and an empty list would mean everything.
    let metrics =
        roles.filter_map(|(metric, role)| collected(model, metric, role).filter(|_| !bindings.is_empty()));
    HoldoutScope {
        program: Some(name.to_owned()),
        metrics: metrics.collect(),
        bindings,
        minimum_lift_bp: Some(spec.kpi.minimum_lift_bp.get_i32()),
    }
}

/// A metric whose figures are the collector's.
fn collected(model: &Model<'_>, name: &str, role: MetricRole) -> Option<MetricQuestion> {
    let metric = model.snapshot.metrics.get(name)?;
    super::experiment::is_collected(metric).then(|| metric_question(model, name, role))?
}

/// The arms that show the baseline: units of the slice that sit in them were not personalized either.
fn baseline_arms(model: &Model<'_>) -> Vec<BaselineArm> {
    let experiments = model.snapshot.experiments.iter();
    let split = experiments.filter(|(_, experiment)| {
        let spec = &experiment.spec;
        spec.assignment() == Assignment::Engine && spec.state != ExperimentState::Draft
    });
    split
        .flat_map(|(name, experiment)| {
            let arms = experiment.spec.arms.iter();
            let baseline = arms.filter(|arm| matches!(arm.effect, Effect::Baseline));
            baseline.map(|arm| BaselineArm {
                experiment: name.clone(),
                arm: arm.name.as_str().to_owned(),
            })
        })
        .collect()
}
