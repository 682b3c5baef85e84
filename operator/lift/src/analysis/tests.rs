#![expect(clippy::float_cmp, reason = "these figures are exact")]

use proptest::prelude::*;

use super::*;
use crate::moments::{CompanionSums, Moments, Sums};
use crate::verdict::InvalidCause;

fn question(metric: MetricKind) -> Question {
    Question::new(metric, Direction::Increase, Method::Fixed, 0.05)
}

fn share(n: u64, successes: u64) -> ArmMoments {
    ArmMoments::proportion(n, successes).unwrap()
}

fn mean(n: u64, mean: f64, sd: f64) -> ArmMoments {
    ArmMoments::new(Moments::from_parts(n, mean, sd * sd * (n as f64 - 1.0)).unwrap())
}

fn shares(question: &Question, control: (u64, u64), treatment: (u64, u64)) -> Analysis {
    analyse(
        question,
        &share(control.0, control.1),
        &share(treatment.0, treatment.1),
    )
    .unwrap()
}

#[test]
fn the_logged_campaign_for_men_lifts_clicks_by_half() {
    let analysis = shares(&question(MetricKind::Proportion), (10_000, 46), (10_000, 69));
    let relative = analysis.relative.unwrap();
    assert!((relative.estimate - 0.5).abs() < 1e-12);
    assert!((relative.p - 0.031).abs() < 6e-4, "{}", relative.p);
    assert!(relative.low > 0.0 && relative.high > 0.5);
    assert_eq!(analysis.absolute.unwrap().p, relative.p);
    assert_eq!(
        (analysis.verdict, analysis.reason),
        (Verdict::Lift, Reason::BetterThanControl)
    );
    assert_eq!(analysis.n, 20_000);
}

#[test]
fn a_fixed_interval_is_hidden_until_its_planned_units() {
    let mut question = question(MetricKind::Proportion);
    question.planned_units = Some(20_001);
    let early = shares(&question, (10_000, 46), (10_000, 69));
    assert_eq!(
        (early.verdict, early.reason),
        (Verdict::Collecting, Reason::BeforePlannedEnd)
    );
    assert_eq!(
        (early.absolute, early.relative),
        (None, Err(NoPercentage::Withheld))
    );
    question.planned_units = Some(20_000);
    assert_eq!(
        shares(&question, (10_000, 46), (10_000, 69)).verdict,
        Verdict::Lift
    );
}

#[test]
fn less_is_better_turns_the_verdict_and_not_the_figures() {
    let mut question = question(MetricKind::Mean);
    question.direction = Direction::Decrease;
    let analysis = analyse(&question, &mean(1000, 10.0, 2.0), &mean(1000, 9.0, 2.0)).unwrap();
    assert_eq!(analysis.verdict, Verdict::Lift);
    assert!((analysis.relative.unwrap().estimate + 0.1).abs() < 1e-12);
    let worse = analyse(&question, &mean(1000, 9.0, 2.0), &mean(1000, 10.0, 2.0)).unwrap();
    assert_eq!(
        (worse.verdict, worse.reason),
        (Verdict::Harm, Reason::WorseThanControl)
    );
}

#[test]
fn the_minimum_lift_parts_lift_from_worthwhile_lift() {
    for (direction, treatment) in [(Direction::Increase, 11.0), (Direction::Decrease, 9.0)] {
        let verdict = |minimum_lift| {
            let mut question = question(MetricKind::Mean);
            question.direction = direction;
            question.minimum_lift = Some(minimum_lift);
            analyse(&question, &mean(1000, 10.0, 2.0), &mean(1000, treatment, 2.0))
                .unwrap()
                .verdict
        };
        assert_eq!(verdict(0.02), Verdict::WorthwhileLift);
        assert_eq!(verdict(0.1), Verdict::Lift);
        assert_eq!(verdict(0.2), Verdict::NoWorthwhileLift);
    }
}

