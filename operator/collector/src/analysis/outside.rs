//! Metrics that have their figures elsewhere.
//!
//! The exposures of a database are not those of the store, so each source's arms are checked against the weights on their
//! own: a split that is broken in one place says nothing about the other. The answer shows the arms that its primary metric
//! rests on.

use attune_core::measure::{MetricQuestion, Question, Source};

use super::answer::{ArmCount, MetricResult, SampleRatioCheck};
use super::compare::{self, Comparison, Evidence};
use super::{AnswerError, looks, phases, withheld};
use crate::analysis::observe::sum_up;
use crate::source::{Observation, Observations, PhaseSizes, SourceError};
use crate::store::Registered;

/// What the answer shows of a source: the arms of the question, those that only exposures know, and their check.
pub(super) type Shown = (Vec<ArmCount>, Vec<ArmCount>, Option<SampleRatioCheck>);

/// What a source outside has said of a metric; `None` for one that the store answers.
pub(super) fn of<'o>(
    metric: &MetricQuestion,
    outside: &'o Observations,
) -> Option<Result<&'o Observation, SourceError>> {
    let Source::Postgres(tables) = metric.source.as_ref()?;
    Some(match outside.get(&metric.name) {
        Some(Ok(observation)) => Ok(observation),
        Some(Err(error)) => Err(error.clone()),
        None => Err(SourceError::FindCredentials {
            secret: tables.secret.clone(),
        }),
    })
}

/// The metric's comparisons, judged by the sizes that its source knows.
pub(super) fn compared(
    observation: &Observation,
    comparison: Comparison<'_>,
    metric: &MetricQuestion,
    registered: &[Registered],
) -> Result<Vec<MetricResult>, AnswerError> {
    let question = comparison.question;
    let (arms, _, ratio) = shown_of(question, registered, observation);
    let exposed: Vec<u64> = arms.iter().map(|arm| arm.exposed).collect();
    let comparison = Comparison {
        // What its units did is kept elsewhere, however long.
        withheld: withheld(question, registered, false, ratio.as_ref()),
        exposed: &exposed,
        ..comparison
    };
    let looks = looks::looks(&observation.observed).map_err(|error| sum_up(metric, error))?;
    let evidence = Evidence {
        metric,
        looks: &looks,
        weeks: None,
    };
    Ok(compare::with_control(comparison, evidence))
}

/// What is shown where the primary metric has its figures elsewhere.
pub(super) fn shown(question: &Question, registered: &[Registered], outside: &Observations) -> Option<Shown> {
    let observation = of(question.metrics.first()?, outside)?.ok()?;
    Some(shown_of(question, registered, observation))
}

fn shown_of(question: &Question, registered: &[Registered], observation: &Observation) -> Shown {
    let mut arms: Vec<ArmCount> = question
        .arms
        .iter()
        .map(|arm| ArmCount::new(arm.name.clone()))
        .collect();
    let mut unknown: Vec<ArmCount> = Vec::new();
    for phase in &observation.phases {
        for found in &phase.arms {
            let known = arms
                .iter_mut()
                .chain(unknown.iter_mut())
                .find(|arm| arm.name == found.name);
            match known {
                Some(arm) => {
                    arm.exposed += found.exposed;
                    arm.matured += found.matured;
                    arm.crossed_over += found.crossed_over;
                }
                None => unknown.push(found.clone()),
            }
        }
    }
    let checks = observation
        .phases
        .iter()
        .filter_map(|phase| check(question, registered, phase));
    (arms, unknown, super::worst(checks))
}

fn check(question: &Question, registered: &[Registered], phase: &PhaseSizes) -> Option<SampleRatioCheck> {
    let weights = phases::weights(question, registered, phase.phase)?;
    let looks = phase.exposed_by_day(question);
    (!looks.is_empty()).then(|| phases::check_sizes(&weights, &looks))
}
