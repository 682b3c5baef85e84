//! The `planned` design: a group-sequential test with looks at any time.
//!
//! Lan and `DeMets` (Biometrika 70, 1983) spend the level as information arrives, here as O'Brien and Fleming would: per side
//! `a(t) = 2 - 2 Phi(z_{1-alpha/4} / sqrt t)`, `t` the units seen as a share of the plan. The critical value of each look
//! follows from the joint distribution of all looks so far, by the recursion of Armitage, `McPherson` and Rowe (JRSS-A 132,
//! 1969) on composite Gauss-Legendre panels.

use alloc::vec::Vec;

use crate::special::{normal_quantile, normal_tail};

mod recursion;

use recursion::Process;

/// A look that brings less than this share of the plan is no look: the one before it stands.
pub const LEAST_INFORMATION: f64 = 1e-3;
/// No look is asked for more standard errors than this; the level that would be spent there underflows.
const MOST_CRITICAL: f64 = 37.0;
/// `alpha = 1` in terms of `z_{1-alpha/4}`.
const LEAST_ROOT: f64 = 0.674_489_750_196_081_7;
const MOST_STEPS: u32 = 40;
/// Information beyond this many plans counts as this much.
const MOST_TIME: f64 = 1e6;

/// The critical values of all looks, two-sided, in standard errors.
///
/// `fractions` are the units at each look as a share of the plan; past 1 nothing is left to spend, but the information
/// counts. Looks closer than [`LEAST_INFORMATION`] are taken to be that far apart, which is the cautious side.
pub fn critical_values(alpha: f64, fractions: &[f64]) -> Vec<f64> {
    boundaries(-normal_quantile(0.25 * alpha), fractions).0
}

/// The smallest level at which the last look would have rejected `z`: a p-value that may be read at every look.
///
/// Jennison and Turnbull's repeated p-value (JRSS-B 51, 1989), so that it is below `alpha` exactly when `z` is beyond the
/// critical value.
pub fn repeated_p(z: f64, fractions: &[f64]) -> f64 {
    let z = z.abs();
    let last = |root: f64| {
        boundaries(root, fractions)
            .0
            .last()
            .copied()
            .unwrap_or(MOST_CRITICAL)
    };
    let Some(time) = fractions.last() else { return 1.0 };
    let (mut low, mut high) = (LEAST_ROOT, MOST_CRITICAL);
    // The critical value is nearly proportional to the root, so that secant steps from the origin converge at once.
    let mut root = (z * libm::sqrt(time.min(1.0))).clamp(low, high);
    let mut previous = (0.0, 0.0);
    for _ in 0..MOST_STEPS {
        let critical = last(root);
        if critical > z {
            high = root;
        } else {
            low = root;
        }
        // At either end of what can be asked for; without an effect that is where most answers are.
        if low >= high {
            break;
        }
        let slope = (critical - previous.1) / (root - previous.0);
        let step = root + (z - critical) / slope;
        // What is left after a secant step goes with the product of the last two, which saves asking once more.
        let left = (step - root).abs() * (root - previous.0).abs();
        previous = (root, critical);
        if left <= 1e-10 * root * root {
            root = step.clamp(low, high);
            break;
        }
        root = if step > low && step < high {
            step
        } else {
            0.5 * (low + high)
        };
    }
    (4.0 * normal_tail(root)).min(1.0)
}

/// The probability of a significant result in the right direction at any of the looks, when the estimate at `t = 1` is
/// `drift` standard errors on average.
pub fn power(alpha: f64, fractions: &[f64], drift: f64) -> f64 {
    boundaries_with(-normal_quantile(0.25 * alpha), fractions, drift).1
}

/// Critical values and the spent level, for `root = z_{1-alpha/4}`.
fn boundaries(root: f64, fractions: &[f64]) -> (Vec<f64>, f64) {
    boundaries_with(root, fractions, 0.0)
}

fn boundaries_with(root: f64, fractions: &[f64], drift: f64) -> (Vec<f64>, f64) {
    let mut process = Process::default();
    let mut spent = 0.0;
    let mut crossed = 0.0;
    let mut values = Vec::with_capacity(fractions.len());
    let times = apart(fractions);
    for (index, &time) in times.iter().enumerate() {
        let until = spending(root, time);
        let next = times.get(index + 1).copied();
        let boundary = process.boundary(time, until - spent, MOST_CRITICAL);
        crossed += process.crossing(time, boundary, drift);
        process.advance(time, boundary, next);
        spent = until;
        values.push(boundary / libm::sqrt(time));
    }
    (values, crossed)
}

/// The looks, each at least the least information after the one before: what keeps the recursion's grid bounded.
fn apart(fractions: &[f64]) -> Vec<f64> {
    let mut last = 0.0;
    let spaced = fractions.iter().map(|fraction| {
        // In this order, `NaN` gives the bound.
        last = fraction
            .max(last + LEAST_INFORMATION)
            .min(MOST_TIME.max(last + LEAST_INFORMATION));
        last
    });
    spaced.collect()
}

/// The level that one side has spent by `time`.
fn spending(root: f64, time: f64) -> f64 {
    2.0 * normal_tail(root / libm::sqrt(time.min(1.0)))
}

#[cfg(test)]
mod tests;
