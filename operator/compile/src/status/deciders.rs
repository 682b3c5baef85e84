//! What deciders, and the pods that should have one, mean for a Channel's conditions.

use attune_api::channel::{BatchFigures, DeciderFigures};
use attune_api::conditions::{ConditionType, Reason};
use attune_api::delivery::Delivery;
use serde_json::Value;

use super::kept;
use super::receiver::{Receiver, has_receiver, judge_live, judge_sync};
use crate::verdict::{Judged, Programmed, Truth};

/// The most pods that a condition names.
const MAX_NAMED: usize = 3;

/// What the cluster knows about a Channel.
#[derive(Debug, Clone, Copy)]
pub struct Outside<'o> {
    /// How its rules are delivered.
    pub delivery: &'o Delivery,
    /// What its deciders say.
    pub deciders: &'o Deciders,
    /// What its receiver says, where it has one that is no decider.
    pub receiver: &'o Receiver,
    /// What became of its fallback.
    pub fallback: Fallback,
    /// The run of its batch that ended last, as far as pods tell.
    pub batch: Option<&'o BatchFigures>,
}

/// What became of the bundle that outlives the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fallback {
    /// Not known yet, or nobody keeps one.
    #[default]
    Unknown,
    /// It stands.
    Stands,
    /// It is too large for a ConfigMap.
    TooLarge,
}

/// What is known about the deciders of a Channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Deciders {
    /// Not known yet: whoever asks has just started, and deciders have not called back.
    #[default]
    Unheard,
    /// So much.
    Heard(Heard),
}

/// Deciders of a Channel, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// Deciders that there should be.
    pub desired: i32,
    /// Pods that have one.
    pub injected: i32,
    /// Deciders that run the published revision.
    pub current: i32,
    /// Deciders that run another one.
    pub stale: i32,
    /// Pods that should have one and were created without.
    pub bare: Bare,
    /// Why one of them refused the published revision.
    pub refused: Option<String>,
}

/// Pods without the decider that they should have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bare {
    /// How many.
    pub count: i32,
    /// The first of them by name.
    pub first: Vec<String>,
}

impl Heard {
    /// Deciders that called, where nothing is known about pods.
    pub fn callers(current: i32, stale: i32) -> Self {
        Self {
            desired: current.saturating_add(stale),
            current,
            stale,
            ..Self::default()
        }
    }

    /// Deciders that there should be and that run no bundle, if they are there at all.
    pub fn missing(&self) -> i32 {
        let running = self.current.saturating_add(self.stale);
        self.desired.saturating_sub(running).max(0)
    }

    /// As a Channel's status has them.
    pub fn figures(&self) -> DeciderFigures {
        DeciderFigures {
            desired: self.desired,
            injected: self.injected,
            current: self.current,
            stale: self.stale,
            missing: self.missing(),
        }
    }
}

impl Bare {
    /// Pods by their names, in order.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut bare = Self::default();
        for name in names {
            bare.count = bare.count.saturating_add(1);
            if bare.first.len() < MAX_NAMED {
                bare.first.push(name.to_owned());
            }
        }
        bare
    }

    /// As a condition tells it, with what to do.
    pub fn message(&self) -> String {
        let names: Vec<_> = self.first.iter().map(|name| format!("`{name}`")).collect();
        let first = i32::try_from(names.len()).unwrap_or(i32::MAX);
        let others = match self.count.saturating_sub(first) {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let (have, them) = if self.count == 1 {
            ("has", "it")
        } else {
            ("have", "them")
        };
        format!(
            "{}{others} {have} no decider: delete {them}, and what takes the place gets one",
            names.join(", ")
        )
    }
}

