//! More than one comparison: Holm over arms, Benjamini and Hochberg over secondary metrics, e-BH when these are monitored.
//!
//! Ignoring it, ten arms without an effect give a "winner" in four experiments of ten.

use alloc::vec;
use alloc::vec::Vec;

/// Holm's adjusted p-values (Scandinavian Journal of Statistics 6, 1979), in the order given.
///
/// The chance of any false claim stays below the level that they are compared with. A p-value that is not a number counts
/// as 1.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let count = p.len();
    let mut adjusted = vec![1.0; count];
    let mut running = 0.0_f64;
    for (rank, (index, p)) in ascending(p).into_iter().enumerate() {
        running = running.max((count - rank) as f64 * p).min(1.0);
        if let Some(slot) = adjusted.get_mut(index) {
            *slot = running;
        }
    }
    adjusted
}

/// Benjamini and Hochberg's adjusted p-values (JRSS-B 57, 1995), in the order given.
///
/// The expected share of false claims among all claims stays below the level. For exploration, not for decisions. A p-value
/// that is not a number counts as 1.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let count = p.len();
    let mut adjusted = vec![1.0; count];
    let mut running = 1.0_f64;
    for (rank, (index, p)) in ascending(p).into_iter().enumerate().rev() {
        running = running.min(p * (count as f64 / (rank + 1) as f64));
        if let Some(slot) = adjusted.get_mut(index) {
            *slot = running;
        }
    }
    adjusted
}

/// Which hypotheses e-BH rejects at `alpha` (Wang and Ramdas, JRSS-B 84, 2022), in the order given.
///
/// For e-values of metrics that are looked at continuously, under any dependence. One that is not a number counts as 0.
pub fn e_benjamini_hochberg(e: &[f64], alpha: f64) -> Vec<bool> {
    let count = e.len() as f64;
    let mut ranked: Vec<f64> = e.iter().map(|e| if e.is_nan() { 0.0 } else { *e }).collect();
    ranked.sort_by(|left, right| right.total_cmp(left));
    // k* is the largest rank that passes; whatever is as large as the k*-th is rejected.
    let passes = |(e, rank): &(&f64, u32)| **e >= count / (alpha * f64::from(*rank));
    let Some((threshold, _)) = ranked.iter().zip(1_u32..).filter(passes).last() else {
        return vec![false; e.len()];
    };
    e.iter().map(|e| e >= threshold).collect()
}

/// Positions and p-values, smallest first; equal ones keep their order.
fn ascending(p: &[f64]) -> Vec<(usize, f64)> {
    let mut ranked: Vec<(usize, f64)> = p
        .iter()
        .map(|p| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) })
        .enumerate()
        .collect();
    ranked.sort_by(|left, right| left.1.total_cmp(&right.1));
    ranked
}

#[cfg(test)]
mod tests;
