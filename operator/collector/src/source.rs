//! Where the figures of a metric come from.
//!
//! A [`MetricSource`] gives the moments of one metric by arm and by the midnight at which units matured, so that the looks
//! of the past can be built again, and the sizes of the arms. The collector's own store is one ([`store`]), a database with
//! the organisation's own tables another ([`postgres`]). A source outside is asked before the analysis begins; one that is
//! slow or broken leaves its metric unavailable beside the results of the others.
//!
//! [`prometheus`] is none: it has no units. It answers thresholds, which enter no verdict.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use attune_core::measure::answer::ThresholdCheck;
use attune_core::measure::{MetricQuestion, Question, Source, TableSource};
use jiff::Timestamp;

mod credentials;
mod error;
mod postgres;
mod prometheus;
#[cfg(test)]
mod store;
mod tls;

pub use credentials::{Credential, Credentials};
pub use error::SourceError;
pub use postgres::{Session, Table};

#[cfg(test)]
pub(crate) use store::StoreSource;

use crate::analysis::{ArmCount, Observed};
use postgres::PostgresSource;

/// How long each database of a question may take, for all of its metrics; they are asked at the same time. With thresholds,
/// which take less beside them, this is below the 30 seconds that the operator waits for an answer, and leaves the analysis
/// the rest.
const PATIENCE: Duration = Duration::from_secs(20);

/// Gives moments.
pub(crate) trait MetricSource {
    /// What the units of the question's experiment did as of `at`, as far as `metric` counts it.
    ///
    /// A unit belongs to the arm of its earliest exposure, ties to the arm whose name comes first; its outcomes count from
    /// then on for the metric's window; it enters once that window is over.
    fn observe(
        &self,
        question: &Question,
        metric: &MetricQuestion,
        at: Timestamp,
    ) -> impl Future<Output = Result<Observation, SourceError>> + Send;
}

/// What a source knows of one metric of one question.
#[derive(Debug)]
pub(crate) struct Observation {
    /// Every phase up to the present one that has units, the first one first.
    pub(crate) phases: Vec<PhaseSizes>,
    /// What the matured units of the question's arms did, by phase.
    pub(crate) observed: Vec<Observed>,
}

/// The sizes of the arms of one phase.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PhaseSizes {
    /// The phase, from 1 on.
    pub(crate) phase: i32,
    /// The arms that exposures name, by name, those too that the question does not know. Matured is by this metric's window.
    pub(crate) arms: Vec<ArmCount>,
    /// How many units entered each arm by each midnight since 1970.
    pub(crate) entered: BTreeMap<(i64, String), u64>,
}

impl PhaseSizes {
    /// Units of every arm of the question so far, at every midnight at which somebody was new.
    pub(crate) fn exposed_by_day(&self, question: &Question) -> Vec<Vec<u64>> {
        let mut exposed = vec![0; question.arms.len()];
        let mut looks: Vec<(i64, Vec<u64>)> = Vec::new();
        for ((day, name), units) in &self.entered {
            let Some(place) = question.arms.iter().position(|arm| arm.name == *name) else {
                continue;
            };
            if let Some(sum) = exposed.get_mut(place) {
                *sum += units;
            }
            match looks.last_mut() {
                Some((known, look)) if known == day => look.clone_from(&exposed),
                _ => looks.push((*day, exposed.clone())),
            }
        }
        looks.into_iter().map(|(_, look)| look).collect()
    }
}

/// What the sources outside said, by metric.
pub(crate) type Observations = BTreeMap<String, Result<Observation, SourceError>>;

/// Asks the sources outside about every metric that has one, all databases at the same time.
pub(crate) async fn observe(question: &Question, credentials: &Credentials, at: Timestamp) -> Observations {
    observe_within(PATIENCE, question, credentials, at).await
}

async fn observe_within(
    patience: Duration,
    question: &Question,
    credentials: &Credentials,
    at: Timestamp,
) -> Observations {
    let until = Instant::now() + patience;
    let mut databases: BTreeMap<&str, Vec<(&MetricQuestion, &TableSource)>> = BTreeMap::new();
    for metric in &question.metrics {
        if let Some(Source::Postgres(tables)) = &metric.source {
            let metrics = databases.entry(&tables.secret).or_default();
            metrics.push((metric, tables));
        }
    }
    let asked = databases.into_iter().map(|(secret, metrics)| {
        let credential = credentials.get(secret);
        observe_database(credential, question, metrics, (at, until))
    });
    all(asked).await.into_iter().flatten().collect()
}

/// Asks one database about its metrics, one after the other. One that could not be reached is not tried a second time.
async fn observe_database(
    credential: Option<&Credential>,
    question: &Question,
    metrics: Vec<(&MetricQuestion, &TableSource)>,
    (at, until): (Timestamp, Instant),
) -> Observations {
    let mut failed: Option<SourceError> = None;
    let mut observations = Observations::new();
    for (metric, tables) in metrics {
        let observation = match (&failed, credential) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(credential)) => {
                let source = PostgresSource::new(credential, tables, until);
                source.observe(question, metric, at).await
            }
            (None, None) => Err(SourceError::FindCredentials {
                secret: tables.secret.clone(),
            }),
        };
        if let Err(error) = &observation
            && error.concerns_all()
        {
            failed = Some(error.clone());
        }
        observations.insert(metric.name.clone(), observation);
    }
    observations
}

/// Asks Prometheus about every threshold.
pub(crate) async fn check(question: &Question, at: Timestamp) -> Vec<ThresholdCheck> {
    prometheus::check(&question.thresholds, at).await
}

/// Waits for all futures at the same time; gives what they gave, in their order.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in &mut waiting {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
            is_done &= output.is_some();
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}
