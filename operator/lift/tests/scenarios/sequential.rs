//! Many looks: the two sequential designs.

use attune_lift::continuous::{ConfidenceSequence, may_be_looked_at};
use attune_lift::contrast::Contrast;
use attune_lift::difference::mean;
use attune_lift::planned::critical_values;
use attune_lift::{ArmMoments, Direction, Look, Method, MetricKind, Moments, Question, Verdict, analyse};

use crate::simulation::{Random, at_least, at_most, count, holds, runs};

const ALPHA: f64 = 0.05;

struct Pair {
    control: ArmMoments,
    treatment: ArmMoments,
}

impl Pair {
    const EMPTY: Self = Self {
        control: ArmMoments::new(Moments::EMPTY),
        treatment: ArmMoments::new(Moments::EMPTY),
    };

    /// Draws units for both arms until each has `n`.
    fn draw_to(&mut self, random: &mut Random, n: u64, outcome: Outcome, effect: f64) {
        while self.control.n() < n {
            self.control.push(outcome(random)).unwrap();
            self.treatment.push(outcome(random) + effect).unwrap();
        }
    }

    fn contrast(&self) -> Contrast {
        Contrast::of(&mean(self.control.outcome()), &mean(self.treatment.outcome()))
    }
}

/// How one unit's outcome is drawn.
type Outcome = fn(&mut Random) -> f64;

const OUTCOMES: [(&str, Outcome); 2] = [
    ("normal", |random| 5.0 + random.normal()),
    ("exponential", Random::exponential),
];

#[test]
fn irregular_looks_spend_no_more_than_was_planned() {
    // Daily looks at traffic with weekends, the first after a day and a half; 2,000 units an arm in all.
    let units: Vec<u64> = (0..28_u64)
        .scan(40, |n, day| {
            *n += if day % 7 >= 5 { 25 } else { 88 };
            Some(*n)
        })
        .collect();
    assert_eq!(units.last(), Some(&2_000));
    let fractions: Vec<f64> = units.iter().map(|n| *n as f64 / 2_000.0).collect();
    let critical = critical_values(ALPHA, &fractions);
    for (scenario, outcome) in OUTCOMES {
        let (mut fixed_wrong, mut last) = (0, 0.0);
        let wrong = count(scenario, |random| {
            let mut pair = Pair::EMPTY;
            let (mut crossed, mut peeked) = (false, false);
            for (&n, critical) in units.iter().zip(&critical) {
                pair.draw_to(random, n, outcome, 0.0);
                last = pair.contrast().difference().z().abs();
                crossed |= last > *critical;
                peeked |= last > 1.96;
            }
            fixed_wrong += u32::from(peeked);
            crossed
        });
        at_most(
            "false positives, planned, 28 irregular looks",
            scenario,
            ALPHA,
            wrong,
        );
        let peeking = f64::from(fixed_wrong) / f64::from(runs());
        holds(
            "the same looks with a fixed test",
            scenario,
            peeking,
            "> 0.2",
            peeking > 0.2,
        );
    }
}

#[test]
fn a_planned_analysis_uses_the_boundaries_that_were_simulated() {
    let look = |n: u64| Look {
        control: ArmMoments::proportion(n, n / 10).unwrap(),
        treatment: ArmMoments::proportion(n, n / 9).unwrap(),
    };
    let mut question = Question::new(
        MetricKind::Proportion,
        Direction::Increase,
        Method::Planned,
        ALPHA,
    );
    question.planned_units = Some(4_000);
    question.looks = vec![look(500), look(800)];
    let now = look(1_300);
    let analysis = analyse(&question, &now.control, &now.treatment).unwrap();
    let critical = critical_values(ALPHA, &[0.25, 0.4, 0.65]);
    assert!((analysis.critical.unwrap() - critical[2]).abs() < 1e-12);
}

#[test]
fn a_confidence_sequence_holds_at_every_look() {
    let planned = 4_000.0;
    let sequence = ConfidenceSequence::tuned_to(ALPHA, planned);
    let claim = "continuous, a look every 10 units to twice the plan";
    for (scenario, outcome) in OUTCOMES {
        for effect in [0.0, 0.1] {
            let scenario = format!("{scenario}, effect {effect}");
            let missed = count(&scenario, |random| {
                let mut pair = Pair::EMPTY;
                (1..=800).any(|look| {
                    pair.draw_to(random, look * 5, outcome, effect);
                    if !(may_be_looked_at(&pair.control) && may_be_looked_at(&pair.treatment)) {
                        return false;
                    }
                    let n = (pair.control.n() + pair.treatment.n()) as f64;
                    let interval = pair.contrast().difference().interval(sequence.critical(n));
                    interval.low > effect || effect > interval.high
                })
            });
            let share = f64::from(missed) / f64::from(runs());
            let name = if effect > 0.0 {
                "the truth is missed"
            } else {
                "false positives"
            };
            holds(
                &format!("{name}, {claim}"),
                &scenario,
                share,
                "<= 0.05",
                share <= 0.05,
            );
        }
    }
}

/// One experiment with weekly looks, until something is claimed or the plan ends.
fn verdict(random: &mut Random, effect: f64) -> Verdict {
    let mut question = Question::new(MetricKind::Mean, Direction::Increase, Method::Continuous, ALPHA);
    question.planned_units = Some(6_000);
    question.minimum_lift = Some(0.02);
    let mut pair = Pair::EMPTY;
    let mut last = Verdict::NotStarted;
    for look in 1..=12 {
        pair.draw_to(random, look * 250, |random| 5.0 + random.normal(), effect);
        last = analyse(&question, &pair.control, &pair.treatment)
            .unwrap()
            .verdict;
        if matches!(last, Verdict::NoWorthwhileLift | Verdict::Harm) {
            break;
        }
        question.looks.push(Look {
            control: pair.control,
            treatment: pair.treatment,
        });
    }
    last
}

#[test]
fn a_rule_that_is_worth_it_is_hardly_ever_retired_and_a_harmful_one_is() {
    let retired = |scenario: &str, effect: f64| {
        count(scenario, |random| {
            matches!(verdict(random, effect), Verdict::NoWorthwhileLift | Verdict::Harm)
        })
    };
    let claim = "retired, continuous, minimum lift of 2 %";
    at_most(
        claim,
        "true lift of 2 %",
        0.5 * ALPHA,
        retired("true lift of 2 %", 0.1),
    );
    at_least(claim, "harm of 4 %", 0.99, retired("harm of 4 %", -0.2));
}
