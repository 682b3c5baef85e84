//! The incomplete gamma function and the chi-square tail.

/// Enough terms for every shape up to about a million; the loops end earlier once a term no longer counts.
const MOST_TERMS: u32 = 10_000;
const NO_LONGER_COUNTS: f64 = 1e-17;

/// `P(X > x)` for a chi-square variable with `df` degrees of freedom.
pub fn chi_square_tail(x: f64, df: f64) -> f64 {
    upper_gamma(0.5 * df, 0.5 * x)
}

/// The regularized upper incomplete gamma function `Q(a, x)`.
///
/// The series of `P` below the mean, Lentz's continued fraction above it, so that a small tail is never a difference.
pub fn upper_gamma(a: f64, x: f64) -> f64 {
    if a.is_nan() || x.is_nan() || a <= 0.0 {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        1.0 - front * lower_series(a, x)
    } else {
        front * upper_fraction(a, x)
    }
}

fn lower_series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    let mut shape = a;
    for _ in 0..MOST_TERMS {
        shape += 1.0;
        term *= x / shape;
        sum += term;
        if term < sum * NO_LONGER_COUNTS {
            break;
        }
    }
    sum
}

fn upper_fraction(a: f64, x: f64) -> f64 {
    let mut term = x + 1.0 - a;
    let mut upper = f64::INFINITY;
    let mut lower = 1.0 / term;
    let mut value = lower;
    for i in 1..MOST_TERMS {
        let step = f64::from(i);
        let numerator = -step * (step - a);
        term += 2.0;
        lower = 1.0 / nonzero(numerator * lower + term);
        upper = nonzero(term + numerator / upper);
        let factor = upper * lower;
        value *= factor;
        if (factor - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// Lentz's guard: a denominator of exactly zero is replaced by the smallest that keeps the recursion alive.
pub(super) fn nonzero(x: f64) -> f64 {
    if x.abs() < f64::MIN_POSITIVE {
        f64::MIN_POSITIVE
    } else {
        x
    }
}
