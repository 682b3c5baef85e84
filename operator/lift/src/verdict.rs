//! What may be said about an experiment, in order of precedence.

use core::fmt;

use crate::contrast::Interval;

/// What stands on the resource. Each comes with a [`Reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// No unit has been exposed.
    NotStarted,
    /// Nothing may be claimed yet.
    Collecting,
    /// The comparison is broken and its figure withheld.
    Invalid(InvalidCause),
    /// Worse than control.
    Harm,
    /// Less than the minimum worthwhile lift, whatever the sign.
    NoWorthwhileLift,
    /// More than the minimum worthwhile lift.
    WorthwhileLift,
    /// Better than control.
    Lift,
    /// The planned end is reached and nothing is shown.
    Unproven,
}

/// What broke a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvalidCause {
    /// The arms' sizes contradict their weights.
    SampleRatio,
    /// Too many held-out units were exposed.
    Contamination,
    /// Units of different splits were thrown together.
    Phase,
    /// The covariate is not from before exposure.
    Covariate,
    /// Units without a full window were counted.
    Window,
}

/// Why a verdict is what it is; a closed set, for conditions and metric labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No unit has been exposed.
    NoUnits,
    /// One arm has no units.
    ArmEmpty,
    /// An arm has fewer than two units.
    TooFewUnits,
    /// All outcomes are equal, so there is nothing to measure chance by.
    ZeroVariance,
    /// A ratio metric's denominator is not above zero.
    ZeroDenominator,
    /// A fixed interval is hidden until its planned number of units.
    BeforePlannedEnd,
    /// A continuous interval starts at 250 units and 25 non-zero values an arm.
    BeforeFirstLook,
    /// The figures are too large or too small to be computed with.
    BeyondNumbers,
    /// The looks exclude one another: the effect is changing.
    LooksContradict,
    /// The arms' sizes contradict their weights.
    SampleRatio,
    /// Too many held-out units were exposed.
    Contamination,
    /// Units of different splits were thrown together.
    Phase,
    /// The covariate is not from before exposure.
    Covariate,
    /// Units without a full window were counted.
    Window,
    /// The whole interval is on the wrong side of zero.
    WorseThanControl,
    /// The whole interval is below the minimum worthwhile lift.
    BelowMinimumLift,
    /// The whole interval is above the minimum worthwhile lift.
    AboveMinimumLift,
    /// The whole interval is on the right side of zero.
    BetterThanControl,
    /// The planned number of units is reached and the interval still contains zero.
    PlannedEndReached,
    /// The interval contains zero and more units are to come.
    Undecided,
    /// A guardrail's whole interval is within its margin.
    WithinMargin,
    /// A guardrail's whole interval is beyond its margin.
    BeyondMargin,
    /// A guardrail's margin is a share of a control that is not above zero.
    ControlNotPositive,
}

