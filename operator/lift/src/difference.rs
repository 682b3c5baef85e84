//! The fixed-sample difference of two arms: Welch, and Newcombe where a cell is small.

use crate::contrast::{ArmFigure, Contrast, Interval};
use crate::fieller::{NoPercentage, Quadratic, RelativeLift, relative_lift};
use crate::moments::{ArmMoments, Moments};

/// A proportion with fewer successes or fewer failures than this is not taken as normal.
const SMALL_CELL: f64 = 30.0;

/// A mean with the variance `s^2/n`, `s^2` with `n - 1`.
pub fn mean(outcome: &Moments) -> ArmFigure {
    ArmFigure {
        value: outcome.mean(),
        variance: outcome.variance() / units(outcome),
        n: outcome.n(),
    }
}

/// A proportion with the variance `p (1 - p)/n`.
pub fn proportion(outcome: &Moments) -> ArmFigure {
    let p = outcome.mean();
    ArmFigure {
        value: p,
        variance: (p * (1.0 - p)).max(0.0) / units(outcome),
        n: outcome.n(),
    }
}

fn units(outcome: &Moments) -> f64 {
    (outcome.n() as f64).max(1.0)
}

/// Whether a proportion has a cell (successes or failures) of fewer than 30 units.
pub fn has_small_cell(arm: &ArmMoments) -> bool {
    let n = arm.n() as f64;
    let successes = libm::round(n * arm.outcome().mean());
    successes < SMALL_CELL || n - successes < SMALL_CELL
}

/// Wilson's score interval of a proportion (JASA 22, 1927) at a two-sided critical value.
pub fn wilson(p: f64, n: f64, critical: f64) -> Interval {
    let squared = critical * critical;
    let centre = p + squared / (2.0 * n);
    let margin = critical * libm::sqrt(p * (1.0 - p) / n + squared / (4.0 * n * n));
    let scale = 1.0 + squared / n;
    // At p = 0 and p = 1 the bound is exact; rounding must not move it past the estimate.
    Interval {
        low: ((centre - margin) / scale).clamp(0.0, p),
        high: ((centre + margin) / scale).clamp(p, 1.0),
    }
}

/// Bounds for every `T(rho)` of a contrast at one critical value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    contrast: Contrast,
    critical: f64,
    score: Option<ScoreLimits>,
}

/// Wilson's limits of the two arms, from which Newcombe's interval is made.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ScoreLimits {
    control: Interval,
    treatment: Interval,
}

impl Bounds {
    /// Normal bounds: `critical` standard errors to either side.
    pub fn normal(contrast: Contrast, critical: f64) -> Self {
        Self {
            contrast,
            critical,
            score: None,
        }
    }

    /// Newcombe's hybrid score bounds for two independent proportions of `control_n` and `treatment_n` units.
    ///
    /// Method 10 of Newcombe (Statistics in Medicine 17, 1998); for a ratio the same limits are combined by Donner and
    /// Zou's rule (Statistics in Medicine 31, 2012), which excludes 1 exactly when the difference excludes 0.
    pub fn newcombe(contrast: Contrast, critical: f64, control_n: u64, treatment_n: u64) -> Self {
        let score = ScoreLimits {
            control: wilson(contrast.base, control_n as f64, critical),
            treatment: wilson(contrast.top, treatment_n as f64, critical),
        };
        Self {
            contrast,
            critical,
            score: Some(score),
        }
    }

    /// The contrast that these bounds are about.
    pub fn contrast(&self) -> &Contrast {
        &self.contrast
    }

    /// The critical value of both the absolute and the relative interval.
    pub fn critical(&self) -> f64 {
        self.critical
    }

    /// The interval of `T(rho)`; `rho = 1` is the absolute difference.
    pub fn against(&self, rho: f64) -> Interval {
        let estimate = self.contrast.against(rho);
        let Some(score) = &self.score else {
            return estimate.interval(self.critical);
        };
        let Contrast { base, top, .. } = self.contrast;
        let below = libm::hypot(top - score.treatment.low, rho * (score.control.high - base));
        let above = libm::hypot(score.treatment.high - top, rho * (base - score.control.low));
        Interval {
            low: estimate.value - below,
            high: estimate.value + above,
        }
    }

    /// The interval that a claim has to clear: where a cell is small, both Newcombe's and Welch's.
    ///
    /// The p-value beside it is Welch's, so no verdict ever contradicts a figure that is shown.
    pub fn cautious(&self, rho: f64) -> Interval {
        let normal = self.contrast.against(rho).interval(self.critical);
        let shown = self.against(rho);
        Interval {
            low: normal.low.min(shown.low),
            high: normal.high.max(shown.high),
        }
    }

    /// The relative lift, on the same bounds as the absolute difference.
    ///
    /// # Errors
    /// See [`relative_lift`].
    pub fn relative(&self) -> Result<RelativeLift, NoPercentage> {
        let normal = relative_lift(&self.contrast, self.critical)?;
        Ok(match &self.score {
            None => normal,
            Some(score) => RelativeLift {
                interval: score.relative(self.contrast.base, self.contrast.top),
                ..normal
            },
        })
    }
}

impl ScoreLimits {
    /// Donner and Zou's limits of the ratio, less one; `base` is above zero, hence so is its lower limit.
    fn relative(&self, base: f64, top: f64) -> Interval {
        let side = |top_margin: f64, base_margin: f64| Quadratic {
            a: base * base - base_margin * base_margin,
            b: base * top,
            c: top * top - top_margin * top_margin,
        };
        // With no successes the treatment's lower limit is zero, and so is the ratio's.
        let low = if top > 0.0 {
            side(top - self.treatment.low, self.control.high - base).low()
        } else {
            0.0
        };
        let high = side(self.treatment.high - top, base - self.control.low).high();
        Interval {
            low: low - 1.0,
            high: high - 1.0,
        }
    }
}

#[cfg(test)]
mod tests;
