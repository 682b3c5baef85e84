//! A program says everything that it is to be judged by, and is judged by what matters.

use attune_api::common::Dimension;
use attune_api::conditions::Reason;
use attune_api::governance_policy::PrimaryMetricRule;
use attune_api::{Kind, Program};

use crate::Model;
use crate::facts::{Fact, Facts};
use crate::policy::Ruling;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Dimensions that matter where a policy lists none.
const DEFAULT_DIMENSIONS: [Dimension; 2] = [Dimension::Business, Dimension::Relationship];

/// Looks at the objective of each program, and at what programs and experiments are decided by.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut facts = Facts::default();
    for ruling in model.policies.judging(|rules| rules.objective.as_ref()) {
        for (name, program) in &model.snapshot.programs {
            for (field, message) in gaps(program) {
                let object = model.snapshot.id(Kind::Program, name);
                facts.note(
                    &ruling,
                    Fact::new(object, Reason::ObjectiveIncomplete, field, message),
                );
            }
        }
    }
    for ruling in model.policies.judging(|rules| rules.primary_metric.as_ref()) {
        primaries(model, &ruling, &mut facts);
    }
    facts.report(report);
}

/// What a program leaves open, with the field that should say it.
fn gaps(program: &Program) -> Vec<(&'static str, &'static str)> {
    let spec = &program.spec;
    let table = [
        (
            sentences(&spec.objective) > 1,
            "spec.objective",
            "the objective has more than one sentence: state one outcome, and give others a program of their own",
        ),
        (
            spec.guardrails.is_empty(),
            "spec.guardrails",
            "no guardrail says what must not get worse while the KPI gets better: add one",
        ),
        (
            spec.audiences.is_empty(),
            "spec.audiences",
            "the program addresses nobody: list its audiences",
        ),
        (
            spec.review_by.is_none(),
            "spec.reviewBy",
            "no day is set on which somebody looks at the program again: set one",
        ),
    ];
    let open = table.into_iter().filter(|(is_open, ..)| *is_open);
    open.map(|(_, field, message)| (field, message)).collect()
}

/// Sentences of a text: an end followed by a capital begins another, so that `10.5 %` and `e.g. this` do not.
fn sentences(text: &str) -> usize {
    let mut count = 1;
    let mut has_ended = false;
    let mut is_apart = false;
    for character in text.trim().chars() {
        match character {
            '.' | '!' | '?' => (has_ended, is_apart) = (true, false),
            _ if character.is_whitespace() => is_apart = true,
            _ => {
                if has_ended && is_apart && character.is_uppercase() {
                    count += 1;
                }
                (has_ended, is_apart) = (false, false);
            }
        }
    }
    count
}

/// Programs and experiments are decided by a metric of a dimension that matters.
fn primaries(model: &Model<'_>, ruling: &Ruling<'_, PrimaryMetricRule>, facts: &mut Facts) {
    let snapshot = model.snapshot;
    let programs = snapshot.programs.iter().map(|(name, program)| {
        let object = snapshot.id(Kind::Program, name);
        (
            object,
            "spec.kpi.metricRef.name",
            &program.spec.kpi.metric_ref.name,
        )
    });
    let experiments = snapshot.experiments.iter().map(|(name, experiment)| {
        let object = snapshot.id(Kind::Experiment, name);
        (object, "spec.analysis.primary", &experiment.spec.analysis.primary)
    });
    let matter = match ruling.rule.dimensions.as_slice() {
        [] => DEFAULT_DIMENSIONS.as_slice(),
        listed => listed,
    };
    for (object, field, metric) in programs.chain(experiments) {
        // A metric that is not there was told already.
        let Some(declared) = snapshot.metrics.get(metric.as_str()) else {
            continue;
        };
        let dimension = declared.spec.dimension;
        if !matter.contains(&dimension) {
            let matter: Vec<_> = matter.iter().map(|one| format!("{one:?}")).collect();
            let message = format!(
                "metric `{metric}` is of dimension {dimension:?}, a vanity metric as what decides: decide by one of {}, and \
                 keep it as a secondary metric",
                matter.join(" or ")
            );
            facts.note(ruling, Fact::new(object, Reason::VanityMetric, field, message));
        }
    }
}
