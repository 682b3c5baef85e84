//! Distributions, fixed-sample tests and intervals.

use attune_lift::contrast::Contrast;
use attune_lift::difference::{Bounds, mean, wilson};
use attune_lift::fieller::relative_lift;
use attune_lift::ratio::ratio;
use attune_lift::{ArmMoments, Moments, special};

use super::arms::{field, means, proportions, raw_arm, sums_arm, units};
use crate::case::Case;

pub(crate) fn normal_quantile(case: &Case<'_>) {
    case.check("z", special::normal_quantile(case.number("p")));
}

pub(crate) fn normal_tail(case: &Case<'_>) {
    case.check("p", special::normal_tail(case.number("z")));
}

pub(crate) fn student_critical(case: &Case<'_>) {
    case.check(
        "t",
        special::student_critical(1.0 - case.number("p"), case.number("df")),
    );
}

pub(crate) fn student_two_sided(case: &Case<'_>) {
    case.check(
        "p",
        special::student_two_sided(case.number("t"), case.number("df")),
    );
}

pub(crate) fn chi_square(case: &Case<'_>) {
    case.check("p", special::chi_square_tail(case.number("x"), case.number("df")));
}

pub(crate) fn absolute(case: &Case<'_>, contrast: &Contrast) {
    let estimate = contrast.difference();
    let interval = Bounds::normal(*contrast, contrast.critical(case.number("alpha"))).against(1.0);
    case.check("estimate", estimate.value);
    case.check("lo", interval.low);
    case.check("hi", interval.high);
    case.check("p", contrast.p());
    case.check("se", estimate.standard_error());
}

pub(crate) fn one_sided(case: &Case<'_>) {
    let contrast = means(case);
    let critical = contrast.critical(2.0 * case.number("alpha"));
    case.check("lo", contrast.difference().interval(critical).low);
    case.check("p", special::student_tail(contrast.difference().z(), contrast.df));
}

pub(crate) fn welch(case: &Case<'_>) {
    let contrast = means(case);
    case.check("t", contrast.difference().z());
    case.check("p", contrast.p());
    case.check("df", contrast.df);
}

pub(crate) fn welch_from_moments(case: &Case<'_>) {
    let arm = |key: &str| {
        let value = &case.inputs[key];
        let (n, sd) = (units(value), field(value, "sd"));
        mean(&Moments::from_parts(n, field(value, "mean"), sd * sd * (n as f64 - 1.0)).unwrap())
    };
    let contrast = Contrast::of(&arm("a"), &arm("b"));
    case.check("diff", contrast.difference().value);
    case.check("t", contrast.difference().z());
    case.check("p", contrast.p());
}

pub(crate) fn wilson_ci(case: &Case<'_>) {
    let (n, x) = (case.number("n"), case.number("x"));
    let interval = wilson(x / n, n, -special::normal_quantile(0.5 * case.number("alpha")));
    case.check("lo", interval.low);
    case.check("hi", interval.high);
}

pub(crate) fn newcombe(case: &Case<'_>) {
    let critical = -special::normal_quantile(0.5 * case.number("alpha"));
    let bounds = Bounds::newcombe(proportions(case), critical, case.count("n_a"), case.count("n_b"));
    case.check("lo", bounds.against(1.0).low);
    case.check("hi", bounds.against(1.0).high);
}

pub(crate) fn wald(case: &Case<'_>) {
    let critical = -special::normal_quantile(0.5 * case.number("alpha"));
    let interval = proportions(case).difference().interval(critical);
    case.check("lo", interval.low);
    case.check("hi", interval.high);
}

pub(crate) fn fieller(case: &Case<'_>) {
    let contrast = Contrast {
        base: case.number("mean_a"),
        top: case.number("mean_b"),
        base_variance: case.number("var_mean_a"),
        top_variance: case.number("var_mean_b"),
        covariance: 0.0,
        df: f64::INFINITY,
    };
    let lift = relative_lift(&contrast, case.number("crit")).unwrap();
    case.check("lift", lift.estimate);
    case.check("lo", lift.interval.low);
    case.check("hi", lift.interval.high);
}

pub(crate) fn tea_tasting(case: &Case<'_>, outcome: &str, denominator: Option<&str>) {
    let arm = |arm| raw_arm(case, arm, outcome, None, denominator);
    let figure = |arm: &ArmMoments| ratio(arm).unwrap_or_else(|| mean(arm.outcome()));
    let contrast = Contrast::of(&figure(&arm("a")), &figure(&arm("b")));
    let critical = contrast.critical(case.number("alpha"));
    let interval = contrast.difference().interval(critical);
    case.check("control", contrast.base);
    case.check("treatment", contrast.top);
    case.check("diff", contrast.difference().value);
    case.check("diff_lo", interval.low);
    case.check("diff_hi", interval.high);
    case.check("rel", relative_lift(&contrast, critical).unwrap().estimate);
    case.check("p", contrast.p());
}

pub(crate) fn sufficient_stats(case: &Case<'_>) {
    for arm in ["a", "b"] {
        let want = &case.expected[arm];
        // The sums that the raw units give, from moments that were merged one unit at a time.
        let outcome = raw_arm(case, arm, "y", Some("x"), None);
        let numerator = raw_arm(case, arm, "m", None, Some("d"));
        let n = outcome.n() as f64;
        let close = |key: &str, got: f64| case.close(key, got, field(want, key));
        let squares = |m2: f64, mean: f64| m2 + n * mean * mean;
        let (x, d) = (outcome.covariate().unwrap(), numerator.denominator().unwrap());
        close("n", n);
        close("y_sum", n * outcome.outcome().mean());
        close(
            "y_sumsq",
            squares(outcome.outcome().m2(), outcome.outcome().mean()),
        );
        close("x_sum", n * x.mean());
        close("x_sumsq", squares(x.m2(), x.mean()));
        close("yx", x.co() + n * x.mean() * outcome.outcome().mean());
        close("m_sum", n * numerator.outcome().mean());
        close(
            "m_sumsq",
            squares(numerator.outcome().m2(), numerator.outcome().mean()),
        );
        close("d_sum", n * d.mean());
        close("d_sumsq", squares(d.m2(), d.mean()));
        close("md", d.co() + n * d.mean() * numerator.outcome().mean());
        // And back: the moments that plain sums give are the same.
        let from_sums = sums_arm(want);
        case.close(
            "mean from sums",
            from_sums.outcome().mean(),
            outcome.outcome().mean(),
        );
        case.close("m2 from sums", from_sums.outcome().m2(), outcome.outcome().m2());
        case.compared.borrow_mut().insert(arm.to_owned());
    }
}
