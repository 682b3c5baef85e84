//! The covariate and the two sequential designs.

use attune_lift::continuous::{ConfidenceSequence, p_of_log_e};
use attune_lift::contrast::Contrast;
use attune_lift::cuped::{Adjusted, Denominator, adjusted};
use attune_lift::planned::critical_values;
use attune_lift::{ArmMoments, special};

use super::arms::{proportions, raw_arm, sums_arm, values};
use crate::case::Case;

fn adjusted_arms(control: &ArmMoments, treatment: &ArmMoments) -> Adjusted {
    adjusted(Denominator::UnitsLessOne, control, treatment).unwrap()
}

fn adjusted_sums(case: &Case<'_>) -> Adjusted {
    adjusted_arms(&sums_arm(&case.inputs["a"]), &sums_arm(&case.inputs["b"]))
}

pub(crate) fn cuped(case: &Case<'_>) {
    let Adjusted { contrast, theta, .. } = adjusted_sums(case);
    let interval = contrast
        .difference()
        .interval(contrast.critical(case.number("alpha")));
    case.check("estimate", contrast.difference().value);
    case.check("lo", interval.low);
    case.check("hi", interval.high);
    case.check("p", contrast.p());
    case.check("se", contrast.difference().standard_error());
    case.check("theta", theta);
}

pub(crate) fn tea_tasting_cuped(case: &Case<'_>) {
    let arm = |arm| raw_arm(case, arm, "y", Some("x"), None);
    let contrast = adjusted_arms(&arm("a"), &arm("b")).contrast;
    let interval = contrast
        .difference()
        .interval(contrast.critical(case.number("alpha")));
    case.check("diff", contrast.difference().value);
    case.check("diff_lo", interval.low);
    case.check("diff_hi", interval.high);
    case.check("p", contrast.p());
}

/// The gradient of the relative form: `T` at the estimated ratio, over the control.
pub(crate) fn cuped_relative(case: &Case<'_>) {
    let Adjusted { contrast, theta, .. } = adjusted_sums(case);
    let relative = contrast.top / contrast.base - 1.0;
    let se = contrast.against(1.0 + relative).standard_error() / contrast.base;
    let critical = -special::normal_quantile(0.5 * case.number("alpha"));
    case.check("theta", theta);
    case.check("relative", relative);
    case.check("se", se);
    case.check("lo", relative - critical * se);
    case.check("hi", relative + critical * se);
}

pub(crate) fn sequence_of_proportions(case: &Case<'_>) {
    let n = case.number("n_a") + case.number("n_b");
    sequence(case, &proportions(case), n);
}

pub(crate) fn sequence_of_cuped(case: &Case<'_>) {
    let n = |arm: &str| case.inputs[arm]["n"].as_f64().unwrap();
    sequence(case, &adjusted_sums(case).contrast, n("a") + n("b"));
}

fn sequence(case: &Case<'_>, contrast: &Contrast, n: f64) {
    let sequence = ConfidenceSequence::tuned_to(case.number("alpha"), case.number("tuning"));
    let interval = contrast.difference().interval(sequence.critical(n));
    case.check("estimate", contrast.difference().value);
    case.check("lo", interval.low);
    case.check("hi", interval.high);
    case.check("p", p_of_log_e(sequence.log_e(contrast.difference().z(), n)));
    case.check("rho", sequence.rho_squared().sqrt());
}

pub(crate) fn halfwidth(case: &Case<'_>) {
    let sequence = ConfidenceSequence::tuned_to(case.number("alpha"), case.number("tuning"));
    case.check(
        "halfwidth",
        sequence.critical(case.number("n")) * case.number("se"),
    );
    case.check("rho2", sequence.rho_squared());
}

pub(crate) fn log_e(case: &Case<'_>) {
    let sequence = ConfidenceSequence::tuned_to(case.number("alpha_tune"), case.number("tuning"));
    let log_e = sequence.log_e(case.number("z"), case.number("n"));
    case.check("log_e", log_e);
    case.check("p", p_of_log_e(log_e));
}

pub(crate) fn obrien_fleming(case: &Case<'_>) {
    assert_eq!(case.count("sides"), 2);
    let critical = critical_values(case.number("alpha"), &values(&case.inputs["t"]));
    case.check_all("z", &critical);
}

/// Howard and Ramdas' boundary of a sum in intrinsic time is ours of a mean in units.
pub(crate) fn mixture_bound(case: &Case<'_>) {
    assert_eq!(case.inputs["alpha"], case.inputs["alpha_opt"]);
    let sequence = ConfidenceSequence::tuned_to(case.number("alpha"), case.number("v_opt"));
    let time = case.number("v");
    case.check("bound", sequence.critical(time) * time.sqrt());
}

pub(crate) fn log_mixture(case: &Case<'_>) {
    let sequence = ConfidenceSequence::tuned_to(case.number("alpha_opt"), case.number("v_opt"));
    let time = case.number("v");
    case.check("log_e", sequence.log_e(case.number("s") / time.sqrt(), time));
}

/// The mixture sequential probability ratio of Johari et al. is the e-value of a mixture that is tuned by `tau^2`.
pub(crate) fn likelihood_ratio(case: &Case<'_>) {
    let variance = case.number("v");
    let sequence = ConfidenceSequence::of_mixture(0.05, case.number("tau2") / variance);
    let n = case.number("n");
    let log_e = sequence.log_e(case.number("delta") / (variance / n).sqrt(), n);
    case.check("lambda", log_e.exp());
    case.check("p", p_of_log_e(log_e));
}