#[test]
fn a_control_without_successes_has_no_percentage() {
    let analysis = shares(&question(MetricKind::Proportion), (1000, 0), (1000, 12));
    assert_eq!(analysis.relative, Err(NoPercentage::ControlNotPositive));
    assert_eq!(analysis.verdict, Verdict::Lift);
    let near = shares(&question(MetricKind::Proportion), (1000, 3), (1000, 12));
    assert_eq!(near.relative, Err(NoPercentage::ControlNearZero));
    assert!(near.absolute.is_some());
}

#[test]
fn small_cells_get_newcombes_interval() {
    let analysis = shares(&question(MetricKind::Proportion), (80, 20), (70, 31));
    let (absolute, critical) = (analysis.absolute.unwrap(), analysis.critical.unwrap());
    let welch =
        absolute.estimate - critical * libm::sqrt(0.25 * 0.75 / 80.0 + 31.0 * 39.0 / (70.0 * 70.0 * 70.0));
    assert!((absolute.low - welch).abs() > 1e-3, "not Welch's");
    assert!(analysis.relative.unwrap().low > 0.0 && absolute.low > 0.0);
}

#[test]
fn too_little_data_is_a_reason_and_not_an_error() {
    let empty = ArmMoments::EMPTY;
    let verdict = |metric, control, treatment| {
        let analysis = analyse(&question(metric), &control, &treatment).unwrap();
        assert_eq!(
            (analysis.absolute, analysis.relative),
            (None, Err(NoPercentage::Withheld))
        );
        (analysis.verdict, analysis.reason)
    };
    for metric in [MetricKind::Proportion, MetricKind::Mean, MetricKind::Ratio] {
        assert_eq!(
            verdict(metric, empty, empty),
            (Verdict::NotStarted, Reason::NoUnits)
        );
    }
    let (proportion, outcome) = (MetricKind::Proportion, MetricKind::Mean);
    assert_eq!(
        verdict(proportion, empty, share(10, 3)),
        (Verdict::Collecting, Reason::ArmEmpty)
    );
    assert_eq!(
        verdict(proportion, share(1, 1), share(10, 3)),
        (Verdict::Collecting, Reason::TooFewUnits)
    );
    assert_eq!(
        verdict(proportion, share(10, 0), share(10, 0)),
        (Verdict::Collecting, Reason::ZeroVariance)
    );
    assert_eq!(
        verdict(outcome, mean(10, 3.0, 0.0), mean(10, 3.0, 0.0)),
        (Verdict::Collecting, Reason::ZeroVariance)
    );
    let no_sessions = ArmMoments::from_sums(&Sums {
        n: 10,
        denominator: Some(CompanionSums::default()),
        ..Sums::default()
    });
    let no_sessions = no_sessions.unwrap();
    assert_eq!(
        verdict(MetricKind::Ratio, no_sessions, no_sessions),
        (Verdict::Collecting, Reason::ZeroDenominator)
    );
}

#[test]
fn an_invalid_comparison_shows_no_figure() {
    let mut question = question(MetricKind::Proportion);
    question.invalid = Some(InvalidCause::SampleRatio);
    let analysis = shares(&question, (10_000, 46), (10_000, 69));
    assert_eq!(
        (analysis.verdict, analysis.reason),
        (Verdict::Invalid(InvalidCause::SampleRatio), Reason::SampleRatio)
    );
    assert_eq!((analysis.absolute, analysis.critical), (None, None));
}

