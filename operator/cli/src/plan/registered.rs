//! An Experiment as its resources register it.

use attune_api::experiment::Schedule;
use attune_api::metric::{self, MetricType};
use attune_api::results::AnalysisMethod;
use attune_api::{Experiment, Metric, Program, Resource};
use attune_lift::{Direction, Method, MetricKind};

use crate::strategy::Strategy;
use crate::suggest::nearest;

const DAY: f64 = 86_400.0;

/// Why an experiment cannot be planned from its resources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegisteredError {
    /// There is no such Experiment.
    #[error("there is no experiment `{name}`{hint}")]
    FindExperiment {
        /// Its name.
        name: String,
        /// One that there is.
        hint: String,
    },
    /// There are several.
    #[error("experiment `{name}` is in several namespaces: say which by --namespace")]
    ChooseNamespace {
        /// Its name.
        name: String,
    },
    /// Its primary metric is not among the resources.
    #[error("experiment `{experiment}` is judged by metric `{metric}`, which is not among these resources")]
    FindMetric {
        /// The experiment.
        experiment: String,
        /// The metric.
        metric: String,
    },
}

/// What the resources say about an experiment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Registered {
    pub(crate) title: String,
    pub(crate) metric: MetricKind,
    pub(crate) direction: Direction,
    /// The program's, where the primary metric is its KPI.
    pub(crate) minimum_lift: Option<f64>,
    pub(crate) alpha: f64,
    pub(crate) power: f64,
    pub(crate) method: Method,
    /// Arms with a weight, control first.
    pub(crate) arms: Vec<(String, f64)>,
    pub(crate) planned_units: Option<u64>,
    /// The share of units that take part, by traffic and exclusion range.
    pub(crate) traffic: f64,
    pub(crate) window_days: f64,
    pub(crate) schedule_days: Option<f64>,
}

impl Registered {
    /// Finds the experiment, its metric and its program; without a namespace, wherever there is one of that name.
    ///
    /// # Errors
    /// When there is no such experiment, more than one, or its metric is missing.
    pub(crate) fn find(
        strategy: &Strategy,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Self, RegisteredError> {
        let experiment = experiment(strategy, namespace, name)?;
        let namespace = experiment.metadata.namespace.as_deref();
        let here = || {
            strategy
                .accepted()
                .filter(|resource| resource.namespace() == namespace)
        };
        let primary = experiment.spec.analysis.primary.as_str();
        let metric = here()
            .find_map(|resource| match resource {
                Resource::Metric(metric) if resource.name() == primary => Some(metric.as_ref()),
                _ => None,
            })
            .ok_or_else(|| RegisteredError::FindMetric {
                experiment: name.to_owned(),
                metric: primary.to_owned(),
            })?;
        let program = experiment.spec.program_ref.name.as_str();
        let program = here().find_map(|resource| match resource {
            Resource::Program(one) if resource.name() == program => Some(one.as_ref()),
            _ => None,
        });
        Ok(Self::of(
            namespace.unwrap_or_default(),
            experiment,
            metric,
            program,
        ))
    }

    fn of(namespace: &str, experiment: &Experiment, metric: &Metric, program: Option<&Program>) -> Self {
        let spec = &experiment.spec;
        let name = experiment.metadata.name.as_deref().unwrap_or_default();
        let primary = spec.analysis.primary.as_str();
        let kpi = program.map(|program| &program.spec.kpi);
        Self {
            title: format!("{namespace}/{name}, {primary}"),
            metric: match metric.spec.type_ {
                MetricType::Proportion => MetricKind::Proportion,
                MetricType::Mean | MetricType::Count => MetricKind::Mean,
                MetricType::Ratio => MetricKind::Ratio,
            },
            direction: match metric.spec.direction {
                metric::Direction::Increase => Direction::Increase,
                metric::Direction::Decrease => Direction::Decrease,
            },
            minimum_lift: kpi
                .filter(|kpi| kpi.metric_ref.name.as_str() == primary)
                .map(|kpi| f64::from(kpi.minimum_lift_bp.get_u32()) / 10_000.0),
            alpha: spec.analysis.alpha(),
            power: spec.analysis.power(),
            method: match spec.analysis.method() {
                AnalysisMethod::Fixed => Method::Fixed,
                AnalysisMethod::Planned => Method::Planned,
                AnalysisMethod::Continuous => Method::Continuous,
            },
            arms: arms(experiment),
            planned_units: spec.analysis.planned_units.map(attune_api::Whole::get_u64),
            traffic: traffic(experiment),
            window_days: metric.spec.window.seconds() as f64 / DAY,
            schedule_days: spec.schedule.as_ref().and_then(schedule_days),
        }
    }
}

/// The one experiment of that name.
fn experiment<'s>(
    strategy: &'s Strategy,
    namespace: Option<&str>,
    name: &str,
) -> Result<&'s Experiment, RegisteredError> {
    let all = || {
        strategy.accepted().filter_map(|resource| match resource {
            Resource::Experiment(experiment) => Some(experiment.as_ref()),
            _ => None,
        })
    };
    let mut found = all().filter(|one| {
        one.metadata.name.as_deref() == Some(name)
            && namespace.is_none_or(|namespace| one.metadata.namespace.as_deref() == Some(namespace))
    });
    match (found.next(), found.next()) {
        (Some(experiment), None) => Ok(experiment),
        (Some(_), Some(_)) => Err(RegisteredError::ChooseNamespace {
            name: name.to_owned(),
        }),
        (None, _) => {
            let known = all().filter_map(|one| one.metadata.name.as_deref());
            let near = nearest(name, known).filter(|near| *near != name);
            let hint = near.map(|near| format!(": did you mean `{near}`?"));
            Err(RegisteredError::FindExperiment {
                name: name.to_owned(),
                hint: hint.unwrap_or_default(),
            })
        }
    }
}

/// Control first; an arm without weight gets nobody. A control without weight stays, to be refused with its name.
fn arms(experiment: &Experiment) -> Vec<(String, f64)> {
    let (control, others): (Vec<_>, Vec<_>) = experiment.spec.arms.iter().partition(|arm| arm.control);
    control
        .into_iter()
        .chain(others.into_iter().filter(|arm| arm.weight.get() > 0))
        .map(|arm| (arm.name.as_str().to_owned(), f64::from(arm.weight.get_u32())))
        .collect()
}

/// Buckets of traffic and of exclusion are drawn independently, so their shares multiply.
fn traffic(experiment: &Experiment) -> f64 {
    let share = |bp: u32| f64::from(bp) / 10_000.0;
    let exclusion = experiment.spec.exclusion.as_ref();
    let range = exclusion.map_or(1.0, |range| {
        share(range.to_bp.get_u32().saturating_sub(range.from_bp.get_u32()))
    });
    share(experiment.spec.traffic().get_u32()) * range
}

fn schedule_days(schedule: &Schedule) -> Option<f64> {
    let (start, end) = (schedule.start.as_ref()?, schedule.end.as_ref()?);
    let seconds = end.timestamp().as_second() - start.timestamp().as_second();
    (seconds > 0).then_some(seconds as f64 / DAY)
}
