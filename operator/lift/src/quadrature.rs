//! Integrals by Gauss and Legendre's rule on panels.

/// Gauss and Legendre's 16-point rule: the positive half of its nodes, with weights.
const GAUSS_LEGENDRE: [(f64, f64); 8] = [
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.458_016_777_657_227_4, 0.169_156_519_395_002_54),
    (0.617_876_244_402_643_7, 0.149_595_988_816_576_73),
    (0.755_404_408_355_003, 0.124_628_971_255_533_87),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_78),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_89),
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_095),
];

/// Nodes and weights on `[0, end]`, in a whole number of panels.
pub(crate) fn nodes(end: f64, panels: f64) -> impl Iterator<Item = (f64, f64)> {
    let half = 0.5 * end / panels;
    (0_u32..)
        .map(f64::from)
        .take_while(move |panel| *panel < panels)
        .flat_map(move |panel| {
            let centre = (2.0 * panel + 1.0) * half;
            let below = GAUSS_LEGENDRE
                .iter()
                .rev()
                .map(move |(node, weight)| (centre - half * node, half * weight));
            let above = GAUSS_LEGENDRE
                .iter()
                .map(move |(node, weight)| (centre + half * node, half * weight));
            below.chain(above)
        })
}

/// The integral of a function from `low` to `high`.
pub(crate) fn integral(low: f64, high: f64, panels: f64, function: impl Fn(f64) -> f64) -> f64 {
    nodes(high - low, panels)
        .map(|(x, weight)| weight * function(low + x))
        .sum()
}

#[cfg(test)]
mod tests;