#[test]
fn questions_out_of_range_are_refused() {
    let ask = |change: fn(&mut Question)| {
        let mut question = question(MetricKind::Proportion);
        change(&mut question);
        analyse(&question, &share(100, 40), &share(100, 50)).unwrap_err()
    };
    for alpha in [0.0, 1.0, -0.1, f64::INFINITY] {
        let mut question = question(MetricKind::Proportion);
        question.alpha = alpha;
        let error = analyse(&question, &share(100, 40), &share(100, 50)).unwrap_err();
        assert_eq!(error, AnalysisError::AlphaOutOfRange { alpha });
    }
    assert!(matches!(
        ask(|q| q.alpha = f64::NAN),
        AnalysisError::AlphaOutOfRange { .. }
    ));
    assert!(matches!(
        ask(|q| q.minimum_lift = Some(-0.1)),
        AnalysisError::MinimumLiftOutOfRange { .. }
    ));
    assert!(matches!(
        ask(|q| q.minimum_lift = Some(f64::NAN)),
        AnalysisError::MinimumLiftOutOfRange { .. }
    ));
    assert_eq!(
        ask(|q| q.planned_units = Some(0)),
        AnalysisError::PlannedUnitsZero
    );
    assert_eq!(
        ask(|q| q.method = Method::Continuous),
        AnalysisError::PlannedUnitsMissing {
            method: Method::Continuous
        }
    );
    assert_eq!(
        ask(|q| q.metric = MetricKind::Ratio),
        AnalysisError::DenominatorMissing { arm: Arm::Control }
    );
    let revenue = analyse(
        &question(MetricKind::Proportion),
        &share(100, 40),
        &mean(100, 3.0, 1.0),
    );
    assert_eq!(
        revenue.unwrap_err(),
        AnalysisError::NotAProportion { arm: Arm::Treatment }
    );
}

fn figures_are_numbers(figures: &Figures) -> bool {
    figures.low <= figures.estimate
        && figures.estimate <= figures.high
        && (0.0..=1.0).contains(&figures.p)
        && [figures.low, figures.estimate, figures.high]
            .iter()
            .all(|figure| figure.is_finite())
}

proptest! {
    #[test]
    fn whatever_the_moments_the_answer_is_a_number_a_reason_or_an_error(
        n in 0_u64..2000, m in 0_u64..2000,
        a in prop_oneof![Just(0.0), -1e6..1e6_f64, -1e-6..1e-6_f64],
        b in prop_oneof![Just(0.0), -1e6..1e6_f64, -1e-6..1e-6_f64],
        sd in prop_oneof![Just(0.0), 0.0..1e6_f64, 0.0..1e-9_f64],
        minimum_lift in prop::option::of(0.0..0.5_f64),
    ) {
        let arm = |n: u64, value: f64| match n {
            0 => ArmMoments::EMPTY,
            n => mean(n, value, sd),
        };
        let mut question = question(MetricKind::Mean);
        question.minimum_lift = minimum_lift;
        let analysis = analyse(&question, &arm(n, a), &arm(m, b)).unwrap();
        match analysis.absolute {
            Some(absolute) => prop_assert!(figures_are_numbers(&absolute), "{:?}", analysis),
            None => prop_assert!(!analysis.verdict.is_claim()),
        }
        if let Ok(relative) = analysis.relative {
            prop_assert!(figures_are_numbers(&relative), "{:?}", analysis);
        }
    }

    #[test]
    fn no_claim_about_shares_contradicts_a_shown_figure(
        na in 2_u64..500, nb in 2_u64..500, share_a in 0..=1000_u64, share_b in 0..=1000_u64,
    ) {
        let successes = |n: u64, permille: u64| n * permille / 1000;
        let analysis = shares(&question(MetricKind::Proportion), (na, successes(na, share_a)), (nb, successes(nb, share_b)));
        if let Some(absolute) = analysis.absolute {
            match analysis.verdict {
                Verdict::Lift => prop_assert!(absolute.low > 0.0 && absolute.p < 0.05),
                Verdict::Harm => prop_assert!(absolute.high < 0.0 && absolute.p < 0.05),
                verdict => prop_assert_eq!(verdict, Verdict::Unproven),
            }
        }
    }
}

fn sequential(method: Method, planned_units: u64) -> Question {
    Question {
        planned_units: Some(planned_units),
        method,
        ..question(MetricKind::Proportion)
    }
}

