//! What an experiment has shown, once it has concluded.

use std::collections::BTreeSet;

use jiff::Timestamp;

/// A concluded experiment. Who took part and what was shown are those of the time at which it concluded, as far as they
/// are known: an experiment whose resource is gone can still be told from one that never was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it concluded with.
    pub outcome: Outcome,
    /// When.
    pub concluded_at: Timestamp,
    /// Audiences that took part; empty: any.
    pub audiences: BTreeSet<String>,
    /// Modules that treated arms showed.
    pub modules: BTreeSet<String>,
    /// The metric that decided.
    pub metric: String,
}

/// What an experiment concluded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// At least the minimum worthwhile lift.
    WorthwhileLift,
    /// Better than control.
    Lift,
    /// The minimum worthwhile lift is out of reach.
    NoWorthwhileLift,
    /// Worse than control.
    Harm,
    /// The planned end was reached without proof.
    Unproven,
}

impl Outcome {
    /// Whether it is a reason to show the thing to more people.
    pub const fn is_lift(self) -> bool {
        matches!(self, Self::WorthwhileLift | Self::Lift)
    }

    /// As a message calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorthwhileLift => "a worthwhile lift",
            Self::Lift => "lift",
            Self::NoWorthwhileLift => "no worthwhile lift",
            Self::Harm => "harm",
            Self::Unproven => "no proof",
        }
    }
}
