//! Relative lift by Fieller's theorem, so that it can never contradict the absolute test.
//!
//! The interval is the set of lifts `r` for which the contrast `T(1 + r)` stays within `critical` standard errors of
//! zero (Fieller, JRSS-B 16, 1954). With `A = ma^2 - c^2 va/na`, `B = ma mb`, `C = mb^2 - c^2 vb/nb`, `1 + r` lies in
//! `[B -/+ sqrt(B^2 - AC)] / A`. At `A <= 0` the control is not distinguishable from zero and the set has no ends: no
//! percentage is quoted.

use core::error::Error;
use core::fmt;

use crate::contrast::{Contrast, Interval};

/// Why no percentage is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoPercentage {
    /// The control's figure is zero or negative: a percentage of it has no meaning, or the wrong sign.
    ControlNotPositive,
    /// The control's figure is within its critical value of zero (`A <= 0`).
    ControlNearZero,
    /// The figures are too large or too small to be squared.
    BeyondNumbers,
    /// The absolute figures are withheld too; the analysis' reason says why.
    Withheld,
}

impl NoPercentage {
    /// The name, for status fields and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlNotPositive => "ControlNotPositive",
            Self::ControlNearZero => "ControlNearZero",
            Self::BeyondNumbers => "BeyondNumbers",
            Self::Withheld => "Withheld",
        }
    }
}

impl fmt::Display for NoPercentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ControlNotPositive => "the control's figure is not above zero, so a percentage of it means nothing",
            Self::ControlNearZero => {
                "the control's figure cannot be told from zero, so a relative lift has no bounds; read the absolute difference"
            }
            Self::BeyondNumbers => "the figures are too large or too small to be computed with",
            Self::Withheld => "the figures are withheld",
        })
    }
}

impl Error for NoPercentage {}

/// The relative lift of a contrast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RelativeLift {
    /// `top / base - 1`.
    pub estimate: f64,
    /// Fieller's interval.
    pub interval: Interval,
}

/// Relative lift with Fieller's interval at the critical value of the absolute test.
///
/// # Errors
/// When the control's figure is not above zero, or not distinguishable from it (`A <= 0`).
pub fn relative_lift(contrast: &Contrast, critical: f64) -> Result<RelativeLift, NoPercentage> {
    let estimate = ratio(contrast)?;
    // Everything in units of the control, so that neither pence nor billions are lost when squared.
    let Contrast {
        base,
        top,
        base_variance,
        top_variance,
        covariance,
        ..
    } = *contrast;
    let top = top / base;
    let part = |variance: f64| critical * critical * (variance / base / base);
    let margins = Quadratic {
        a: 1.0 - part(base_variance),
        b: top - part(covariance),
        c: top * top - part(top_variance),
    };
    if margins.a <= 0.0 {
        return Err(NoPercentage::ControlNearZero);
    }
    // The estimate lies inside; where the interval is narrower than the last digit, rounding may say otherwise.
    let interval = Interval {
        low: (margins.low() - 1.0).min(estimate),
        high: (margins.high() - 1.0).max(estimate),
    };
    if margins.is_finite() && interval.is_finite() {
        Ok(RelativeLift { estimate, interval })
    } else {
        Err(NoPercentage::BeyondNumbers)
    }
}

fn ratio(contrast: &Contrast) -> Result<f64, NoPercentage> {
    if contrast.base <= 0.0 {
        return Err(NoPercentage::ControlNotPositive);
    }
    let estimate = contrast.top / contrast.base - 1.0;
    // A control so near zero that the quotient overflows.
    if estimate.is_finite() {
        Ok(estimate)
    } else {
        Err(NoPercentage::ControlNearZero)
    }
}

/// `a rho^2 - 2 b rho + c <= 0`, the lifts that are not rejected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quadratic {
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) c: f64,
}

impl Quadratic {
    fn is_finite(&self) -> bool {
        (self.b * self.b).is_finite() && (self.a * self.c).is_finite()
    }

    fn root(&self) -> f64 {
        libm::sqrt((self.b * self.b - self.a * self.c).max(0.0))
    }

    /// The smaller root, by whichever of its two forms does not cancel.
    pub(crate) fn low(&self) -> f64 {
        if self.b > 0.0 {
            self.c / (self.b + self.root())
        } else {
            (self.b - self.root()) / self.a
        }
    }

    /// The larger root, by whichever of its two forms does not cancel.
    pub(crate) fn high(&self) -> f64 {
        if self.b < 0.0 {
            self.c / (self.b - self.root())
        } else {
            (self.b + self.root()) / self.a
        }
    }
}

#[cfg(test)]
mod tests;
