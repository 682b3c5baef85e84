//! Pure statistics: moments, tests, intervals and verdicts.
//!
//! Nothing in here reads a clock, a file or a random number: the same moments give the same verdict on every machine,
//! so a figure on a resource can be recomputed by anybody from the moments that stand beside it. All elementary
//! functions come from `libm`, which also makes the last digit independent of the platform.
//!
//! # Rooms
//! - [`moments`]: what is kept of an arm, mergeable.
//! - [`special`]: normal, Student, chi-square and beta distributions, computed in the tail.
//! - [`contrast`]: two arms reduced to one linear statistic that the absolute test, the relative interval and the
//!   minimum worthwhile lift all share, so that they cannot contradict each other.
//! - [`difference`], [`fieller`], [`ratio`], [`cuped`]: what goes into it and what is read from it.
//! - [`planned`], [`continuous`]: the two sequential designs.
//! - [`verdict`]: what may be said, in order of precedence, with a reason from a closed set.
//! - [`analysis`]: the one entry point, [`analyse`]; [`analyse_phases`] where the split changed.
//! - [`sample_ratio`], [`guardrail`], [`holdout`], [`novelty`]: what else decides whether a figure stands.
//! - [`multiplicity`], [`planner`], [`off_policy`]: several comparisons, none yet, and a bandit's.
//! - [`bayes`]: figures that may stand beside a verdict and decide nothing.
//!
//! ```
//! use attune_lift::{analyse, ArmMoments, Direction, Method, MetricKind, Question, Verdict};
//!
//! let question = Question::new(MetricKind::Proportion, Direction::Increase, Method::Fixed, 0.05);
//! let control = ArmMoments::proportion(10_000, 46)?;
//! let treatment = ArmMoments::proportion(10_000, 69)?;
//! let analysis = analyse(&question, &control, &treatment)?;
//! assert_eq!(analysis.verdict, Verdict::Lift);
//! assert!((analysis.relative.unwrap().estimate - 0.5).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod analysis;
pub mod bayes;
pub mod continuous;
pub mod contrast;
pub mod cuped;
pub mod difference;
pub mod fieller;
pub mod guardrail;
pub mod holdout;
pub mod moments;
pub mod multiplicity;
pub mod novelty;
pub mod off_policy;
mod phases;
pub mod planned;
pub mod planner;
mod quadrature;
pub mod ratio;
pub mod sample_ratio;
pub mod special;
pub mod verdict;

pub use analysis::{
    Analysis, AnalysisError, Arm, Direction, Figures, Look, Method, MetricKind, Question, Unadjusted,
    analyse, analyse_phases,
};
pub use contrast::Interval;
pub use cuped::NoAdjustment;
pub use fieller::NoPercentage;
pub use moments::{ArmMoments, Companion, CompanionSums, Moments, MomentsError, Sums};
pub use verdict::{InvalidCause, Reason, Verdict};
