#![expect(clippy::float_cmp, reason = "these figures are exact")]

use super::normal::wichura;
use super::*;

fn close(got: f64, want: f64, relative: f64) {
    assert!(
        (got - want).abs() <= relative * want.abs(),
        "got {got:e}, want {want:e}"
    );
}

#[test]
fn quantile_inverts_the_normal_distribution_to_the_last_digits() {
    for exponent in 1..300 {
        let p = libm::pow(10.0, -f64::from(exponent));
        close(normal_cdf(normal_quantile(p)), p, 1e-12);
    }
    for step in 1..1000 {
        let p = f64::from(step) / 1000.0;
        close(normal_cdf(normal_quantile(p)), p, 4e-15);
    }
}

#[test]
fn published_coefficients_are_right_without_the_newton_step() {
    for p in [
        1e-300, 1e-100, 1e-20, 1e-8, 0.01, 0.07, 0.08, 0.3, 0.5, 0.7, 0.93, 0.99,
    ] {
        let newton = normal_quantile(p);
        assert!(
            (wichura(p) - newton).abs() <= 2e-15 * (1.0 + newton.abs()),
            "at {p}"
        );
    }
}

#[test]
fn limits_are_limits_and_not_errors() {
    assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
    assert_eq!(normal_quantile(1.0), f64::INFINITY);
    assert_eq!(student_tail(f64::INFINITY, 3.0), 0.0);
    assert_eq!(student_critical(0.5, 3.0), 0.0);
    assert_eq!(student_critical(0.0, 3.0), f64::INFINITY);
    assert_eq!(chi_square_tail(0.0, 1.0), 1.0);
    assert_eq!(chi_square_tail(f64::INFINITY, 1.0), 0.0);
    assert!(normal_quantile(f64::NAN).is_nan());
    assert!(student_critical(f64::NAN, 3.0).is_nan());
}

#[test]
fn student_tail_has_its_closed_forms() {
    for t in [1e-6, 0.1, 1.0, 5.0, 1e3, 1e8, 1e150] {
        // One degree of freedom is Cauchy: atan(1/t)/pi; two: (1 - t/sqrt(2+t^2))/2.
        close(
            student_tail(t, 1.0),
            libm::atan(1.0 / t) / core::f64::consts::PI,
            1e-13,
        );
        let two = 1.0 / ((2.0 + t * t) * (1.0 + t / libm::sqrt(2.0 + t * t)));
        if t < 1e100 {
            close(student_tail(t, 2.0), two, 1e-13);
        }
    }
}

#[test]
fn both_student_tails_meet_where_they_change() {
    // Just below 500 the beta function, at 500 Hill; the derivative in df is of the order t^4/df^2.
    for t in [0.01, 0.5, 1.0, 1.96, 3.0, 5.0, 8.0] {
        let below = student_tail(t, 500.0 - 1e-9);
        let at = student_tail(t, 500.0);
        close(at, below, 2e-10);
    }
}

#[test]
fn critical_value_inverts_the_tail_at_every_size() {
    for df in [
        0.5, 1.0, 1.7, 2.0, 3.0, 5.5, 20.0, 98.3, 499.9, 500.0, 1998.0, 1e6, 1e8, 1e15,
    ] {
        for q in [0.49, 0.4, 0.25, 0.1, 0.05, 0.025, 0.005, 1e-4, 1e-8, 1e-16, 1e-40] {
            let t = student_critical(q, df);
            let tail = student_tail(t, df);
            assert!(
                (tail - q).abs() <= 1e-11 * q,
                "df {df} q {q}: t {t}, tail {tail:e}"
            );
        }
    }
}

#[test]
fn student_becomes_normal() {
    close(student_critical(0.025, 1e12), -normal_quantile(0.025), 1e-11);
    assert_eq!(student_critical(0.025, f64::INFINITY), -normal_quantile(0.025));
}

#[test]
fn chi_square_has_its_closed_forms() {
    for x in [1e-3, 0.5, 2.0, 10.0, 100.0, 700.0] {
        // df 1: 2 Phi(-sqrt x); df 2: exp(-x/2).
        close(chi_square_tail(x, 1.0), 2.0 * normal_tail(libm::sqrt(x)), 1e-12);
        close(chi_square_tail(x, 2.0), libm::exp(-0.5 * x), 1e-12);
    }
}
