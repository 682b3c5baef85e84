//! Where a unit stands in everything that assigns by its id, whatever it asks for.

use jiff::Timestamp;
use serde::Serialize;

use super::experiment::place;
use crate::bucket::BASIS_POINTS;
use crate::engine::Engine;
use crate::trace::{ExperimentLine, HoldoutLine};

/// A unit's places, by the names of the objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// Every holdout of the bundle that is in its period.
    pub holdouts: Vec<HoldoutLine>,
    /// Every experiment of the bundle that has begun. A unit takes part only where it would also be shown something and
    /// is not held out.
    pub experiments: Vec<ExperimentLine>,
}

/// Where a unit stands now.
pub fn membership(engine: &Engine, unit: &str, now: Timestamp) -> Membership {
    let holdouts = engine.holdouts.iter();
    let holdouts = holdouts.filter(|holdout| holdout.period.contains(now));
    let experiments = engine.experiments.iter();
    let has_begun = |from: Option<Timestamp>| from.is_none_or(|from| from <= now);
    let experiments = experiments.filter(|experiment| has_begun(experiment.schedule.from));
    Membership {
        holdouts: holdouts
            .map(|holdout| {
                let bucket = holdout.salt.bucket(unit, BASIS_POINTS);
                HoldoutLine {
                    holdout: holdout.name.clone(),
                    bucket,
                    share_bp: holdout.share_bp,
                    held: bucket < holdout.share_bp,
                }
            })
            .collect(),
        experiments: experiments
            .map(|experiment| place(unit, experiment, now))
            .collect(),
    }
}
