//! The split, and what a bandit's log may be used for.

use attune_lift::off_policy::OffPolicy;
use attune_lift::sample_ratio::SampleRatio;

use crate::simulation::{Random, at_least, at_most, count, holds, runs};

const DAYS: usize = 60;
const UNITS_A_DAY: u64 = 2_000;

/// Whether sixty daily looks ever block a split of which `share` goes left.
fn blocked(random: &mut Random, share: f64) -> bool {
    let mut counts = (0, 0);
    let looks: Vec<(u64, u64)> = (0..DAYS)
        .map(|_| {
            let left = random.binomial(UNITS_A_DAY, share);
            counts = (counts.0 + left, counts.1 + UNITS_A_DAY - left);
            counts
        })
        .collect();
    SampleRatio::of_halves(&looks).blocked
}

#[test]
fn sixty_looks_at_a_good_split_alarm_nobody_and_at_a_bad_one_somebody() {
    let alarms = |scenario: &str, share: f64| count(scenario, |random| blocked(random, share));
    at_most(
        "sample ratio, 60 looks, false alarms",
        "50/50",
        0.001,
        alarms("50/50", 0.5),
    );
    at_least(
        "sample ratio, 60 days, found",
        "51/49 at 2,000 a day",
        0.99,
        alarms("51/49", 0.51),
    );
}

/// An epsilon-greedy bandit on two arms that both pay one time in ten.
#[derive(Default)]
struct Bandit {
    pulls: [f64; 2],
    paid: [f64; 2],
}

/// One pull: the arm, its pay, the probability with which it was chosen, and whether it was of the uniform slice.
struct Pull {
    arm: usize,
    pay: f64,
    chosen: f64,
    uniform: bool,
}

impl Bandit {
    const UNIFORM: f64 = 0.2;
    const TRUTH: f64 = 0.1;

    fn pull(&mut self, random: &mut Random) -> Pull {
        let mean = |arm: usize| (self.paid[arm] + 1.0) / (self.pulls[arm] + 10.0);
        let best = usize::from(mean(1) > mean(0));
        let uniform = random.is(Self::UNIFORM);
        let arm = if uniform {
            usize::from(random.is(0.5))
        } else {
            best
        };
        let chosen = 0.5 * Self::UNIFORM + if arm == best { 1.0 - Self::UNIFORM } else { 0.0 };
        let pay = f64::from(u8::from(random.is(Self::TRUTH)));
        self.pulls[arm] += 1.0;
        self.paid[arm] += pay;
        Pull {
            arm,
            pay,
            chosen,
            uniform,
        }
    }
}

/// The mean of means that were each made from some pulls.
#[derive(Default)]
struct Average {
    sum: f64,
    count: f64,
}

impl Average {
    fn add(&mut self, mean: f64) {
        if mean.is_finite() {
            self.sum += mean;
            self.count += 1.0;
        }
    }

    fn bias(&self) -> f64 {
        self.sum / self.count / Bandit::TRUTH - 1.0
    }
}

#[test]
fn a_bandits_arm_is_reported_without_the_bias_of_its_own_choice() {
    let scenario = "epsilon-greedy, two equal arms, 1,000 pulls, ten bandits a run";
    let (mut naive, mut slice, mut scored) = (Average::default(), Average::default(), Average::default());
    for run in 0..10 * runs() {
        let random = &mut Random::of(scenario, run);
        let (mut bandit, mut log, mut uniform) = (Bandit::default(), OffPolicy::default(), [0.0; 2]);
        for _ in 0..1_000 {
            let pull = bandit.pull(random);
            let target = f64::from(u8::from(pull.arm == 1));
            log.push(pull.pay, pull.chosen, target).unwrap();
            if pull.uniform && pull.arm == 1 {
                uniform = [uniform[0] + 1.0, uniform[1] + pull.pay];
            }
        }
        naive.add(bandit.paid[1] / bandit.pulls[1]);
        slice.add(uniform[1] / uniform[0]);
        scored.add(log.plain().unwrap());
    }
    let (naive, slice, scored) = (naive.bias(), slice.bias(), scored.bias());
    holds(
        "bandit, bias of the naive mean",
        scenario,
        naive,
        "beyond 1 %",
        naive.abs() > 0.01,
    );
    holds(
        "bandit, bias of the uniform slice",
        scenario,
        slice,
        "within 1 %",
        slice.abs() < 0.01,
    );
    holds(
        "bandit, bias of the propensity score",
        scenario,
        scored,
        "within 1 %",
        scored.abs() < 0.01,
    );
}