fn look(control: (u64, u64), treatment: (u64, u64)) -> Look {
    Look {
        control: share(control.0, control.1),
        treatment: share(treatment.0, treatment.1),
    }
}

#[test]
fn a_planned_design_asks_more_of_an_early_look() {
    let question = sequential(Method::Planned, 20_000);
    let early = shares(&question, (5_000, 250), (5_000, 300));
    assert_eq!(
        (early.verdict, early.reason),
        (Verdict::Collecting, Reason::Undecided)
    );
    assert!(early.critical.unwrap() > 2.7, "fixed would have claimed a lift");
    assert!(early.absolute.unwrap().p > 0.05);
    let end = shares(&question, (10_000, 500), (10_000, 600));
    assert_eq!((end.verdict, end.inflated), (Verdict::Lift, false));
    assert!(
        (end.critical.unwrap() - 1.96).abs() < 1e-3,
        "nothing was spent before"
    );
    let clear = shares(&question, (5_000, 250), (5_000, 350));
    assert_eq!((clear.verdict, clear.inflated), (Verdict::Lift, true));
}

#[test]
fn a_planned_design_ends_at_its_first_look_past_the_plan() {
    let mut question = sequential(Method::Planned, 20_000);
    question.looks = vec![
        look((5_000, 250), (5_000, 260)),
        look((10_000, 500), (10_000, 520)),
    ];
    let later = shares(&question, (20_000, 1_000), (20_000, 1_400));
    assert_eq!(
        (later.verdict, later.reason, later.n),
        (Verdict::Unproven, Reason::PlannedEndReached, 20_000)
    );
}

#[test]
fn a_look_that_brings_nothing_is_not_paid_for() {
    let mut question = sequential(Method::Planned, 20_000);
    let once = shares(&question, (5_000, 250), (5_000, 300));
    question.looks = vec![look((5_000, 250), (5_000, 300))];
    assert_eq!(shares(&question, (5_000, 250), (5_000, 300)), once);
    assert_eq!(shares(&question, (5_005, 250), (5_005, 300)), once);
}

#[test]
fn looks_must_come_oldest_first() {
    for method in [Method::Planned, Method::Continuous] {
        let mut question = sequential(method, 20_000);
        question.looks = vec![look((5_000, 250), (5_000, 300))];
        let error = analyse(&question, &share(1_000, 50), &share(1_000, 60)).unwrap_err();
        assert_eq!(error, AnalysisError::LooksOutOfOrder);
    }
}

#[test]
fn a_confidence_sequence_remembers_what_it_excluded() {
    let mut question = sequential(Method::Continuous, 40_000);
    let now = ((10_000, 500), (10_000, 580));
    let alone = shares(&question, now.0, now.1);
    assert_eq!(alone.verdict, Verdict::Collecting);
    question.looks = vec![look((6_000, 300), (6_000, 430))];
    let with_past = shares(&question, now.0, now.1);
    assert_eq!((with_past.verdict, with_past.inflated), (Verdict::Lift, true));
    let (absolute, relative) = (with_past.absolute.unwrap(), with_past.relative.unwrap());
    assert!(absolute.low > 0.0 && relative.low > 0.0 && absolute.p < 0.05);
    assert!(absolute.high <= alone.absolute.unwrap().high);
    // The e-value is of the current look, which may be combined; only the p-value remembers.
    assert!(absolute.e.unwrap() < 20.0);
}

#[test]
fn a_confidence_sequence_starts_at_its_first_look() {
    let question = sequential(Method::Continuous, 20_000);
    let early = shares(&question, (249, 100), (251, 130));
    assert_eq!(
        (early.verdict, early.reason),
        (Verdict::Collecting, Reason::BeforeFirstLook)
    );
    assert_eq!(early.absolute, None);
    assert_eq!(
        shares(&question, (5_000, 24), (5_000, 30)).reason,
        Reason::BeforeFirstLook
    );
    assert!(shares(&question, (250, 100), (250, 130)).absolute.is_some());
}

