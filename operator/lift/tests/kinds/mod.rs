//! Which kinds of reference cases are checked, and how; which are left out, and why.

mod arms;
mod beliefs;
mod fixed;
mod sequential;
mod several;

use arms::{means, proportions, ratios};
use beliefs::*;
use fixed::*;
use sequential::*;
use several::*;

use crate::case::Case;

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

/// tea-tasting centres both arms on the pooled covariate; our percentage is of the control as it was.
const CENTRED: &[&str] = &["control", "treatment", "rel", "rel_lo", "rel_hi"];

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
    all("gb_cuped_absolute", cuped),
    all("cuped_relative_delta", cuped_relative),
    without("tt_cuped_mean", tea_tasting_cuped, CENTRED),
    all("gb_sequential_proportion_absolute", sequence_of_proportions),
    all("gb_sequential_cuped_absolute", sequence_of_cuped),
    all("asympcs_halfwidth", halfwidth),
    all("asympcs_log_e", log_e),
    all("gst_obf_spending", obrien_fleming),
    all("srm_chi2", chi_square_split),
    all("srm_sequential_dirichlet", dirichlet),
    all("srm_sequential_dirichlet_raw", dirichlet_raw),
    all("p_adjust_holm", holm_adjusted),
    all("p_adjust_fdr_bh", benjamini_hochberg_adjusted),
    all("e_bh", e_values),
    all("mde_fixed", detectable_fixed),
    all("mde_sequential", detectable_continuous),
    all("off_policy", off_policy),
    all("cs_normal_mixture_two_sided", mixture_bound),
    all("cs_normal_log_mixture_two_sided", log_mixture),
    all("msprt_normal", likelihood_ratio),
    all("power_normal_power", power_of_both_sides),
    all("power_normal_n", units_for_both_sides),
    all("gb_bayes_relative", belief),
    all("beta_prob_best", best),
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
    ("cs_poly_stitching", OTHER_SEQUENCE),
    ("cs_gamma_exponential", OTHER_SEQUENCE),
    ("cs_bernoulli", OTHER_SEQUENCE),
    (
        "gst_power_spending",
        "the planned design spends as O'Brien and Fleming do, not by a power of time",
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
];
