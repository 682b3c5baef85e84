//! Distribution functions on `libm`, computed in the tail and bounded in every loop.
//!
//! The usual crates return 0 in lower tails or never return at large degrees of freedom; a p-value that is `1 - cdf` has
//! lost its digits before anybody looks at it. Arguments outside a function's domain give the limit (0, 1 or an
//! infinity), `NaN` gives `NaN`; callers validate before they ask.

mod beta;
mod gamma;
mod normal;
mod student;

pub use beta::incomplete_beta;
pub use gamma::{chi_square_tail, upper_gamma};
pub use normal::{normal_cdf, normal_density, normal_quantile, normal_tail};
pub use student::{student_critical, student_tail, student_two_sided};

#[cfg(test)]
mod tests;
