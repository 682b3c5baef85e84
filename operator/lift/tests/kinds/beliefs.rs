//! Bayesian figures, which decide nothing.

use attune_lift::Direction;
use attune_lift::bayes::{BetaArm, Prior, belief_in_lift, chances_to_be_best};

use super::arms::{field, proportions, values};
use crate::case::Case;

pub(crate) fn belief(case: &Case<'_>) {
    let given = &case.inputs["prior"];
    let prior = if given.is_null() {
        Prior::Flat
    } else {
        Prior::Normal {
            mean: field(given, "mean"),
            variance: field(given, "variance"),
        }
    };
    let alpha = case.number("alpha");
    let belief = belief_in_lift(&proportions(case), Direction::Increase, prior, alpha).unwrap();
    case.check("chance_to_win", belief.chance_to_win);
    case.check("estimate", belief.estimate);
    case.check("lo", belief.interval.low);
    case.check("hi", belief.interval.high);
    case.check("risk_control", belief.risk_control);
    case.check("risk_treatment", belief.risk_treatment);
}

pub(crate) fn best(case: &Case<'_>) {
    let arms: Vec<BetaArm> = case.inputs["alpha_beta"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arm| match values(arm)[..] {
            [alpha, beta] => BetaArm::new(alpha, beta).unwrap(),
            _ => panic!("{}: an arm has two parameters", case.id),
        })
        .collect();
    case.check_all("p_best", &chances_to_be_best(&arms));
}
