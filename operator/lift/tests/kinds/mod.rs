//! Which kinds of reference cases are checked, and how; which are left out, and why.

use attune_lift::contrast::Contrast;
use attune_lift::difference::{Bounds, mean, proportion, wilson};
use attune_lift::fieller::relative_lift;
use attune_lift::ratio::ratio;
use attune_lift::special;
use attune_lift::{ArmMoments, CompanionSums, Moments, Sums};
use serde_json::Value;

use super::case::{Case, number};

/// A kind that this crate computes.
pub(crate) struct Checked {
    /// The kind of the cases.
    pub kind: &'static str,
    /// Computes a case and compares every figure that is ours.
    pub check: fn(&Case<'_>),
    /// Expected figures that belong to another method than ours.
    pub not_ours: &'static [&'static str],
}

const fn all(kind: &'static str, check: fn(&Case<'_>)) -> Checked {
    Checked {
        kind,
        check,
        not_ours: &[],
    }
}

const fn without(kind: &'static str, check: fn(&Case<'_>), not_ours: &'static [&'static str]) -> Checked {
    Checked {
        kind,
        check,
        not_ours,
    }
}

/// The log-scale relative interval is tea-tasting's; ours is Fieller's.
const LOG_SCALE: &[&str] = &["rel_lo", "rel_hi"];

pub(crate) const CHECKED: &[Checked] = &[
    all("sufficient_stats", sufficient_stats),
    all("norm_ppf", normal_quantile),
    all("norm_sf", normal_tail),
    all("t_ppf", student_critical),
    all("t_two_sided_p", student_two_sided),
    all("chi2_sf", chi_square),
    all("wilson_ci", wilson_ci),
    all("two_proportion_ci_newcomb", newcombe),
    all("two_proportion_ci_wald", wald),
    all("gb_proportion_absolute", |case| {
        absolute(case, &proportions(case));
    }),
    all("gb_mean_absolute", |case| absolute(case, &means(case))),
    all("gb_mean_one_sided_greater", one_sided),
    all("gb_ratio_absolute", |case| {
        absolute(case, &ratios(&case.inputs["a"], &case.inputs["b"]));
    }),
    all("welch_t", welch),
    all("welch_t_from_moments", welch_from_moments),
    all("fieller_relative", fieller),
    without(
        "tt_mean_log_ratio",
        |case| tea_tasting(case, "y", None),
        LOG_SCALE,
    ),
    without("tt_ratio", |case| tea_tasting(case, "m", Some("d")), LOG_SCALE),
];

const OTHER_RELATIVE: &str = "a delta-method percentage can contradict the absolute test; ours is Fieller's";
const NO_QUANTILES: &str = "metrics are proportions, means and ratios; quantiles do not merge from moments";
const OTHER_SEQUENCE: &str =
    "the continuous design is one asymptotic confidence sequence, not a choice of boundaries";
const NOT_YET: &str = "not built yet: the method comes with its own module";

pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    ("gb_proportion_relative", OTHER_RELATIVE),
    ("gb_mean_relative", OTHER_RELATIVE),
    ("gb_ratio_relative", OTHER_RELATIVE),
    ("gb_cuped_relative", OTHER_RELATIVE),
    ("gb_sequential_proportion_relative", OTHER_RELATIVE),
    ("gb_sequential_mean_relative", OTHER_RELATIVE),
    ("two_proportion_ratio_log_adjusted", OTHER_RELATIVE),
    (
        "two_proportion_ci_score",
        "small cells get Newcombe's interval, which has a closed form",
    ),
    (
        "two_proportion_pooled_z",
        "the pooled test is not the one that the interval belongs to; ours is Welch's",
    ),
    (
        "clopper_pearson_ci",
        "an exact interval of one proportion; every claim here compares two arms",
    ),
    (
        "tt_ratio_cuped",
        "the moments carry no products of a ratio's denominator with a covariate",
    ),
    ("gb_quantile_variance", NO_QUANTILES),
    ("gb_quantile_absolute", NO_QUANTILES),
    ("quantile_type7", NO_QUANTILES),
    ("quantile_outer_levels", NO_QUANTILES),
    ("cs_quantile_ab_p", NO_QUANTILES),
    ("cs_normal_mixture_one_sided", OTHER_SEQUENCE),
    ("cs_normal_mixture_two_sided", OTHER_SEQUENCE),
    ("cs_normal_log_mixture_two_sided", OTHER_SEQUENCE),
    ("cs_poly_stitching", OTHER_SEQUENCE),
    ("cs_gamma_exponential", OTHER_SEQUENCE),
    ("cs_bernoulli", OTHER_SEQUENCE),
    ("msprt_normal", OTHER_SEQUENCE),
    (
        "gst_power_spending",
        "the planned design spends as O'Brien and Fleming do, not by a power of time",
    ),
    (
        "gb_bayes_relative",
        "Bayesian figures decide nothing and are not offered",
    ),
    (
        "beta_prob_best",
        "Bayesian figures decide nothing and are not offered",
    ),
    (
        "power_ttest_n",
        "needs the noncentral t; the planner works at sizes where it is the normal",
    ),
    (
        "power_proportion_arcsine_n",
        "another effect size; the planner uses each arm's own variance",
    ),
    (
        "power_proportion_pooled_n",
        "the power of the pooled test, which is not ours",
    ),
    (
        "power_proportion_pooled_power",
        "the power of the pooled test, which is not ours",
    ),
    (
        "p_adjust_bonferroni",
        "Holm's procedure rejects whatever Bonferroni's does and more",
    ),
    (
        "p_adjust_simes-hochberg",
        "needs an assumption on dependence that arms with one control are not known to meet",
    ),
    (
        "p_adjust_fdr_by",
        "secondaries use Benjamini and Hochberg's procedure, labelled exploratory",
    ),
    ("tt_cuped_mean", NOT_YET),
    ("gb_cuped_absolute", NOT_YET),
    ("cuped_relative_delta", NOT_YET),
    ("gb_sequential_proportion_absolute", NOT_YET),
    ("gb_sequential_cuped_absolute", NOT_YET),
    ("asympcs_halfwidth", NOT_YET),
    ("asympcs_log_e", NOT_YET),
    ("gst_obf_spending", NOT_YET),
    ("srm_chi2", NOT_YET),
    ("srm_sequential_dirichlet", NOT_YET),
    ("srm_sequential_dirichlet_raw", NOT_YET),
    ("power_normal_n", NOT_YET),
    ("power_normal_power", NOT_YET),
    ("mde_fixed", NOT_YET),
    ("mde_sequential", NOT_YET),
    ("p_adjust_holm", NOT_YET),
    ("p_adjust_fdr_bh", NOT_YET),
    ("e_bh", NOT_YET),
    ("off_policy", NOT_YET),
];

fn field(value: &Value, key: &str) -> f64 {
    number(&value[key]).expect(key)
}

