//! One look: the fixed test, Fieller, the covariate, ratios, the matched holdout.

use attune_lift::contrast::{ArmFigure, Contrast};
use attune_lift::cuped::{Denominator, adjusted};
use attune_lift::difference::mean;
use attune_lift::fieller::relative_lift;
use attune_lift::ratio::ratio;
use attune_lift::{ArmMoments, Direction, Method, MetricKind, Question, Verdict, analyse};

use crate::simulation::{Random, arm, at_least, at_most, count, exactly, holds, runs};

const ALPHA: f64 = 0.05;

fn claims(metric: MetricKind, control: &ArmMoments, treatment: &ArmMoments) -> bool {
    let question = Question::new(metric, Direction::Increase, Method::Fixed, ALPHA);
    analyse(&question, control, treatment).unwrap().verdict.is_claim()
}

#[test]
fn a_fixed_test_errs_as_often_as_it_says() {
    let claim = "false positives, fixed, 1,000 an arm";
    for (scenario, metric, outcome) in [
        (
            "normal",
            MetricKind::Mean,
            (|random| 5.0 + random.normal()) as fn(&mut Random) -> f64,
        ),
        ("exponential", MetricKind::Mean, Random::exponential),
        ("share of 10 %", MetricKind::Proportion, |random| {
            f64::from(u8::from(random.is(0.1)))
        }),
    ] {
        let wrong = count(scenario, |random| {
            let (control, treatment) = (arm(random, 1_000, outcome), arm(random, 1_000, outcome));
            claims(metric, &control, &treatment)
        });
        exactly(claim, scenario, ALPHA, wrong);
    }
}

#[test]
fn small_cells_do_not_err_more_often() {
    let scenario = "share of 1 %, 1,500 an arm";
    let wrong = count(scenario, |random| {
        let outcome = |random: &mut Random| f64::from(u8::from(random.is(0.01)));
        let (control, treatment) = (arm(random, 1_500, outcome), arm(random, 1_500, outcome));
        claims(MetricKind::Proportion, &control, &treatment)
    });
    at_most("false positives, fixed, small cells", scenario, ALPHA, wrong);
}

#[test]
fn fieller_covers_the_true_lift_and_agrees_with_the_absolute_test() {
    for (scenario, lift, outcome) in [
        (
            "normal, lift of 10 %",
            0.1,
            (|random| 2.0 + random.normal()) as fn(&mut Random) -> f64,
        ),
        ("exponential, lift of 5 %", 0.05, Random::exponential),
        ("exponential, no lift", 0.0, Random::exponential),
    ] {
        let mut disagree = 0;
        let covered = count(scenario, |random| {
            let control = arm(random, 1_000, outcome);
            let treatment = arm(random, 1_000, |random| (1.0 + lift) * outcome(random));
            let contrast = Contrast::of(&mean(control.outcome()), &mean(treatment.outcome()));
            let critical = contrast.critical(ALPHA);
            let relative = relative_lift(&contrast, critical).unwrap().interval;
            let absolute = contrast.difference().interval(critical);
            let same = (relative.low > 0.0) == (absolute.low > 0.0)
                && (relative.high < 0.0) == (absolute.high < 0.0);
            disagree += u32::from(!same);
            relative.low <= lift && lift <= relative.high
        });
        // 94.5 % is the design's bar at 20,000 runs; at other sizes the error of simulation decides.
        at_least(
            "Fieller's coverage, balanced arms",
            scenario,
            1.0 - ALPHA,
            covered,
        );
        holds(
            "Fieller agrees with the absolute test",
            scenario,
            f64::from(disagree),
            "0",
            disagree == 0,
        );
    }
}

#[test]
fn a_covariate_takes_away_the_variance_that_it_explains() {
    let scenario = "normal, correlation 0.7";
    let correlation = 0.7_f64;
    let mut kept = 0.0;
    let wrong = count(scenario, |random| {
        let drawn = |random: &mut Random| {
            let mut arm = ArmMoments::EMPTY;
            for _ in 0..1_000 {
                let x = random.normal();
                let y = correlation * x + (1.0 - correlation * correlation).sqrt() * random.normal();
                arm.push_unit(5.0 + y, Some(x), None).unwrap();
            }
            arm
        };
        let (control, treatment) = (drawn(random), drawn(random));
        // A covariate that is imbalanced by chance is not used; the difference then stands unadjusted.
        match adjusted(Denominator::UnitsLessOne, &control, &treatment) {
            Ok(adjusted) => kept += adjusted.variance_kept,
            Err(_) => kept += 1.0,
        }
        claims(MetricKind::Mean, &control, &treatment)
    });
    let kept = kept / f64::from(runs());
    let explained = 1.0 - correlation * correlation;
    holds(
        "CUPED, variance kept",
        scenario,
        kept,
        "within 2 % of 0.51",
        (kept / explained - 1.0).abs() < 0.02,
    );
    at_most("CUPED, false positives", scenario, ALPHA, wrong);
}

