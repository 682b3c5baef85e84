//! The collector's own store as a source.

use attune_core::measure::{MetricQuestion, Question};
use jiff::Timestamp;

use super::{MetricSource, Observation, SourceError};
use crate::analysis;
use crate::store::Store;

/// The collector's own store.
pub(crate) struct StoreSource(pub(crate) Store);

impl MetricSource for StoreSource {
    async fn observe(
        &self,
        question: &Question,
        metric: &MetricQuestion,
        at: Timestamp,
    ) -> Result<Observation, SourceError> {
        let (store, question, metric) = (self.0.clone(), question.clone(), metric.clone());
        let task = tokio::task::spawn_blocking(move || analysis::observation(&store, &question, &metric, at));
        match task.await {
            Ok(Ok(observation)) => Ok(observation),
            _ => Err(SourceError::ReadStore),
        }
    }
}
