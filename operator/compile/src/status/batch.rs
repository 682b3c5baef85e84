//! What the last run of a batch means for its Channel.

use attune_api::channel::BatchFigures;
use attune_api::conditions::{ConditionType, Reason};
use attune_api::delivery::Delivery;
use serde_json::Value;

use super::Outside;
use crate::verdict::{Judged, Truth};

#[cfg(test)]
mod tests;

/// Whether what a batch has written is by the rules that are published; `None` for other deliveries.
pub(super) fn judge(outside: Outside<'_>, revision: Option<&str>, old: &Value) -> Option<Judged> {
    let type_ = ConditionType::Synced;
    let Delivery::Batch(batch) = outside.delivery else {
        return None;
    };
    let pending = |message: &str| Judged::new(type_, Truth::Unknown, Reason::SyncPending, message);
    let Some(run) = last(outside, old) else {
        return Some(pending("no run of the batch has ended yet"));
    };
    if !run.succeeded {
        let why = run
            .message
            .unwrap_or_else(|| "its pod does not say why".to_owned());
        return Some(Judged::new(type_, false, Reason::BatchFailed, why));
    }
    if revision.is_some() && run.revision.as_deref() == revision {
        return Some(Judged::new(type_, true, Reason::Synced, ""));
    }
    let message = format!(
        "the last run was by other rules; the next is due by the schedule `{}`",
        batch.schedule
    );
    Some(Judged::new(type_, false, Reason::SyncPending, message))
}

/// The figures of the last run; those that stand, where no pod is left to ask.
pub(super) fn figures(outside: Outside<'_>, old: &Value) -> Option<Value> {
    matches!(outside.delivery, Delivery::Batch(_))
        .then(|| last(outside, old))
        .flatten()
        .and_then(|run| serde_json::to_value(run).ok())
}

/// The run that ended last: what pods tell, or what was told before of one that is gone.
fn last(outside: Outside<'_>, old: &Value) -> Option<BatchFigures> {
    let standing: Option<BatchFigures> = old
        .get("batch")
        .and_then(|batch| serde_json::from_value(batch.clone()).ok());
    let told = outside.batch.cloned();
    let ended = |run: &BatchFigures| run.finished_at.as_ref().map(attune_api::Instant::timestamp);
    match (told, standing) {
        // The pods of the last run may be gone while those of one before that failed are kept.
        (Some(told), Some(standing)) if ended(&standing) > ended(&told) => Some(standing),
        (told, standing) => told.or(standing),
    }
}