fn values(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn units(value: &Value) -> u64 {
    value["n"].as_u64().unwrap()
}

/// An arm from the sums of a case: outcome `y` with covariate `x`.
fn sums_arm(value: &Value) -> ArmMoments {
    let covariate = CompanionSums {
        sum: field(value, "x_sum"),
        sum_squares: field(value, "x_sumsq"),
        cross_sum: field(value, "yx"),
    };
    ArmMoments::from_sums(&Sums {
        n: units(value),
        sum: field(value, "y_sum"),
        sum_squares: field(value, "y_sumsq"),
        covariate: Some(covariate),
        ..Sums::default()
    })
    .unwrap()
}

/// An arm from the sums of a case: numerator `m` over denominator `d`.
fn ratio_arm(value: &Value) -> ArmMoments {
    let denominator = CompanionSums {
        sum: field(value, "d_sum"),
        sum_squares: field(value, "d_sumsq"),
        cross_sum: field(value, "md"),
    };
    ArmMoments::from_sums(&Sums {
        n: units(value),
        sum: field(value, "m_sum"),
        sum_squares: field(value, "m_sumsq"),
        denominator: Some(denominator),
        ..Sums::default()
    })
    .unwrap()
}

/// An arm pushed unit by unit from the raw arrays that several cases share.
fn raw_arm(
    case: &Case<'_>,
    arm: &str,
    outcome: &str,
    covariate: Option<&str>,
    denominator: Option<&str>,
) -> ArmMoments {
    let raw = case.root["cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["id"] == "raw_moments")
        .unwrap();
    let columns = &raw["inputs"][arm];
    let column = |name: Option<&str>| name.map(|name| values(&columns[name]));
    let (covariate, denominator) = (column(covariate), column(denominator));
    let mut moments = ArmMoments::EMPTY;
    for (row, &value) in values(&columns[outcome]).iter().enumerate() {
        let at = |column: &Option<Vec<f64>>| column.as_ref().map(|column| column[row]);
        moments
            .push_unit(value, at(&covariate), at(&denominator))
            .unwrap();
    }
    moments
}

fn normal_quantile(case: &Case<'_>) {
    case.check("z", special::normal_quantile(case.number("p")));
}

fn normal_tail(case: &Case<'_>) {
    case.check("p", special::normal_tail(case.number("z")));
}

fn student_critical(case: &Case<'_>) {
    case.check(
        "t",
        special::student_critical(1.0 - case.number("p"), case.number("df")),
    );
}

fn student_two_sided(case: &Case<'_>) {
    case.check(
        "p",
        special::student_two_sided(case.number("t"), case.number("df")),
    );
}

fn chi_square(case: &Case<'_>) {
    case.check("p", special::chi_square_tail(case.number("x"), case.number("df")));
}

fn proportions(case: &Case<'_>) -> Contrast {
    let arm = |n, x| {
        proportion(
            ArmMoments::proportion(case.count(n), case.count(x))
                .unwrap()
                .outcome(),
        )
    };
    Contrast::of(&arm("n_a", "x_a"), &arm("n_b", "x_b"))
}

fn means(case: &Case<'_>) -> Contrast {
    let arm = |key: &str| {
        let sums = &case.inputs[key];
        mean(&Moments::from_sums(units(sums), field(sums, "sum"), field(sums, "sum_squares")).unwrap())
    };
    Contrast::of(&arm("a"), &arm("b"))
}

fn ratios(control: &Value, treatment: &Value) -> Contrast {
    Contrast::of(
        &ratio(&ratio_arm(control)).unwrap(),
        &ratio(&ratio_arm(treatment)).unwrap(),
    )
}

fn absolute(case: &Case<'_>, contrast: &Contrast) {
    let estimate = contrast.difference();
    let interval = Bounds::normal(*contrast, contrast.critical(case.number("alpha"))).against(1.0);
    case.check("estimate", estimate.value);
    case.check("lo", interval.low);
    case.check("hi", interval.high);
    case.check("p", contrast.p());
    case.check("se", estimate.standard_error());
}

fn one_sided(case: &Case<'_>) {
    let contrast = means(case);
    let critical = contrast.critical(2.0 * case.number("alpha"));
    case.check("lo", contrast.difference().interval(critical).low);
    case.check("p", special::student_tail(contrast.difference().z(), contrast.df));
}

fn welch(case: &Case<'_>) {
    let contrast = means(case);
    case.check("t", contrast.difference().z());
    case.check("p", contrast.p());
    case.check("df", contrast.df);
}

fn welch_from_moments(case: &Case<'_>) {
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

fn wilson_ci(case: &Case<'_>) {
    let (n, x) = (case.number("n"), case.number("x"));
    let interval = wilson(x / n, n, -special::normal_quantile(0.5 * case.number("alpha")));
    case.check("lo", interval.low);
    case.check("hi", interval.high);
}

fn newcombe(case: &Case<'_>) {
    let critical = -special::normal_quantile(0.5 * case.number("alpha"));
    let bounds = Bounds::newcombe(proportions(case), critical, case.count("n_a"), case.count("n_b"));
    case.check("lo", bounds.against(1.0).low);
    case.check("hi", bounds.against(1.0).high);
}

fn wald(case: &Case<'_>) {
    let critical = -special::normal_quantile(0.5 * case.number("alpha"));
    let interval = proportions(case).difference().interval(critical);
    case.check("lo", interval.low);
    case.check("hi", interval.high);
}

fn fieller(case: &Case<'_>) {
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

fn tea_tasting(case: &Case<'_>, outcome: &str, denominator: Option<&str>) {
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

fn sufficient_stats(case: &Case<'_>) {
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
