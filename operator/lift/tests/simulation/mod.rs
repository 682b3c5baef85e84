//! Random numbers, bars and their report.

use std::env;

use attune_lift::{ArmMoments, Moments};

/// One seed for all claims; a scenario draws from a stream of its own.
const SEED: u64 = 20_261_122;

/// How many experiments a claim is checked on.
pub(crate) fn runs() -> u32 {
    env::var("ATTUNE_VALIDITY_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(2_000)
}

/// The bar of a share of at most `nominal`.
pub(crate) fn at_most(claim: &str, scenario: &str, nominal: f64, observed: u32) {
    let (share, error) = share(nominal, observed);
    report(claim, scenario, share, &format!("<= {:.4}", nominal + error));
    assert!(
        share <= nominal + error,
        "{claim}, {scenario}: {share} of at most {nominal}"
    );
}

/// The bar of a share of at least `nominal`.
pub(crate) fn at_least(claim: &str, scenario: &str, nominal: f64, observed: u32) {
    let (share, error) = share(nominal, observed);
    report(claim, scenario, share, &format!(">= {:.4}", nominal - error));
    assert!(
        share >= nominal - error,
        "{claim}, {scenario}: {share} of at least {nominal}"
    );
}

/// The bar of a share that is `nominal`, no more and no less.
pub(crate) fn exactly(claim: &str, scenario: &str, nominal: f64, observed: u32) {
    let (share, error) = share(nominal, observed);
    report(
        claim,
        scenario,
        share,
        &format!("{:.4} to {:.4}", nominal - error, nominal + error),
    );
    assert!(
        (share - nominal).abs() <= error,
        "{claim}, {scenario}: {share}, not {nominal}"
    );
}

/// A bar without an error of simulation, or for a figure that is no share.
pub(crate) fn holds(claim: &str, scenario: &str, figure: f64, bar: &str, holds: bool) {
    report(claim, scenario, figure, bar);
    assert!(holds, "{claim}, {scenario}: {figure} is not {bar}");
}

fn share(nominal: f64, observed: u32) -> (f64, f64) {
    let runs = f64::from(runs());
    (
        f64::from(observed) / runs,
        3.0 * (nominal * (1.0 - nominal) / runs).sqrt(),
    )
}

fn report(claim: &str, scenario: &str, figure: f64, bar: &str) {
    println!("| {claim} | {scenario} | {figure:.4} | {bar} | {} |", runs());
}

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// A stream of its own for every run of every scenario.
    pub(crate) fn of(scenario: &str, run: u32) -> Self {
        let name = scenario.bytes().fold(SEED, |state, byte| {
            (state ^ u64::from(byte))
                .wrapping_mul(0x0000_0100_0000_01b3)
                .rotate_left(23)
        });
        let mut random = Self {
            state: name ^ (u64::from(run) << 32 | u64::from(run)),
        };
        random.bits();
        random
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Uniform on (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * 2.0_f64.powi(-53)
    }

    pub(crate) fn is(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(crate) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// How many of `n` happen with this probability.
    pub(crate) fn binomial(&mut self, n: u64, probability: f64) -> u64 {
        (0..n).filter(|_| self.is(probability)).count() as u64
    }

    /// A whole number from 0 to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }
}

/// An arm of `n` drawn outcomes.
pub(crate) fn arm(random: &mut Random, n: u32, mut outcome: impl FnMut(&mut Random) -> f64) -> ArmMoments {
    let mut moments = ArmMoments::new(Moments::EMPTY);
    for _ in 0..n {
        moments.push(outcome(random)).unwrap();
    }
    moments
}

/// Counts the runs in which something happens.
pub(crate) fn count(scenario: &str, mut happens: impl FnMut(&mut Random) -> bool) -> u32 {
    (0..runs())
        .map(|run| u32::from(happens(&mut Random::of(scenario, run))))
        .sum()
}
