//! What an Experiment asks of the collector.

use std::collections::BTreeMap;

use attune_api::common::EventSelector;
use attune_api::experiment::{Covariate, ExcludedUnits, ExperimentState, Registration};
use attune_api::metric::{Direction, MetricSource, MetricType, SqlSource};
use attune_api::results::AnalysisMethod;
use attune_api::{Experiment, Kind, Metric, Program};
use attune_core::measure::{
    self, ArmQuestion, CovariateQuestion, EventQuery, ExcludeRule, Method, MetricKind, MetricQuestion,
    MetricRole, Question, Source, TableSource, Threshold,
};

use crate::Model;
use crate::report::Report;
use crate::rules::Part;

/// The questions of all experiments that have left Draft and are sound, as they are registered. What a policy has against
/// one keeps nobody from measuring it.
pub(super) fn all(
    model: &Model<'_>,
    registrations: &BTreeMap<String, Registration>,
    report: &Report,
) -> BTreeMap<String, Question> {
    let experiments = model.snapshot.experiments.iter();
    experiments
        .filter(|(name, experiment)| {
            experiment.spec.state != ExperimentState::Draft
                && report.is_coherent((Kind::Experiment, name.as_str()))
        })
        .filter_map(|(name, experiment)| {
            let question = question(model, name, experiment, registrations.get(name)?)?;
            Some((name.clone(), question))
        })
        .collect()
}

fn question(
    model: &Model<'_>,
    name: &str,
    experiment: &Experiment,
    registration: &Registration,
) -> Option<Question> {
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
    let roles: Vec<(&str, MetricRole)> = roles.collect();
    let thresholds = roles
        .iter()
        .filter_map(|(metric, _)| threshold(metric, model.snapshot.metrics.get(*metric)?))
        .collect();
    let metrics = roles
        .into_iter()
        .filter(|(metric, _)| {
            model
                .snapshot
                .metrics
                .get(*metric)
                .is_some_and(|metric| is_compared(metric))
        })
        .filter_map(|(metric, role)| metric_question(model, metric, role))
        .collect();
    let is_kpi = program.spec.kpi.metric_ref.name == analysis.primary;
    Some(Question {
        namespace: model.snapshot.namespace.clone(),
        experiment: name.to_owned(),
        registration: registration.hash.clone(),
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
        power_bp: analysis.power_bp.map_or(8000, attune_api::Whole::get_i32),
        alpha_bp: analysis.alpha_bp.map_or(500, attune_api::Whole::get_i32),
        planned_units: analysis.planned_units.map(attune_api::Whole::get_u64),
        minimum_lift_bp: is_kpi.then(|| program.spec.kpi.minimum_lift_bp.get_i32()),
        covariate: analysis
            .covariate
            .as_ref()
            .and_then(|covariate| covariate_question(model, covariate)),
        exclude: analysis
            .exclude
            .iter()
            .filter_map(|rule| exclude_rule(model, rule))
            .collect(),
        earlier: Vec::new(),
        bindings: spec
            .bindings
            .iter()
            .map(|binding| binding.as_str().to_owned())
            .collect(),
        thresholds,
    })
}

/// Whether a Metric has units to compare: a threshold on a query has none, and nothing reads ClickHouse yet.
fn is_compared(metric: &Metric) -> bool {
    !matches!(
        metric.spec.source,
        Some(MetricSource::Prometheus(_) | MetricSource::ClickHouse(_))
    )
}

/// Whether the events of a Metric are sent to the collector.
pub(super) fn is_collected(metric: &Metric) -> bool {
    matches!(metric.spec.source, None | Some(MetricSource::Collector(_)))
}

fn source(metric: &Metric) -> Option<Source> {
    match &metric.spec.source {
        Some(MetricSource::Postgres(tables)) => Some(Source::Postgres(table_source(tables))),
        _ => None,
    }
}

fn table_source(source: &SqlSource) -> TableSource {
    TableSource {
        secret: source.secret_ref.name.as_str().to_owned(),
        table: source.table.clone(),
        exposures: source.exposures().to_owned(),
    }
}

/// What a Metric asks of Prometheus.
fn threshold(name: &str, metric: &Metric) -> Option<Threshold> {
    let Some(MetricSource::Prometheus(source)) = &metric.spec.source else {
        return None;
    };
    Some(Threshold {
        metric: name.to_owned(),
        url: source.url.clone(),
        query: source.query.clone(),
        limit: source.threshold.parse().ok()?,
        direction: direction(metric.spec.direction),
    })
}

const fn direction(direction: Direction) -> measure::Direction {
    match direction {
        Direction::Increase => measure::Direction::Increase,
        Direction::Decrease => measure::Direction::Decrease,
    }
}

/// The margin that the program registered; the checks refuse a guardrail without.
pub(super) fn margin(program: &Program, metric: &str) -> i32 {
    let guardrail = program
        .spec
        .guardrails
        .iter()
        .find(|guardrail| guardrail.metric_ref.name.as_str() == metric);
    guardrail.map_or(0, |guardrail| guardrail.margin_bp.get_i32())
}

fn covariate_question(model: &Model<'_>, covariate: &Covariate) -> Option<CovariateQuestion> {
    let name = covariate.metric.as_str();
    let metric = model.snapshot.metrics.get(name)?;
    Some(CovariateQuestion {
        name: name.to_owned(),
        kind: kind(metric.spec.type_),
        event: query(model, name, Part::Event, &metric.spec.event),
        window_seconds: covariate.window.seconds(),
    })
}

fn exclude_rule(model: &Model<'_>, rule: &ExcludedUnits) -> Option<ExcludeRule> {
    let name = rule.metric.as_str();
    let metric = model.snapshot.metrics.get(name)?;
    Some(ExcludeRule {
        name: name.to_owned(),
        event: query(model, name, Part::Event, &metric.spec.event),
        window_seconds: rule.window.seconds(),
        more_than: rule.more_than.get_u64(),
    })
}

fn query(model: &Model<'_>, metric: &str, part: Part, selector: &EventSelector) -> EventQuery {
    EventQuery {
        name: selector.name.as_str().to_owned(),
        value: selector.value.as_ref().map(|value| value.as_str().to_owned()),
        filter: model.rules.filters.get(&(metric.to_owned(), part)).cloned(),
    }
}

const fn kind(type_: MetricType) -> MetricKind {
    match type_ {
        MetricType::Proportion => MetricKind::Proportion,
        MetricType::Mean => MetricKind::Mean,
        MetricType::Count => MetricKind::Count,
        MetricType::Ratio => MetricKind::Ratio,
    }
}

pub(super) fn metric_question(model: &Model<'_>, name: &str, role: MetricRole) -> Option<MetricQuestion> {
    let metric: &Metric = model.snapshot.metrics.get(name)?;
    let spec = &metric.spec;
    Some(MetricQuestion {
        name: name.to_owned(),
        role,
        kind: kind(spec.type_),
        event: query(model, name, Part::Event, &spec.event),
        denominator: spec
            .denominator
            .as_ref()
            .map(|selector| query(model, name, Part::Denominator, selector)),
        window_seconds: spec.window.seconds(),
        direction: direction(spec.direction),
        source: source(metric),
    })
}
