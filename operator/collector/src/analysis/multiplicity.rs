//! More than one comparison: Holm over the arms of the primary metric, Benjamini and Hochberg over what is explored.

use attune_lift::Verdict;
use attune_lift::multiplicity::{benjamini_hochberg, e_benjamini_hochberg, holm};

use super::answer::{Finding, MetricResult, ResultReason};
use super::compare::Pair;

/// The primary metric of every arm, at the levels that Holm's procedure ends with.
///
/// Of `m` arms the one with the smallest p-value is judged at `alpha / m`, the next at `alpha / (m - 1)` if that one was
/// shown, and so on; those that are left when one is not shown stay at its level. So every interval excludes zero where
/// its arm is shown, and only there.
pub(super) fn primary(pairs: &[Pair<'_>]) -> Vec<MetricResult> {
    if let [only] = pairs {
        return vec![only.analysed(only.comparison.alpha()).result];
    }
    let p: Vec<f64> = pairs
        .iter()
        .map(|pair| pair.analysed(pair.comparison.alpha()).p)
        .collect();
    let adjusted = holm(&p);
    pairs
        .iter()
        .zip(p.iter().zip(&adjusted))
        .map(|(pair, (own, adjusted_p))| {
            let alpha = pair.comparison.alpha();
            // Those that are shown and come before this one.
            let before = adjusted
                .iter()
                .zip(&p)
                .filter(|(other, other_p)| **other <= alpha && *other_p < own)
                .count();
            let mut result = pair.analysed(alpha / (pairs.len() - before) as f64).result;
            result.adjusted_p = result.absolute.map(|_| *adjusted_p);
            if *adjusted_p > alpha {
                withdraw(&mut result);
            }
            result
        })
        .collect()
}

/// Takes back the claims of secondary metrics that so many comparisons bring by chance.
///
/// With e-values (Wang and Ramdas) where the design is continuous, under any dependence; with p-values otherwise.
pub(super) fn secondary(results: &mut [MetricResult], alpha: f64) {
    let mut explored: Vec<&mut MetricResult> =
        results.iter_mut().filter(|result| result.exploratory).collect();
    if explored.len() < 2 {
        return;
    }
    let figures = |result: &&mut MetricResult| result.absolute;
    let shown: Vec<bool> = if explored
        .iter()
        .filter_map(figures)
        .any(|figures| figures.e.is_some())
    {
        let e: Vec<f64> = explored
            .iter()
            .map(|result| figures(result).and_then(|figures| figures.e).unwrap_or(0.0))
            .collect();
        e_benjamini_hochberg(&e, alpha)
    } else {
        let p: Vec<f64> = explored
            .iter()
            .map(|result| figures(result).map_or(1.0, |figures| figures.p))
            .collect();
        let adjusted = benjamini_hochberg(&p);
        for (result, adjusted) in explored.iter_mut().zip(&adjusted) {
            result.adjusted_p = result.absolute.map(|_| *adjusted);
        }
        adjusted.iter().map(|adjusted| *adjusted <= alpha).collect()
    };
    for (result, shown) in explored.iter_mut().zip(shown) {
        if !shown {
            withdraw(result);
        }
    }
}

/// A claim about zero that does not stand beside the other comparisons.
fn withdraw(result: &mut MetricResult) {
    if matches!(
        result.finding,
        Finding::Verdict(Verdict::Harm | Verdict::Lift | Verdict::WorthwhileLift)
    ) {
        result.finding = Finding::Verdict(result.undecided);
        result.inflated = false;
        result.explain(ResultReason::ManyComparisons);
    }
}
