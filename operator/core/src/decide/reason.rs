//! Why a decision came out as it did.

use serde::Serialize;

/// The closed list of reasons. The order of the baseline reasons is the order of the steps: a touchpoint without a
/// winner reports the latest that any candidate reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// The unit grants no purpose that a program here needs.
    NoConsent,
    /// The context names no unit.
    NoUnit,
    /// No candidate admits the unit.
    NotEligible,
    /// What would have won is suspended.
    Suspended,
    /// A frequency cap or the minimum gap is reached.
    Capped,
    /// An outcome silenced it.
    Stopped,
    /// It is night where the unit is.
    QuietHours,
    /// The unit is held out and gets the baseline.
    HeldOut,
    /// An experiment is on and the unit is not in it: the control's effect.
    NotEnrolled,
    /// The unit is in an experiment's arm.
    Experiment,
    /// A candidate won.
    Targeted,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::NoConsent,
        Self::NoUnit,
        Self::NotEligible,
        Self::Suspended,
        Self::Capped,
        Self::Stopped,
        Self::QuietHours,
        Self::HeldOut,
        Self::NotEnrolled,
        Self::Experiment,
        Self::Targeted,
    ];

    /// As `attune.reason` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoConsent => "NO_CONSENT",
            Self::NoUnit => "NO_UNIT",
            Self::NotEligible => "NOT_ELIGIBLE",
            Self::Suspended => "SUSPENDED",
            Self::Capped => "CAPPED",
            Self::Stopped => "STOPPED",
            Self::QuietHours => "QUIET_HOURS",
            Self::HeldOut => "HELD_OUT",
            Self::NotEnrolled => "NOT_ENROLLED",
            Self::Experiment => "EXPERIMENT",
            Self::Targeted => "TARGETED",
        }
    }

    /// As OFREP's `reason` spells it; its enumeration has no DEFAULT.
    pub const fn ofrep(self) -> &'static str {
        match self {
            Self::Targeted => "TARGETING_MATCH",
            Self::HeldOut | Self::NotEnrolled | Self::Experiment => "SPLIT",
            _ => "STATIC",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
