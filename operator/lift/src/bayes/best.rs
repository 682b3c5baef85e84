//! Which of several proportions is the largest.

use alloc::vec::Vec;

use super::BayesError;
use crate::quadrature::integral;
use crate::special::incomplete_beta;

/// Where panels end, in standard deviations from every arm's mean: a narrow arm among wide ones is a step that no panel may
/// straddle. Beyond the last, even a beta distribution's exponential tail is nothing.
const CUTS: [f64; 6] = [0.0, 2.0, 5.0, 10.0, 20.0, REACH];
const REACH: f64 = 40.0;
/// Panels from one cut to the next.
const PANELS: f64 = 4.0;

/// The belief about one proportion: a beta distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaArm {
    alpha: f64,
    beta: f64,
}

impl BetaArm {
    /// What `successes` of `n` units make of a uniform prior.
    ///
    /// # Errors
    /// When there are more successes than units.
    pub fn of_counts(n: u64, successes: u64) -> Result<Self, BayesError> {
        let failures = n
            .checked_sub(successes)
            .ok_or(BayesError::OutOfRange { field: "successes" })?;
        Self::new(successes as f64 + 1.0, failures as f64 + 1.0)
    }

    /// A beta distribution with these parameters, both at least 1 and at most 10^12.
    ///
    /// # Errors
    /// When one is out of range.
    pub fn new(alpha: f64, beta: f64) -> Result<Self, BayesError> {
        let range = 1.0..=1e12;
        if !range.contains(&alpha) {
            return Err(BayesError::OutOfRange { field: "alpha" });
        }
        if !range.contains(&beta) {
            return Err(BayesError::OutOfRange { field: "beta" });
        }
        Ok(Self { alpha, beta })
    }

    fn mean(self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    fn deviation(self) -> f64 {
        let total = self.alpha + self.beta;
        libm::sqrt(self.alpha * self.beta / (total + 1.0)) / total
    }

    fn density(self, x: f64) -> f64 {
        let Self { alpha, beta } = self;
        let log_beta = libm::lgamma(alpha) + libm::lgamma(beta) - libm::lgamma(alpha + beta);
        libm::exp((alpha - 1.0) * libm::log(x) + (beta - 1.0) * libm::log1p(-x) - log_beta)
    }

    fn cdf(self, x: f64) -> f64 {
        incomplete_beta(self.alpha, self.beta, x, 1.0 - x)
    }
}

/// How likely each arm's proportion is the largest of all, in the order given.
///
/// The integral of one arm's density times the others' distribution functions, on Gauss-Legendre panels over the
/// density's support.
pub fn chances_to_be_best(arms: &[BetaArm]) -> Vec<f64> {
    let cuts = cuts(arms);
    let chance = |(index, arm): (usize, &BetaArm)| {
        let others = |x: f64| -> f64 {
            let rest = arms.iter().enumerate().filter(|(other, _)| *other != index);
            rest.map(|(_, other)| other.cdf(x)).product()
        };
        let reach = REACH * arm.deviation();
        let (low, high) = ((arm.mean() - reach).max(0.0), (arm.mean() + reach).min(1.0));
        let mut from = low;
        let mut total = 0.0;
        for to in cuts.iter().map(|cut| cut.clamp(low, high)).chain([high]) {
            if to > from {
                total += integral(from, to, PANELS, |x| arm.density(x) * others(x));
                from = to;
            }
        }
        total
    };
    arms.iter().enumerate().map(chance).collect()
}

/// Every arm's cuts in ascending order.
fn cuts(arms: &[BetaArm]) -> Vec<f64> {
    let of = |arm: &BetaArm| {
        let (mean, deviation) = (arm.mean(), arm.deviation());
        CUTS.into_iter()
            .flat_map(move |cut| [mean - cut * deviation, mean + cut * deviation])
    };
    let mut cuts: Vec<f64> = arms.iter().flat_map(of).collect();
    cuts.sort_by(f64::total_cmp);
    cuts
}
