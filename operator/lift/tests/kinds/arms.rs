//! Arms from the inputs of a case.

use attune_lift::contrast::Contrast;
use attune_lift::difference::{mean, proportion};
use attune_lift::ratio::ratio;
use attune_lift::{ArmMoments, CompanionSums, Moments, Sums};
use serde_json::Value;

use crate::case::{Case, number};

pub(crate) fn field(value: &Value, key: &str) -> f64 {
    number(&value[key]).expect(key)
}

pub(crate) fn values(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

pub(crate) fn units(value: &Value) -> u64 {
    value["n"].as_u64().unwrap()
}

/// An arm from the sums of a case: outcome `y` with covariate `x`.
pub(crate) fn sums_arm(value: &Value) -> ArmMoments {
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
pub(crate) fn ratio_arm(value: &Value) -> ArmMoments {
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
pub(crate) fn raw_arm(
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

pub(crate) fn proportions(case: &Case<'_>) -> Contrast {
    let arm = |n, x| {
        proportion(
            ArmMoments::proportion(case.count(n), case.count(x))
                .unwrap()
                .outcome(),
        )
    };
    Contrast::of(&arm("n_a", "x_a"), &arm("n_b", "x_b"))
}

pub(crate) fn means(case: &Case<'_>) -> Contrast {
    let arm = |key: &str| {
        let sums = &case.inputs[key];
        mean(&Moments::from_sums(units(sums), field(sums, "sum"), field(sums, "sum_squares")).unwrap())
    };
    Contrast::of(&arm("a"), &arm("b"))
}

pub(crate) fn ratios(control: &Value, treatment: &Value) -> Contrast {
    Contrast::of(
        &ratio(&ratio_arm(control)).unwrap(),
        &ratio(&ratio_arm(treatment)).unwrap(),
    )
}
