//! Student's t distribution with real degrees of freedom.

use core::f64::consts::PI;

use super::beta::incomplete_beta;
use super::normal::{normal_quantile, normal_tail};

/// From here on Hill's normalizing transformation is closer than the continued fraction is fast.
const LARGE_DF: f64 = 500.0;
const MOST_NEWTON_STEPS: u32 = 8;

/// `P(T > t)` with `df` degrees of freedom; infinite `df` is the normal distribution.
///
/// The incomplete beta function below 500 degrees of freedom, Hill 1970 (CACM 395) from there.
pub fn student_tail(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if t < 0.0 {
        return 1.0 - student_tail(-t, df);
    }
    if df.is_infinite() {
        return normal_tail(t);
    }
    if t.is_infinite() {
        return 0.0;
    }
    if df >= LARGE_DF {
        return normal_tail(hill(t, df));
    }
    // Divided through by t^2 so that a huge t does not overflow.
    let x = if t > 1.0 {
        (df / t / t) / (1.0 + df / t / t)
    } else {
        df / (df + t * t)
    };
    let complement = if t > 1.0 {
        1.0 / (1.0 + df / t / t)
    } else {
        t * t / (df + t * t)
    };
    0.5 * incomplete_beta(0.5 * df, 0.5, x, complement)
}

/// `P(|T| > |t|)`.
pub fn student_two_sided(t: f64, df: f64) -> f64 {
    2.0 * student_tail(t.abs(), df)
}

/// The `t >= 0` with `P(T > t) = q`, for an upper tail `q` of at most one half.
///
/// At most eight Newton steps on the logarithm of the tail, kept inside a bracket. Given the tail, not the level, so that
/// no digit is lost to `1 - q`.
pub fn student_critical(q: f64, df: f64) -> f64 {
    if q.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if q >= 0.5 {
        return 0.0;
    }
    if q <= 0.0 {
        return f64::INFINITY;
    }
    let z = -normal_quantile(q);
    if df.is_infinite() {
        return z;
    }
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut t = starting_point(q, z, df);
    for _ in 0..MOST_NEWTON_STEPS {
        let tail = student_tail(t, df);
        if tail > q {
            low = t;
        } else {
            high = t;
        }
        let step = newton_step(t, tail, q, df);
        // Before the bracket is asked: a step too small to matter may round onto its edge.
        if (step - t).abs() <= 1e-15 * t {
            break;
        }
        t = inside(low, high, step);
    }
    t
}

/// One Newton step for `log tail(t) = log q` in `log t` far out, where that is nearly a line, and in `t` near the centre.
fn newton_step(t: f64, tail: f64, q: f64, df: f64) -> f64 {
    let density = density(t, df);
    if tail > 0.2 {
        return t + (tail - q) / density;
    }
    t * libm::exp(libm::log(tail / q) * tail / (t * density))
}

/// A step that left the bracket is replaced by its middle.
fn inside(low: f64, high: f64, step: f64) -> f64 {
    if step > low && step < high {
        step
    } else if high.is_finite() {
        0.5 * (low + high)
    } else {
        2.0 * low.max(1.0)
    }
}

/// Cornish and Fisher's expansion where it holds, the power law of the tail where it does not.
fn starting_point(q: f64, z: f64, df: f64) -> f64 {
    let z2 = z * z;
    if df >= 3.0 && z2 < 4.0 * df {
        let first = (z2 + 1.0) / (4.0 * df);
        let second = (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / (96.0 * df * df);
        return z * (1.0 + first + second);
    }
    // P(T > t) -> density(1) scale * df^((df+1)/2) t^-df / df for large t.
    let log_scale = log_density_scale(df) + 0.5 * (df + 1.0) * libm::log(df);
    let far = libm::exp((log_scale - libm::log(df * q)) / df);
    far.max(z)
}

fn log_density_scale(df: f64) -> f64 {
    libm::lgamma(0.5 * (df + 1.0)) - libm::lgamma(0.5 * df) - 0.5 * libm::log(df * PI)
}

fn density(t: f64, df: f64) -> f64 {
    if df >= LARGE_DF {
        // The gamma functions cancel badly here; Stirling's series of their quotient does not.
        let scale = 1.0 - 1.0 / (4.0 * df) + 1.0 / (32.0 * df * df);
        return scale / libm::sqrt(2.0 * PI) * libm::exp(-0.5 * (df + 1.0) * libm::log1p(t * t / df));
    }
    libm::exp(log_density_scale(df) - 0.5 * (df + 1.0) * libm::log1p(t * t / df))
}

/// Hill's transformation of `t` to a normal deviate.
fn hill(t: f64, df: f64) -> f64 {
    let a = df - 0.5;
    let b = 48.0 * a * a;
    let y = a * libm::log1p(t / df * t);
    let correction =
        ((((-0.4 * y - 3.3) * y - 24.0) * y - 85.5) / (0.8 * y * y + 100.0 + b) + y + 3.0) / b + 1.0;
    correction * libm::sqrt(y)
}
