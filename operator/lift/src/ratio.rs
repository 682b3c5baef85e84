//! Ratio metrics: a sum over units through another sum over the same units.

use crate::contrast::ArmFigure;
use crate::moments::ArmMoments;

/// `sum m / sum d` with the delta method's variance over units (Deng, Knoblich and Lu, KDD 2018).
///
/// `(var m - 2 R cov(m, d) + R^2 var d) / (n mean(d)^2)`. Sessions or impressions of one unit are not independent, units
/// are; rows as units would call every tenth empty comparison a win. `None` without a denominator whose mean is above
/// zero.
pub fn ratio(arm: &ArmMoments) -> Option<ArmFigure> {
    let denominator = arm.denominator()?;
    let n = arm.n() as f64;
    if arm.n() < 2 || denominator.mean() <= 0.0 {
        return None;
    }
    let value = arm.outcome().mean() / denominator.mean();
    let m2 = arm.outcome().m2() - 2.0 * value * denominator.co() + value * value * denominator.m2();
    let per_unit = m2.max(0.0) / (n - 1.0) / denominator.mean() / denominator.mean();
    let variance = per_unit / n;
    (value.is_finite() && variance.is_finite()).then_some(ArmFigure {
        value,
        variance,
        n: arm.n(),
    })
}

#[cfg(test)]
mod tests;
