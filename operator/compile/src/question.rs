//! What an Experiment asks of the collector.

use std::collections::BTreeMap;

use attune_api::common::EventSelector;
use attune_api::experiment::ExperimentState;
use attune_api::metric::{Direction, MetricType};
use attune_api::results::AnalysisMethod;
use attune_api::{Experiment, Kind, Metric, Program};
use attune_core::measure::{
    self, ArmQuestion, EventQuery, Method, MetricKind, MetricQuestion, MetricRole, Question,
};

use crate::Model;
use crate::report::Report;
use crate::rules::Part;

/// The questions of all experiments that have left Draft and are sound. What a policy has against one keeps nobody from
/// measuring it.
pub fn all(model: &Model<'_>, report: &Report) -> BTreeMap<String, Question> {
    let experiments = model.snapshot.experiments.iter();
    experiments
        .filter(|(name, experiment)| {
            experiment.spec.state != ExperimentState::Draft
                && report.is_coherent(&model.snapshot.id(Kind::Experiment, name))
        })
        .filter_map(|(name, experiment)| Some((name.clone(), question(model, name, experiment)?)))
        .collect()
}

fn question(model: &Model<'_>, name: &str, experiment: &Experiment) -> Option<Question> {
    let spec = &experiment.spec;
    let program = model.snapshot.programs.get(spec.program_ref.name.as_str())?;
    let analysis = &spec.analysis;
    let guardrails = analysis.guardrails.iter().map(|metric| {
        (
            metric.as_str(),
            MetricRole::Guardrail {
                margin_bp: margin(program, metric),
            },
        )
    });
    let roles = std::iter::once((analysis.primary.as_str(), MetricRole::Primary))
        .chain(guardrails)
        .chain(
            analysis
                .secondary
                .iter()
                .map(|metric| (metric.as_str(), MetricRole::Secondary)),
        );
    let metrics = roles
        .filter_map(|(metric, role)| metric_question(model, metric, role))
        .collect();
    let is_kpi = program.spec.kpi.metric_ref.name == analysis.primary;
    Some(Question {
        namespace: model.snapshot.namespace.clone(),
        experiment: name.to_owned(),
        phase: i32::try_from(spec.phase()).ok()?,
        arms: spec
            .arms
            .iter()
            .map(|arm| ArmQuestion {
                name: arm.name.as_str().to_owned(),
                weight: arm.weight.get(),
                control: arm.control,
            })
            .collect(),
        metrics,
        method: match analysis.method() {
            AnalysisMethod::Fixed => Method::Fixed,
            AnalysisMethod::Planned => Method::Planned,
            AnalysisMethod::Continuous => Method::Continuous,
        },
        alpha_bp: analysis.alpha_bp.map_or(500, attune_api::Whole::get_i32),
        planned_units: analysis.planned_units.map(attune_api::Whole::get_u64),
        minimum_lift_bp: is_kpi.then(|| program.spec.kpi.minimum_lift_bp.get_i32()),
    })
}

/// The margin that the program registered; the checks refuse a guardrail without.
fn margin(program: &Program, metric: &str) -> i32 {
    let guardrail = program
        .spec
        .guardrails
        .iter()
        .find(|guardrail| guardrail.metric_ref.name.as_str() == metric);
    guardrail.map_or(0, |guardrail| guardrail.margin_bp.get_i32())
}

fn metric_question(model: &Model<'_>, name: &str, role: MetricRole) -> Option<MetricQuestion> {
    let metric: &Metric = model.snapshot.metrics.get(name)?;
    let spec = &metric.spec;
    let query = |part: Part, selector: &EventSelector| EventQuery {
        name: selector.name.as_str().to_owned(),
        value: selector.value.as_ref().map(|value| value.as_str().to_owned()),
        filter: model.rules.filters.get(&(name.to_owned(), part)).cloned(),
    };
    Some(MetricQuestion {
        name: name.to_owned(),
        role,
        kind: match spec.type_ {
            MetricType::Proportion => MetricKind::Proportion,
            MetricType::Mean => MetricKind::Mean,
            MetricType::Count => MetricKind::Count,
            MetricType::Ratio => MetricKind::Ratio,
        },
        event: query(Part::Event, &spec.event),
        denominator: spec
            .denominator
            .as_ref()
            .map(|selector| query(Part::Denominator, selector)),
        window_seconds: spec.window.seconds(),
        direction: match spec.direction {
            Direction::Increase => measure::Direction::Increase,
            Direction::Decrease => measure::Direction::Decrease,
        },
    })
}