#[test]
fn looks_that_exclude_one_another_show_no_figure() {
    let mut question = sequential(Method::Continuous, 20_000);
    question.looks = vec![look((2_000, 100), (2_000, 300))];
    let turned = shares(&question, (9_000, 900), (9_000, 500));
    assert_eq!(
        (turned.verdict, turned.reason),
        (Verdict::Collecting, Reason::LooksContradict)
    );
    assert_eq!(turned.absolute, None);
}

#[test]
fn the_largest_evidence_is_still_a_number() {
    let question = sequential(Method::Continuous, 2_000_000);
    let analysis = shares(&question, (1_000_000, 10_000), (1_000_000, 900_000));
    let absolute = analysis.absolute.unwrap();
    assert_eq!((absolute.e, absolute.p), (Some(f64::MAX), 0.0));
    let planned = shares(
        &sequential(Method::Planned, 2_000_000),
        (1_000_000, 10_000),
        (1_000_000, 900_000),
    );
    assert!(planned.absolute.unwrap().p < 1e-200);
}

fn with_covariate(n: u32, lift: f64) -> ArmMoments {
    let mut arm = ArmMoments::EMPTY;
    for unit in 0..n {
        let x = f64::from(unit % 17);
        arm.push_unit(20.0 + x + f64::from((unit * 7) % 11) + lift, Some(x), None)
            .unwrap();
    }
    arm
}

#[test]
fn an_adjusted_figure_stands_beside_the_unadjusted_one() {
    let analysis = analyse(
        &question(MetricKind::Mean),
        &with_covariate(3_740, 0.0),
        &with_covariate(3_740, 0.3),
    );
    let analysis = analysis.unwrap();
    let (adjusted, unadjusted) = (analysis.absolute.unwrap(), analysis.unadjusted.unwrap().absolute);
    assert!(analysis.variance_kept.unwrap() < 0.5);
    assert!(adjusted.high - adjusted.low < 0.7 * (unadjusted.high - unadjusted.low));
    assert_eq!(analysis.no_adjustment, None);
    let plain = shares(&question(MetricKind::Proportion), (1_000, 100), (1_000, 120));
    assert_eq!(
        (plain.variance_kept, plain.no_adjustment),
        (None, Some(NoAdjustment::NoCovariate))
    );
}

#[test]
fn phases_are_combined_and_never_pooled() {
    let question = question(MetricKind::Proportion);
    let phases = [
        look((90_000, 4_500), (10_000, 500)),
        look((10_000, 1_000), (90_000, 9_000)),
    ];
    let analysis = analyse_phases(&question, &phases, &[]).unwrap();
    assert_eq!(analysis.verdict, Verdict::Unproven);
    assert!(analysis.relative.unwrap().estimate.abs() < 1e-12);
    let pooled = analyse(&question, &share(100_000, 5_500), &share(100_000, 9_500)).unwrap();
    assert_eq!(
        pooled.verdict,
        Verdict::Lift,
        "which is what pooling would have claimed"
    );
    assert_eq!(
        analyse_phases(&question, &[], &[]).unwrap_err(),
        AnalysisError::PhasesMissing
    );
    let sequential = sequential(Method::Continuous, 400_000);
    let continued = analyse_phases(&sequential, &phases, &[vec![phases[0]]]).unwrap();
    assert_eq!((continued.verdict, continued.n), (Verdict::Collecting, 200_000));
}