impl Verdict {
    /// The name, for status fields and JSON; an invalid one's cause is its reason.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::Collecting => "Collecting",
            Self::Invalid(_) => "Invalid",
            Self::Harm => "Harm",
            Self::NoWorthwhileLift => "NoWorthwhileLift",
            Self::WorthwhileLift => "WorthwhileLift",
            Self::Lift => "Lift",
            Self::Unproven => "Unproven",
        }
    }

    /// Whether it claims something about the effect.
    pub fn is_claim(self) -> bool {
        matches!(
            self,
            Self::Harm | Self::NoWorthwhileLift | Self::WorthwhileLift | Self::Lift
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<InvalidCause> for Reason {
    fn from(cause: InvalidCause) -> Self {
        match cause {
            InvalidCause::SampleRatio => Self::SampleRatio,
            InvalidCause::Contamination => Self::Contamination,
            InvalidCause::Phase => Self::Phase,
            InvalidCause::Covariate => Self::Covariate,
            InvalidCause::Window => Self::Window,
        }
    }
}

impl Reason {
    /// The name, for status fields, metric labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoUnits => "NoUnits",
            Self::ArmEmpty => "ArmEmpty",
            Self::TooFewUnits => "TooFewUnits",
            Self::ZeroVariance => "ZeroVariance",
            Self::ZeroDenominator => "ZeroDenominator",
            Self::BeforePlannedEnd => "BeforePlannedEnd",
            Self::BeforeFirstLook => "BeforeFirstLook",
            Self::BeyondNumbers => "BeyondNumbers",
            Self::LooksContradict => "LooksContradict",
            Self::SampleRatio => "SampleRatio",
            Self::Contamination => "Contamination",
            Self::Phase => "Phase",
            Self::Covariate => "Covariate",
            Self::Window => "Window",
            Self::WorseThanControl => "WorseThanControl",
            Self::BelowMinimumLift => "BelowMinimumLift",
            Self::AboveMinimumLift => "AboveMinimumLift",
            Self::BetterThanControl => "BetterThanControl",
            Self::PlannedEndReached => "PlannedEndReached",
            Self::Undecided => "Undecided",
            Self::WithinMargin => "WithinMargin",
            Self::BeyondMargin => "BeyondMargin",
            Self::ControlNotPositive => "ControlNotPositive",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUnits => "no unit has been exposed yet",
            Self::ArmEmpty => "one arm has no units yet",
            Self::TooFewUnits => "an arm has fewer than two units",
            Self::ZeroVariance => "all outcomes are equal, so there is nothing to measure chance by",
            Self::ZeroDenominator => "the denominator of an arm does not add up to more than zero",
            Self::BeforePlannedEnd => "a fixed interval is not shown before its planned number of units",
            Self::BeforeFirstLook => {
                "the first look is at 250 units and 25 values other than zero in each arm"
            }
            Self::BeyondNumbers => "the figures are too large or too small to be computed with",
            Self::LooksContradict => "earlier and later looks exclude one another, so the effect is changing",
            Self::SampleRatio => "the sizes of the arms contradict their weights",
            Self::Contamination => "too many held-out units were exposed",
            Self::Phase => "units of different splits were thrown together",
            Self::Covariate => "the covariate is not from before exposure",
            Self::Window => "units without a full window were counted",
            Self::WorseThanControl => "the whole interval is on the wrong side of zero",
            Self::BelowMinimumLift => "the whole interval is below the minimum worthwhile lift",
            Self::AboveMinimumLift => "the whole interval is above the minimum worthwhile lift",
            Self::BetterThanControl => "the whole interval is on the right side of zero",
            Self::PlannedEndReached => {
                "the planned number of units is reached and the interval contains zero"
            }
            Self::Undecided => "the interval contains zero and more units are to come",
            Self::WithinMargin => "the whole interval is within the margin",
            Self::BeyondMargin => "the whole interval is beyond the margin",
            Self::ControlNotPositive => "the margin is a share of a control that is not above zero",
        })
    }
}

/// What a verdict is reached from, turned so that more is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Interval of the gain over control.
    pub gain: Interval,
    /// Interval of the gain beyond the minimum worthwhile lift, where one is set.
    pub beyond_minimum: Option<Interval>,
    /// Whether the planned number of units is reached.
    pub ended: bool,
}

/// The verdict on a valid comparison: Harm, `NoWorthwhileLift`, `WorthwhileLift`, Lift, Unproven, Collecting, the first
/// that holds.
pub fn decide(evidence: &Evidence) -> (Verdict, Reason) {
    let Evidence {
        gain,
        beyond_minimum,
        ended,
    } = *evidence;
    if gain.high < 0.0 {
        return (Verdict::Harm, Reason::WorseThanControl);
    }
    if beyond_minimum.is_some_and(|beyond| beyond.high < 0.0) {
        return (Verdict::NoWorthwhileLift, Reason::BelowMinimumLift);
    }
    if gain.low > 0.0 {
        // Where the control may be negative, being above the minimum does not imply being above zero.
        return if beyond_minimum.is_some_and(|beyond| beyond.low > 0.0) {
            (Verdict::WorthwhileLift, Reason::AboveMinimumLift)
        } else {
            (Verdict::Lift, Reason::BetterThanControl)
        };
    }
    if ended {
        (Verdict::Unproven, Reason::PlannedEndReached)
    } else {
        (Verdict::Collecting, Reason::Undecided)
    }
}

#[cfg(test)]
mod tests;