/// Whether what is published is live.
pub(super) fn judge_programmed(programmed: &Programmed, outside: Option<Outside<'_>>, old: &Value) -> Judged {
    let type_ = ConditionType::Programmed;
    let (revision, note) = match programmed {
        Programmed::Live { revision, note, .. } => (revision, note),
        Programmed::Previous { message } => {
            let message = format!("the last published form serves on; {message}");
            return Judged::new(type_, false, Reason::ServingPrevious, message);
        }
        Programmed::Not { message } => {
            return Judged::new(type_, false, Reason::NotProgrammed, message.clone());
        }
        Programmed::Held { message } => {
            return Judged::new(type_, false, Reason::PreviousUnreadable, message.clone());
        }
    };
    let unacknowledged = || Judged::new(type_, false, Reason::Published, "no decider acknowledged it yet");
    // What was acknowledged before a restart still is.
    let as_before = || {
        kept(type_, old).filter(|judged| {
            judged.truth == Truth::True && old.get("revision").and_then(Value::as_str) == Some(revision)
        })
    };
    if let Some(outside) = outside.filter(|outside| has_receiver(outside.delivery)) {
        let pending = || Judged::new(type_, false, Reason::Published, "nothing was sent yet");
        let judged = judge_live(outside.receiver, revision)
            .or_else(as_before)
            .unwrap_or_else(pending);
        return with_note(judged, note.as_ref());
    }
    let judged = match outside.map(|outside| outside.deciders) {
        Some(Deciders::Heard(heard)) if heard.current > 0 => {
            Judged::new(type_, true, Reason::Acknowledged, "")
        }
        Some(Deciders::Heard(Heard {
            refused: Some(refused),
            ..
        })) => Judged::new(
            type_,
            false,
            Reason::Refused,
            format!("a decider refused the revision: {refused}"),
        ),
        Some(Deciders::Heard(heard)) if heard.desired > 0 => unacknowledged(),
        Some(Deciders::Heard(_)) => Judged::new(type_, true, Reason::NoDeciders, ""),
        Some(Deciders::Unheard) | None => as_before().unwrap_or_else(unacknowledged),
    };
    with_note(judged, note.as_ref())
}

/// The same with what of it is not as written.
fn with_note(judged: Judged, note: Option<&(Reason, String)>) -> Judged {
    let is_true = judged.truth == Truth::True;
    match note {
        // What the fallback is about is a Channel's, of which nothing is noted.
        _ if judged.reason == Reason::FallbackTooLarge => judged,
        None if is_true => Judged {
            message: String::new(),
            ..judged
        },
        None => judged,
        Some((reason, note)) if is_true => Judged {
            // A share that is capped is live; what a format cannot carry is not.
            truth: (*reason != Reason::FormatUnsupported).into(),
            reason: *reason,
            message: note.clone(),
            ..judged
        },
        Some((_, note)) => Judged {
            message: format!("{}; {note}", judged.message),
            ..judged
        },
    }
}

/// The same with what became of the fallback: rules that are live and would not outlive the operator.
pub(super) fn with_fallback(judged: Judged, fallback: Fallback, old: &Value) -> Judged {
    if judged.truth != Truth::True {
        return judged;
    }
    let too_large = match fallback {
        Fallback::TooLarge => true,
        Fallback::Stands => false,
        Fallback::Unknown => {
            kept(judged.type_, old).is_some_and(|before| before.reason == Reason::FallbackTooLarge)
        }
    };
    if !too_large {
        // What was kept may say what is no longer so.
        return match judged.reason {
            Reason::FallbackTooLarge => Judged::new(judged.type_, true, Reason::Acknowledged, ""),
            _ => judged,
        };
    }
    Judged::new(
        judged.type_,
        true,
        Reason::FallbackTooLarge,
        "the bundle is too large for a ConfigMap: deciders that start while no operator runs have nothing to start from, \
         and what it carries does not outlive the operator; use fewer or smaller modules on this channel",
    )
}

/// Whether every decider, or the receiver, has what is published.
pub(super) fn judge_delivery(outside: Outside<'_>, old: &Value) -> Judged {
    let type_ = ConditionType::Converged;
    let Outside {
        delivery, deciders, ..
    } = outside;
    if has_receiver(delivery) {
        return judge_sync(outside.receiver, old);
    }
    let Deciders::Heard(heard) = deciders else {
        let pending = || {
            Judged::new(
                type_,
                Truth::Unknown,
                Reason::Pending,
                "no decider has called yet",
            )
        };
        return kept(type_, old).unwrap_or_else(pending);
    };
    let converging = |message: &str| Judged::new(type_, false, Reason::Converging, message);
    match (heard.stale > 0, heard.missing() > 0) {
        _ if heard.bare.count > 0 => Judged::new(type_, false, Reason::DecidersMissing, heard.bare.message()),
        (true, true) => converging("some deciders run another revision, others none yet"),
        (true, false) => converging("some deciders run another revision"),
        (false, true) => converging("some deciders run no bundle yet"),
        (false, false) if heard.desired == 0 => Judged::new(type_, true, Reason::NoDeciders, ""),
        (false, false) => Judged::new(type_, true, Reason::Converged, ""),
    }
}

/// The figures of a Channel's deciders; those that stand, where nothing was heard yet.
pub(super) fn figures(deciders: &Deciders, old: &Value) -> Option<Value> {
    match deciders {
        Deciders::Unheard => old.get("deciders").cloned(),
        Deciders::Heard(heard) => serde_json::to_value(heard.figures()).ok(),
    }
}

#[cfg(test)]
mod tests;