#[test]
fn a_ratio_over_units_is_honest_where_rows_as_units_are_not() {
    let scenario = "clicks a session, sessions of one unit alike";
    let mut naive_wrong = 0;
    let wrong = count(scenario, |random| {
        let (mut units, mut rows) = ([ArmMoments::EMPTY; 2], [(0_u64, 0_u64); 2]);
        for (arm, rows) in units.iter_mut().zip(&mut rows) {
            for _ in 0..1_000 {
                let taste = random.uniform() * random.uniform();
                let sessions = 1 + random.below(12);
                let clicks = random.binomial(sessions, taste);
                arm.push_unit(clicks as f64, None, Some(sessions as f64)).unwrap();
                *rows = (rows.0 + sessions, rows.1 + clicks);
            }
        }
        let [control, treatment] =
            rows.map(|(sessions, clicks)| ArmMoments::proportion(sessions, clicks).unwrap());
        naive_wrong += u32::from(claims(MetricKind::Proportion, &control, &treatment));
        let [control, treatment] = units;
        assert!(ratio(&control).is_some());
        claims(MetricKind::Ratio, &control, &treatment)
    });
    at_most("ratio metric, false positives", scenario, ALPHA, wrong);
    let naive = f64::from(naive_wrong) / f64::from(runs());
    holds(
        "session rows as units, false positives",
        scenario,
        naive,
        "> 0.10",
        naive > 0.10,
    );
}

/// Three in a hundred buy, for amounts with a long tail.
fn revenue(random: &mut Random) -> f64 {
    if random.is(0.03) {
        (3.0 + 1.2 * random.normal()).exp()
    } else {
        0.0
    }
}

/// Which sides of zero a 95 % interval excludes.
fn sides(control: &ArmFigure, treatment: &ArmFigure) -> (bool, bool) {
    let contrast = Contrast::of(control, treatment);
    let interval = contrast.difference().interval(contrast.critical(ALPHA));
    (interval.low > 0.0, interval.high < 0.0)
}

#[test]
fn a_matched_holdout_errs_on_neither_side() {
    let scenario = "zero-inflated revenue, 2,000 against 2,000";
    let (mut lift, mut harm) = (0, 0);
    let wrong = count(scenario, |random| {
        let (holdout, slice) = (arm(random, 2_000, revenue), arm(random, 2_000, revenue));
        let (above, below) = sides(&mean(holdout.outcome()), &mean(slice.outcome()));
        lift += u32::from(above);
        harm += u32::from(below);
        above || below
    });
    at_most("matched holdout, false positives", scenario, ALPHA, wrong);
    at_most("matched holdout, tail of false lift", scenario, 0.035, lift);
    at_most("matched holdout, tail of false harm", scenario, 0.035, harm);
}

#[test]
fn a_small_holdout_against_everyone_errs_towards_lift() {
    let scenario = "zero-inflated revenue, 1,000 against 19,000";
    let mut lift = 0;
    let wrong = count(scenario, |random| {
        let (holdout, exposed) = (arm(random, 1_000, revenue), arm(random, 19_000, revenue));
        let (above, below) = sides(&mean(holdout.outcome()), &mean(exposed.outcome()));
        lift += u32::from(above);
        above || below
    });
    let share = f64::from(wrong) / f64::from(runs());
    // The reason for the matched slice: were this not so, everyone could be compared with.
    holds(
        "unmatched holdout, false positives",
        scenario,
        share,
        "> 0.065",
        share > 0.065,
    );
    let lift = f64::from(lift) / f64::from(wrong);
    holds(
        "unmatched holdout, false lift among them",
        scenario,
        lift,
        "> 0.8",
        lift > 0.8,
    );
}

#[test]
fn a_rule_that_is_worth_it_is_hardly_ever_retired() {
    let retired = |scenario: &str, lift: f64| {
        count(scenario, |random| {
            let mut question = Question::new(MetricKind::Mean, Direction::Increase, Method::Fixed, ALPHA);
            question.minimum_lift = Some(0.05);
            let control = arm(random, 1_500, |random| 5.0 + random.normal());
            let treatment = arm(random, 1_500, |random| 5.0 * (1.0 + lift) + random.normal());
            let verdict = analyse(&question, &control, &treatment).unwrap().verdict;
            matches!(verdict, Verdict::NoWorthwhileLift | Verdict::Harm)
        })
    };
    let claim = "retired, fixed, minimum lift of 5 %";
    at_most(
        claim,
        "true lift of 5 %",
        0.5 * ALPHA,
        retired("true lift of 5 %", 0.05),
    );
    at_most(
        claim,
        "true lift of 7 %",
        0.5 * ALPHA,
        retired("true lift of 7 %", 0.07),
    );
    at_least(claim, "harm of 5 %", 0.99, retired("harm of 5 %", -0.05));
}
