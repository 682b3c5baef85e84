//! Sample ratio, multiplicity and planning.

use attune_lift::Method;
use attune_lift::multiplicity::{benjamini_hochberg, e_benjamini_hochberg, holm};
use attune_lift::off_policy::OffPolicy;
use attune_lift::planner::{Plan, fixed_power};
use attune_lift::sample_ratio::Split;
use serde_json::Value;

use super::arms::values;
use crate::case::Case;

fn split(case: &Case<'_>) -> Split {
    let weights = values(&case.inputs["weights"]);
    match case.inputs["concentration"].as_f64() {
        Some(concentration) => Split::with_concentration(&weights, concentration).unwrap(),
        None => Split::new(&weights).unwrap(),
    }
}

/// Counts of every arm after each batch.
fn running_counts(case: &Case<'_>) -> Vec<Vec<u64>> {
    let mut total: Vec<u64> = Vec::new();
    let batch = |batch: &Value| -> Vec<u64> {
        batch
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap())
            .collect()
    };
    let add = |batch: Vec<u64>| {
        total.resize(batch.len(), 0);
        total.iter_mut().zip(batch).for_each(|(total, new)| *total += new);
        total.clone()
    };
    case.inputs["batches"]
        .as_array()
        .unwrap()
        .iter()
        .map(batch)
        .map(add)
        .collect()
}

pub(crate) fn chi_square_split(case: &Case<'_>) {
    let counts: Vec<u64> = case.inputs["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count.as_u64().unwrap())
        .collect();
    let (chi2, p) = split(case).chi_square(&counts).unwrap();
    case.check("chi2", chi2);
    case.check("p", p);
}

pub(crate) fn dirichlet(case: &Case<'_>) {
    let looks = running_counts(case);
    let p: Vec<f64> = (1..=looks.len())
        .map(|seen| split(case).check(&looks[..seen]).unwrap().p)
        .collect();
    case.check_all("p_running_min", &p);
}

pub(crate) fn dirichlet_raw(case: &Case<'_>) {
    let odds: Vec<f64> = running_counts(case)
        .iter()
        .map(|counts| (-split(case).log_e(counts).unwrap()).exp())
        .collect();
    case.check_all("inv_odds", &odds);
}

pub(crate) fn holm_adjusted(case: &Case<'_>) {
    adjusted(case, &holm(&values(&case.inputs["p"])));
}

pub(crate) fn benjamini_hochberg_adjusted(case: &Case<'_>) {
    adjusted(case, &benjamini_hochberg(&values(&case.inputs["p"])));
}

fn adjusted(case: &Case<'_>, p: &[f64]) {
    let alpha = case.number("alpha");
    case.check_all("p_adj", p);
    case.check_flags("reject", &p.iter().map(|p| *p <= alpha).collect::<Vec<_>>());
}

pub(crate) fn e_values(case: &Case<'_>) {
    case.check_flags(
        "reject",
        &e_benjamini_hochberg(&values(&case.inputs["e"]), case.number("alpha")),
    );
}

pub(crate) fn detectable_fixed(case: &Case<'_>) {
    case.check(
        "mde_abs",
        plan(case, Method::Fixed).detectable(units(case)).unwrap(),
    );
}

pub(crate) fn detectable_continuous(case: &Case<'_>) {
    assert_eq!(
        case.count("tuning"),
        units(case),
        "a plan is tuned to its own end"
    );
    case.check(
        "mde_abs",
        plan(case, Method::Continuous).detectable(units(case)).unwrap(),
    );
}

fn plan(case: &Case<'_>, method: Method) -> Plan {
    Plan {
        alpha: case.number("alpha"),
        power: case.number("power"),
        control_share: case.number("n_a") / (case.number("n_a") + case.number("n_b")),
        ..Plan::for_means(method, case.number("var_a"), case.number("var_b"))
    }
}

fn units(case: &Case<'_>) -> u64 {
    case.count("n_a") + case.count("n_b")
}

pub(crate) fn off_policy(case: &Case<'_>) {
    let mut log = OffPolicy::default();
    for decision in case.inputs["log"].as_array().unwrap() {
        let number = |key: &str| decision[key].as_f64().unwrap();
        log.push(number("reward"), number("p_logged"), number("p_target"))
            .unwrap();
    }
    case.check("ips", log.plain().unwrap());
    case.check("snips", log.unguarded().unwrap().value);
    case.check("ess", log.effective_units());
}

/// Their power counts a significant result in the wrong direction; ours does not, so both sides are added up here.
fn both_sides(case: &Case<'_>, n: f64) -> f64 {
    let drift = case.number("effect") * (n / 2.0).sqrt();
    let alpha = case.number("alpha");
    fixed_power(alpha, drift) + fixed_power(alpha, -drift)
}

pub(crate) fn power_of_both_sides(case: &Case<'_>) {
    case.check("power", both_sides(case, case.number("n1")));
}

pub(crate) fn units_for_both_sides(case: &Case<'_>) {
    let (mut low, mut high) = (2.0, 1e9);
    for _ in 0..100 {
        let middle: f64 = 0.5 * (low + high);
        if both_sides(case, middle) < case.number("power") {
            low = middle;
        } else {
            high = middle;
        }
    }
    case.check("n1", high);
}
