//! Why a question has no answer at all.

use thiserror::Error;

use crate::store::{RegisterError, StoreError};

/// Why a question has no answer at all.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// The arms are not one control and at least one other.
    #[error(
        "experiment `{experiment}` has {controls} control arms among {arms}; exactly one control and another arm are needed"
    )]
    FindControl {
        /// The experiment.
        experiment: String,
        /// Arms that say they are the control.
        controls: usize,
        /// All arms.
        arms: usize,
    },
    /// A ratio metric names no denominator.
    #[error("metric `{metric}` is a ratio without a denominator; name the denominator's event")]
    FindDenominator {
        /// The metric.
        metric: String,
    },
    /// The condition of a metric cannot be evaluated here.
    #[error(
        "the condition of metric `{metric}` cannot be evaluated; conditions read `value` and `properties.*`"
    )]
    LinkFilter {
        /// The metric.
        metric: String,
        /// Why.
        source: attune_core::expr::LinkError,
    },
    /// A covariate that is a ratio.
    #[error(
        "covariate `{covariate}` is a ratio, which is no number per unit; name a proportion, a mean or a count"
    )]
    ReadCovariate {
        /// The covariate.
        covariate: String,
    },
    /// A rule that looks at nothing.
    #[error(
        "rule `{rule}` looks {seconds} s back from the first exposure; `windowSeconds` must be more than 0"
    )]
    ReadRule {
        /// The rule.
        rule: String,
        /// How far it looks back.
        seconds: i64,
    },
    /// Exposures name more phases than any experiment has.
    #[error("exposures of experiment `{experiment}` name {phases} phases; at most {most} are combined")]
    CountPhases {
        /// The experiment.
        experiment: String,
        /// Phases with exposures.
        phases: usize,
        /// Most that are taken.
        most: usize,
    },
    /// The moments of a metric are no moments, which the bounds on numbers should have made impossible.
    #[error("the values of metric `{metric}` cannot be summed up")]
    SumUp {
        /// The metric.
        metric: String,
        /// Why.
        source: attune_lift::MomentsError,
    },
    /// The holdout that is asked about cannot be one.
    #[error(transparent)]
    RegisterHoldout {
        /// Why.
        source: RegisterError,
    },
    /// The question cannot be written as canonical JSON.
    #[error("the question cannot be hashed")]
    HashQuestion {
        /// Why.
        source: serde_json::Error,
    },
    /// The process is shutting down.
    #[error("the analysis was interrupted; ask again")]
    Interrupt,
    /// The store cannot be read or written.
    #[error("cannot read the events")]
    ReadEvents {
        /// Why.
        #[from]
        source: StoreError,
    },
}

impl From<rusqlite::Error> for AnswerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::ReadEvents { source: error.into() }
    }
}
