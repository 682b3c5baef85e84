//! What was frozen before the start, and what a question may say that differs from it.

use std::collections::BTreeMap;

use attune_core::measure::Question;
use attune_lift::{InvalidCause, Reason};
use jiff::Timestamp;

use super::AnswerError;
use super::answer::ResultReason;
use crate::store::{Registered, Snapshot, Store};

/// Why nothing is shown, whatever the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Withheld {
    /// The question is not the one that was registered.
    Registration,
    /// The weights changed within a phase.
    Weights,
    /// Retention took units that the figures rest on.
    Dropped,
    /// The arms of a phase contradict its weights.
    SampleRatio,
    /// The covariate does not lie before the first exposure.
    Covariate,
    /// The metric's window has no length.
    NoWindow,
}

impl Withheld {
    pub(super) fn cause(self) -> InvalidCause {
        match self {
            Self::Registration | Self::Weights => InvalidCause::Phase,
            Self::SampleRatio => InvalidCause::SampleRatio,
            Self::Covariate => InvalidCause::Covariate,
            Self::Dropped | Self::NoWindow => InvalidCause::Window,
        }
    }
}

impl From<Withheld> for ResultReason {
    fn from(withheld: Withheld) -> Self {
        match withheld {
            Withheld::Registration => Self::OtherRegistration,
            Withheld::Weights => Self::OtherWeights,
            Withheld::Dropped => Self::Dropped,
            Withheld::SampleRatio => Self::Analysed(Reason::SampleRatio),
            Withheld::Covariate => Self::Analysed(Reason::Covariate),
            Withheld::NoWindow => Self::Analysed(Reason::Window),
        }
    }
}

/// What is remembered of the experiment, the question itself if it is the first one since there were exposures.
pub(super) fn remember(
    store: &Store,
    snapshot: &Snapshot,
    question: &Question,
    at: Timestamp,
) -> Result<Vec<Registered>, AnswerError> {
    let registered = snapshot.registered(&question.namespace, &question.experiment)?;
    let known = registered.iter().any(|known| known.phase == question.phase);
    if question.registration.is_empty() || known || differs(question, &registered) {
        return Ok(registered);
    }
    let splits = snapshot.phases(&question.namespace, &question.experiment, question.phase)?;
    let present = splits.iter().find(|(phase, _)| *phase == question.phase);
    let begun = match present {
        Some((_, split)) => snapshot.is_exposed(*split, at)?,
        None => false,
    };
    if !begun {
        return Ok(registered);
    }
    let new = Registered {
        phase: question.phase,
        registration: question.registration.clone(),
        weights: weights(question),
    };
    store.remember_registration(&question.namespace, &question.experiment, &new)?;
    // Somebody else may have been the first.
    Ok(store
        .snapshot()?
        .registered(&question.namespace, &question.experiment)?)
}

/// What the question says that differs from what is remembered.
pub(super) fn check(question: &Question, registered: &[Registered]) -> Option<Withheld> {
    if question.registration.is_empty() {
        return None;
    }
    if differs(question, registered) {
        return Some(Withheld::Registration);
    }
    let present = registered.iter().find(|known| known.phase == question.phase)?;
    (present.weights != weights(question)).then_some(Withheld::Weights)
}

fn differs(question: &Question, registered: &[Registered]) -> bool {
    registered
        .iter()
        .any(|known| known.registration != question.registration)
}

fn weights(question: &Question) -> BTreeMap<String, i64> {
    question
        .arms
        .iter()
        .map(|arm| (arm.name.clone(), arm.weight))
        .collect()
}