proptest! {
    #[test]
    fn every_design_agrees_with_itself(
        steps in prop::collection::vec((1_u64..3_000, 0_u64..300, 0_u64..300), 1..6),
        planned in 1_000_u64..40_000,
        decrease in any::<bool>(),
        minimum_lift in prop::option::of(0.0..0.3_f64),
    ) {
        let mut looks = Vec::new();
        let (mut n, mut a, mut b) = (0, 0, 0);
        for (units, successes_a, successes_b) in steps {
            n += units;
            a += successes_a.min(units);
            b += successes_b.min(units);
            looks.push(look((n, a), (n, b)));
        }
        let now = looks.pop().unwrap();
        for method in [Method::Fixed, Method::Planned, Method::Continuous] {
            let mut question = sequential(method, planned);
            question.direction = if decrease { Direction::Decrease } else { Direction::Increase };
            question.minimum_lift = minimum_lift;
            question.looks.clone_from(&looks);
            let analysis = analyse(&question, &now.control, &now.treatment).unwrap();
            let Some(absolute) = analysis.absolute else {
                prop_assert!(!analysis.verdict.is_claim() && analysis.relative.is_err());
                continue;
            };
            prop_assert!(absolute.low <= absolute.high && (0.0..=1.0).contains(&absolute.p), "{:?}", analysis);
            prop_assert!(absolute.low.is_finite() && absolute.high.is_finite(), "{:?}", analysis);
            if method == Method::Continuous {
                prop_assert_eq!(absolute.p < 0.05, absolute.low > 0.0 || absolute.high < 0.0, "{:?}", analysis);
            }
            if let Ok(relative) = analysis.relative {
                prop_assert_eq!(relative.low > 0.0, absolute.low > 0.0, "{:?}", analysis);
                prop_assert_eq!(relative.high < 0.0, absolute.high < 0.0, "{:?}", analysis);
            }
            let better = if decrease { absolute.high < 0.0 } else { absolute.low > 0.0 };
            let worse = if decrease { absolute.low > 0.0 } else { absolute.high < 0.0 };
            match analysis.verdict {
                Verdict::Lift | Verdict::WorthwhileLift => prop_assert!(better, "{:?}", analysis),
                Verdict::Harm => prop_assert!(worse, "{:?}", analysis),
                _ => {}
            }
        }
    }
}

fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        -10.0..10.0_f64,
        (-150.0..150.0_f64, any::<bool>())
            .prop_map(|(e, minus)| libm::pow(10.0, e) * if minus { -1.0 } else { 1.0 }),
        any::<f64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_wildest_moments_give_a_number_a_reason_or_an_error(
        n in prop_oneof![0_u64..5, 0_u64..5_000, any::<u64>()],
        m in prop_oneof![0_u64..5, 0_u64..5_000, any::<u64>()],
        means in (wild(), wild()),
        spreads in (wild(), wild()),
        alpha in prop_oneof![0.001..0.999_f64, Just(1e-300), Just(f64::MIN_POSITIVE), any::<f64>()],
        planned_units in prop::option::of(prop_oneof![1_u64..10_000, any::<u64>()]),
        minimum_lift in prop::option::of(wild()),
        method in prop_oneof![Just(Method::Fixed), Just(Method::Planned), Just(Method::Continuous)],
    ) {
        let arm = |n, mean, m2: f64| Moments::from_parts(n, mean, m2.abs()).map(ArmMoments::new);
        let (Ok(control), Ok(treatment)) = (arm(n, means.0, spreads.0), arm(m, means.1, spreads.1)) else {
            return Ok(());
        };
        let mut question = Question::new(MetricKind::Mean, Direction::Increase, method, alpha);
        question.planned_units = planned_units;
        question.minimum_lift = minimum_lift;
        question.looks = vec![Look { control, treatment }];
        if let Ok(analysis) = analyse(&question, &control, &treatment) {
            if let Some(absolute) = analysis.absolute {
                prop_assert!(figures_are_numbers(&absolute), "{:?}", analysis);
            }
            if let Ok(relative) = analysis.relative {
                prop_assert!(figures_are_numbers(&relative), "{:?}", analysis);
            }
        }
    }
}
