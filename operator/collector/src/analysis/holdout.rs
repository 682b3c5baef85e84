//! What a holdout is worth: its units against the matched slice of those that were not held.
//!
//! Sides are drawn by bucket: below the share is held, `[share, 2 share)` is the slice, so both are equal random parts of
//! all units. A unit counts from its first exposure in the period, real or counterfactual, and its outcomes from then on
//! for the metric's window, as in an experiment. A new period starts anew. Units whose bucket is not known are on neither
//! side.

use attune_core::measure::answer as core_answer;
use attune_core::measure::holdout::{
    self as asked, HoldoutAnswer, HoldoutQuestion, HoldoutScope, ScopeAnswer,
};
use attune_lift::InvalidCause;
use attune_lift::holdout::Contamination;
use attune_lift::sample_ratio::SampleRatio;
use jiff::Timestamp;

use super::{AnswerError, hash};
use crate::store::{RegisterError, Snapshot, SplitKind, Store, micros};

mod census;
mod result;

use census::{Census, Side};
use result::{Blocked, Compared};

/// Answers what a holdout's period is asked, from what is stored, as of `at`; asking registers the period.
///
/// A period that was registered with another salt or share has no figures: every verdict says how to change them.
///
/// # Errors
/// When the question contradicts itself or the store cannot be read.
pub fn answer(
    store: &Store,
    question: &HoldoutQuestion,
    at: Timestamp,
) -> Result<HoldoutAnswer, AnswerError> {
    let changed = match store.register_holdout(&question.registration) {
        Ok(()) => false,
        Err(RegisterError::MatchPeriod { .. }) => true,
        Err(RegisterError::Remember { source }) => return Err(source.into()),
        Err(source) => return Err(AnswerError::RegisterHoldout { source }),
    };
    for metric in question.scopes.iter().flat_map(|scope| &scope.metrics) {
        super::check_metric(metric)?;
    }
    let snapshot = store.snapshot()?;
    let is_dropped = is_dropped(&snapshot, question)?;
    let census = Census::read(&snapshot, question, at)?;
    let scopes = question
        .scopes
        .iter()
        .zip(&census.scopes)
        .map(|(scope, side)| {
            let compared = Compared {
                snapshot: &snapshot,
                question,
                scope,
                side,
                blocked: blocked(question, side, (changed, is_dropped), at),
                at,
            };
            scope_answer(scope, side, &compared)
        })
        .collect::<Result<_, _>>()?;
    let registration = &question.registration;
    Ok(HoldoutAnswer {
        as_of: at,
        question: hash(question)?,
        namespace: registration.namespace.clone(),
        holdout: registration.holdout.clone(),
        from: registration.from,
        until: registration.until,
        units: census.all.units,
        observed_share_bp: census.all.held_share_bp(),
        scopes,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn scope_answer(
    scope: &HoldoutScope,
    side: &Side,
    compared: &Compared<'_>,
) -> Result<ScopeAnswer, AnswerError> {
    let results = (0..scope.metrics.len())
        .zip(&scope.metrics)
        .map(|(place, metric)| compared.result(place, metric))
        .collect::<Result<_, _>>()?;
    Ok(ScopeAnswer {
        program: scope.program.clone(),
        units: side.units,
        contamination: match contamination(side) {
            Contamination::Clean => asked::Contamination::Clean,
            Contamination::Suspect => asked::Contamination::Suspect,
            Contamination::Refused => asked::Contamination::Refused,
        },
        slice_in_baseline_bp: share_bp(side.units.slice_in_baseline, side.units.slice),
        sample_ratio: same_size(side).map(|ratio| core_answer::SampleRatio {
            p: Some(ratio.p),
            blocked: ratio.blocked,
            message: if ratio.blocked {
                "held and slice differ in size, which equal shares do not; look for exposures that are lost on one side"
                    .to_owned()
            } else {
                "held and slice have the same size".to_owned()
            },
        }),
        results,
    })
}

/// What keeps a scope from having figures, the most telling first.
fn blocked(
    question: &HoldoutQuestion,
    side: &Side,
    (changed, is_dropped): (bool, bool),
    at: Timestamp,
) -> Option<Blocked> {
    let units = side.units;
    if changed {
        return Some(Blocked::OtherRegistration);
    }
    if at < question.registration.from {
        return Some(Blocked::NotBegun);
    }
    if is_dropped {
        return Some(Blocked::Dropped);
    }
    if contamination(side) == Contamination::Refused {
        return Some(if units.misplaced > units.contaminated {
            Blocked::OtherSplit(units.misplaced)
        } else {
            Blocked::Invalid(InvalidCause::Contamination)
        });
    }
    if same_size(side).is_some_and(|ratio| ratio.blocked) {
        return Some(Blocked::Invalid(InvalidCause::SampleRatio));
    }
    match (units.held, units.slice) {
        (0, 0) if units.unknown > 0 => Some(Blocked::Unknown(units.unknown)),
        (0, slice) if slice > 0 => Some(Blocked::NoHeld),
        (held, 0) if held > 0 => Some(Blocked::NoSlice),
        _ => None,
    }
}

/// Whether retention took exposures of the period; those of one before it are nothing to it.
fn is_dropped(snapshot: &Snapshot, question: &HoldoutQuestion) -> Result<bool, AnswerError> {
    let period = &question.registration;
    let split = snapshot.split(&period.namespace, SplitKind::Holdout, &period.holdout, 1)?;
    let Some(split) = split else { return Ok(false) };
    let last = snapshot.dropped(split)?;
    Ok(last.is_some_and(|last| last >= micros(period.from)))
}

/// Held units that were exposed, and units that were held by another split, of all that were held.
fn contamination(side: &Side) -> Contamination {
    let units = side.units;
    Contamination::of(units.contaminated + units.misplaced, units.held + units.misplaced)
}

/// Both sides are equal shares, looked at every midnight and now.
fn same_size(side: &Side) -> Option<SampleRatio> {
    let looks = side.sizes_by_day();
    (!looks.is_empty()).then(|| SampleRatio::of_halves(&looks))
}

fn share_bp(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 10_000.0 * part as f64 / whole as f64)
}
