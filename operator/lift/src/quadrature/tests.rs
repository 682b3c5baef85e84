use super::*;

#[test]
fn the_rule_integrates_polynomials_exactly() {
    for (panels, power) in [(1.0, 0), (1.0, 5), (1.0, 31), (3.0, 4)] {
        let found = integral(0.0, 2.0, panels, |x| libm::pow(x, f64::from(power)));
        let exact = libm::pow(2.0, f64::from(power + 1)) / f64::from(power + 1);
        assert!((found / exact - 1.0).abs() < 1e-14, "x^{power}: {found} {exact}");
    }
}
