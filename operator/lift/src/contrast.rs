//! Two arms reduced to one linear statistic.
//!
//! With `base` the control's figure and `top` the treatment's, `T(rho) = top - rho base` has mean zero when the treatment
//! is `rho` times the control. `T(1)` is the absolute test, the set of `rho` that `T(rho)` does not reject is Fieller's
//! relative interval, and `T(1 + d)` asks for a minimum lift `d`. One statistic, one critical value: the three cannot
//! contradict each other.

use crate::special::{student_critical, student_two_sided};

/// An interval, in the unit of what it is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Interval {
    /// Whether both bounds are finite numbers.
    pub fn is_finite(&self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }
}

/// An estimate and its variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The variance of the estimate, not of a unit.
    pub variance: f64,
}

impl Estimate {
    /// The standard error.
    pub fn standard_error(&self) -> f64 {
        libm::sqrt(self.variance)
    }

    /// The estimate in standard errors.
    pub fn z(&self) -> f64 {
        self.value / self.standard_error()
    }

    /// `value -/+ critical x standard error`.
    pub fn interval(&self, critical: f64) -> Interval {
        let margin = critical * self.standard_error();
        Interval {
            low: self.value - margin,
            high: self.value + margin,
        }
    }
}

/// One arm's figure, its variance, and how many units that variance was estimated from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmFigure {
    /// The figure: a mean, a proportion, a ratio of sums.
    pub value: f64,
    /// The variance of the figure, not of a unit.
    pub variance: f64,
    /// Units.
    pub n: u64,
}

/// Two arms as one linear statistic `T(rho) = top - rho base`, see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// The control's figure, which a relative lift is relative to.
    pub base: f64,
    /// What the treatment would have been on the control's terms (adjusted for a covariate where there is one).
    pub top: f64,
    /// Variance of `base`.
    pub base_variance: f64,
    /// Variance of `top`.
    pub top_variance: f64,
    /// Covariance of `base` and `top`: zero, unless a covariate ties them.
    pub covariance: f64,
    /// Welch's degrees of freedom of `T(1)`.
    pub df: f64,
}

impl Contrast {
    /// The contrast of two independent arms.
    pub fn of(control: &ArmFigure, treatment: &ArmFigure) -> Self {
        Self {
            base: control.value,
            top: treatment.value,
            base_variance: control.variance,
            top_variance: treatment.variance,
            covariance: 0.0,
            df: welch_df(&[(control.variance, control.n), (treatment.variance, treatment.n)]),
        }
    }

    /// One contrast of several independent ones, weighted: what phases with different splits are combined to.
    ///
    /// The weights are taken as known and add up to 1. `None` without parts.
    pub fn combined(parts: &[(f64, Self)]) -> Option<Self> {
        let first = parts.first()?;
        let sum = |term: fn(f64, &Self) -> f64| {
            parts
                .iter()
                .map(|(weight, part)| term(*weight, part))
                .sum::<f64>()
        };
        let variance = sum(|weight, part| weight * weight * part.difference().variance);
        let spread = parts.iter().map(|(weight, part)| {
            let share = weight * weight * part.difference().variance / variance;
            share * share / part.df
        });
        // Welch and Satterthwaite once more; with a single part it must stay exactly what it was.
        let df = if parts.len() == 1 || variance <= 0.0 {
            first.1.df
        } else {
            1.0 / spread.sum::<f64>()
        };
        Some(Self {
            base: sum(|weight, part| weight * part.base),
            top: sum(|weight, part| weight * part.top),
            base_variance: sum(|weight, part| weight * weight * part.base_variance),
            top_variance: sum(|weight, part| weight * weight * part.top_variance),
            covariance: sum(|weight, part| weight * weight * part.covariance),
            df,
        })
    }

    /// `T(rho)`: treatment less `rho` times control.
    pub fn against(&self, rho: f64) -> Estimate {
        let variance = self.top_variance - 2.0 * rho * self.covariance + rho * rho * self.base_variance;
        Estimate {
            value: self.top - rho * self.base,
            variance: variance.max(0.0),
        }
    }

    /// `T(1)`: the absolute difference, treatment less control.
    pub fn difference(&self) -> Estimate {
        self.against(1.0)
    }

    /// Welch's two-sided critical value at `alpha`.
    pub fn critical(&self, alpha: f64) -> f64 {
        student_critical(0.5 * alpha, self.df)
    }

    /// Welch's two-sided p-value of the absolute difference.
    pub fn p(&self) -> f64 {
        student_two_sided(self.difference().z(), self.df)
    }
}

/// Welch and Satterthwaite's degrees of freedom of a sum of independent variances, each with its number of units.
///
/// Infinite where no arm's variance is uncertain, so that the normal quantile applies.
pub fn welch_df(parts: &[(f64, u64)]) -> f64 {
    let total: f64 = parts.iter().map(|(variance, _)| variance).sum();
    if total <= 0.0 {
        return f64::INFINITY;
    }
    let spread: f64 = parts
        .iter()
        .filter(|(_, n)| *n > 1)
        .map(|(variance, n)| {
            // As shares of the total, so that tiny variances do not underflow when squared.
            let share = variance / total;
            share * share / (*n as f64 - 1.0)
        })
        .sum();
    1.0 / spread
}

#[cfg(test)]
mod tests;
