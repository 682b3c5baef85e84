//! A trace as a person reads it: one numbered line a step, with indented detail.

use std::fmt;

use super::{
    AudienceLine, CandidateLine, ExperimentLine, HoldoutLine, Placement, Refusal, Step, SuppressionLine,
};
use crate::context::{Grant, SlotState, UnitSource};
use crate::decide::Reason;
use crate::engine::SERVICE;

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Touchpoint {
                touchpoint,
                candidates,
            } => {
                write!(
                    f,
                    " 1 touchpoint   {touchpoint}: {}",
                    count(*candidates, "candidate")
                )
            }
            Self::Consent {
                granted,
                attributes,
                dropped,
            } => {
                write!(f, " 2 consent      ")?;
                list(
                    f,
                    granted.iter().map(|(purpose, grant)| match purpose.as_str() {
                        SERVICE => format!("{purpose} (always)"),
                        _ => format!("{purpose} ({})", grant.as_str()),
                    }),
                )?;
                for program in dropped {
                    write!(
                        f,
                        "\n                program {program} drops out: its purpose is not granted"
                    )?;
                }
                for (name, state) in attributes
                    .iter()
                    .filter(|(_, state)| **state != SlotState::Present)
                {
                    write!(f, "\n                {name} is {}", state.as_str())?;
                }
                Ok(())
            }
            Self::Unit {
                unit: Some(unit),
                source,
            } => {
                let source = source.map_or("", UnitSource::as_str);
                write!(f, " 3 unit         {unit} (from {source})")
            }
            Self::Unit { unit: None, .. } => f.write_str(" 3 unit         none: the context names nobody"),
            Self::Audiences { audiences } => block(f, " 4 audiences    ", audiences),
            Self::Candidates { candidates } => block(f, " 5 candidates   ", candidates),
            Self::Suppression { candidates } => block(f, " 6 suppression  ", candidates),
            Self::Holdout { tested } => block(f, " 7 holdout      ", tested),
            Self::Audience { audience } => {
                write!(
                    f,
                    " 8 audience     {}",
                    audience.as_deref().unwrap_or("none: the candidate names none")
                )
            }
            Self::Experiment { experiments } => block(f, " 9 experiment   ", experiments),
            Self::Content { variant, locale } => {
                let variant = variant.as_deref().unwrap_or("none may be shown");
                write!(f, "10 content      {variant}")?;
                locale.as_ref().map_or(Ok(()), |locale| write!(f, " in {locale}"))
            }
            Self::Baseline {
                variant: Some(variant),
            } => write!(f, "11 baseline     {variant}"),
            Self::Baseline { variant: None } => {
                f.write_str("11 baseline     none: the client's code default")
            }
        }
    }
}

impl fmt::Display for AudienceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.matches { "matches" } else { "does not match" };
        write!(f, "{} {verdict}: {}", self.audience, self.rule)?;
        self.because
            .as_ref()
            .map_or(Ok(()), |because| write!(f, " ({because})"))
    }
}

impl fmt::Display for CandidateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}[{}] {} at priority {}",
            self.binding, self.index, self.module, self.priority
        )?;
        if let Some(score) = self.score {
            write!(f, ", score {score}")?;
        }
        match &self.refused {
            None => f.write_str(": admits the unit"),
            Some(refusal) => write!(f, ": {refusal}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("its module is at another touchpoint of the page"),
            Self::Alike { label, value } => {
                write!(f, "the page has enough modules of {label} {value}")
            }
            Self::Consent => f.write_str("its program's purpose is not granted"),
            Self::Audience => f.write_str("none of its audiences matches"),
            Self::When { rule, because: None } => write!(f, "its condition is not met: {rule}"),
            Self::When {
                rule,
                because: Some(because),
            } => {
                write!(f, "its condition is not met: {rule} ({because})")
            }
            Self::NoValidVariant => f.write_str("no variant may be shown here now"),
            Self::Rollout { share_bp } => {
                write!(f, "the unit is outside of the rollout of {}", percent(*share_bp))
            }
        }
    }
}

impl fmt::Display for SuppressionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.suppressed {
            None => write!(f, "{}[{}] wins", self.binding, self.index),
            Some(reason) => {
                let why = reason.as_suppression();
                write!(f, "{}[{}] drops out: {why} ({reason})", self.binding, self.index)
            }
        }
    }
}

impl fmt::Display for HoldoutLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.held { "held out" } else { "not held" };
        write!(
            f,
            "{}: {verdict} (bucket {} of 10000, held below {})",
            self.holdout, self.bucket, self.share_bp
        )
    }
}

impl fmt::Display for ExperimentLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.experiment)?;
        match &self.placement {
            Placement::Arm { arm } => write!(f, "arm {arm}"),
            Placement::Excluded {
                bucket,
                from_bp,
                to_bp,
            } => {
                write!(
                    f,
                    "not enrolled: bucket {bucket} is outside of its exclusion range [{from_bp}, {to_bp})"
                )
            }
            Placement::OutsideTraffic { bucket, traffic_bp } => {
                write!(
                    f,
                    "not enrolled: bucket {bucket} is outside of the traffic of {}",
                    percent(*traffic_bp)
                )
            }
            Placement::Closed => {
                f.write_str("not enrolled: the split is off, everybody gets the control's effect")
            }
            Placement::Promoted { arm } => write!(f, "arm {arm} won and is for all"),
        }
    }
}

impl Reason {
    /// Why a candidate drops out, in words.
    const fn as_suppression(self) -> &'static str {
        match self {
            Self::Suspended => "it, its program, its module or the channel is suspended",
            Self::Capped => "a cap or the minimum gap is reached",
            Self::Stopped => "an outcome silences it",
            Self::QuietHours => "it is quiet where the unit is",
            _ => "it is not eligible",
        }
    }
}

impl Grant {
    /// As consent spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Explicit => "Explicit",
            Self::Implied => "Implied",
        }
    }
}

impl SlotState {
    /// As a sentence goes on: "`user.tier` is ...".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Present => "present",
            Self::OutsideValues => "outside of the contract's values",
            Self::WrongType => "of the wrong type or too long, thus absent",
            Self::Withheld => "withheld: its purpose is not granted",
        }
    }
}

impl UnitSource {
    /// The field of `identity`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "identity.fallback",
            Self::Unit => "identity.unit",
        }
    }
}

/// The first line after the title, the others below it.
fn block(f: &mut fmt::Formatter<'_>, title: &str, lines: &[impl fmt::Display]) -> fmt::Result {
    f.write_str(title)?;
    if lines.is_empty() {
        return f.write_str("none");
    }
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            f.write_str("\n                ")?;
        }
        write!(f, "{line}")?;
    }
    Ok(())
}

fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>) -> fmt::Result {
    let items: Vec<_> = items.collect();
    f.write_str(if items.is_empty() { "none" } else { "" })?;
    f.write_str(&items.join(", "))
}

fn count(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

fn percent(basis_points: u32) -> String {
    format!("{} %", f64::from(basis_points) / 100.0)
}
