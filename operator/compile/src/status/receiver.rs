//! What a receiver that runs no decider of ours means for a Channel's conditions.

use attune_api::channel::SyncFigures;
use attune_api::conditions::{ConditionType, Reason};
use attune_api::delivery::Delivery;
use serde_json::Value;

use super::kept;
use crate::verdict::{Judged, Truth};

/// What is known about the receiver of a Channel's rules.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Receiver {
    /// Not known yet: whoever delivers has just started.
    #[default]
    Unknown,
    /// So much.
    Known(Box<Delivered>),
}

/// How a delivery stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// [`Reason::Synced`], or why the receiver does not have what is published.
    pub reason: Reason,
    /// The same in words, with what to do; empty where there is nothing to say.
    pub message: String,
    /// What stands on the status.
    pub figures: SyncFigures,
}

/// Whether a Channel's rules go to a receiver that is not a decider.
pub(super) fn has_receiver(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Push(_) | Delivery::ConfigMap(_))
}

/// Whether the receiver has what is published.
pub(super) fn judge_sync(receiver: &Receiver, old: &Value) -> Judged {
    let type_ = ConditionType::Synced;
    match receiver {
        Receiver::Known(delivered) => Judged::new(
            type_,
            delivered.reason == Reason::Synced,
            delivered.reason,
            delivered.message.clone(),
        ),
        Receiver::Unknown => kept(type_, old).unwrap_or_else(|| {
            Judged::new(type_, Truth::Unknown, Reason::SyncPending, "nothing was sent yet")
        }),
    }
}

/// Whether `revision` is live at the receiver; `None` where that is not known and what stands is to be kept.
pub(super) fn judge_live(receiver: &Receiver, revision: &str) -> Option<Judged> {
    let type_ = ConditionType::Programmed;
    let Receiver::Known(delivered) = receiver else {
        return None;
    };
    if delivered.figures.revision.as_deref() == Some(revision) {
        return Some(Judged::new(type_, true, Reason::Acknowledged, ""));
    }
    let (reason, message) = match delivered.reason {
        Reason::Refused => (Reason::Refused, delivered.message.as_str()),
        _ => (
            Reason::Published,
            "the receiver did not acknowledge it yet: see `Synced`",
        ),
    };
    Some(Judged::new(type_, false, reason, message))
}

/// The figures of a delivery; those that stand, where nothing is known yet.
pub(super) fn sync_figures(receiver: &Receiver, old: &Value) -> Option<Value> {
    match receiver {
        Receiver::Unknown => old.get("sync").cloned(),
        Receiver::Known(delivered) => serde_json::to_value(&delivered.figures).ok(),
    }
}

#[cfg(test)]
mod tests;
