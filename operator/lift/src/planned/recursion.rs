//! The paths that have not crossed yet, as a density on panels.
//!
//! On the scale of `B(t) = z sqrt t`, which is Brownian motion under no effect. The boundaries are symmetric, so the density
//! is even and half of it is kept.

use alloc::vec::Vec;

use crate::quadrature;
use crate::special::{normal_density, normal_tail};

/// Width of a panel in standard deviations of the narrower of the two kernels that meet on it; half of it changes the
/// critical values by less than 1e-11.
const PANEL_DEVIATIONS: f64 = 8.0;
/// Past this many standard deviations a density is zero in `f64`.
const REACH: f64 = 38.0;
/// A kernel is zero to 17 digits beyond this many of its standard deviations.
const KERNEL_REACH: f64 = 9.0;
const MOST_STEPS: u32 = 100;
/// More than any looks that are the least information apart need within a plan.
const MOST_PANELS: f64 = 2_000.0;

/// Mass on a point of the upper half, and by symmetry on its mirror image.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: f64,
    mass: f64,
}

/// Where the paths are that have not crossed at any look so far.
#[derive(Debug, Default)]
pub(super) struct Process {
    time: f64,
    /// The boundary there.
    last: Option<f64>,
    points: Vec<Point>,
}

impl Process {
    /// The boundary at `time` that a share `level` of all paths crosses upwards there, at most `most` standard deviations.
    pub(super) fn boundary(&self, time: f64, level: f64, most: f64) -> f64 {
        let deviation = libm::sqrt(time);
        let (mut low, mut high) = (0.0, most * deviation);
        if self.crossing(time, high, 0.0) >= level {
            return high;
        }
        // On this scale boundaries of successive looks are alike; the first is that of a single test.
        let single = -crate::special::normal_quantile(level.max(f64::MIN_POSITIVE)) * deviation;
        let mut boundary = self.last.unwrap_or(single).min(single).clamp(low, high);
        for _ in 0..MOST_STEPS {
            let crossing = self.crossing(time, boundary, 0.0);
            if crossing > level {
                low = boundary;
            } else {
                high = boundary;
            }
            // Newton on the logarithm, which a tail bends least.
            let step = boundary + libm::log(crossing / level) * crossing / self.density(time, boundary);
            // Before the bracket is asked: a step too small to matter may round onto its edge.
            if (step - boundary).abs() <= 1e-11 * deviation {
                break;
            }
            boundary = if step > low && step < high {
                step
            } else {
                0.5 * (low + high)
            };
        }
        boundary
    }

    /// The share of all paths that first cross `boundary` upwards at `time`, when `B(1)` is `drift` on average.
    ///
    /// The drift enters by the likelihood ratio `exp(drift x - drift^2 t / 2)` of the paths so far.
    pub(super) fn crossing(&self, time: f64, boundary: f64, drift: f64) -> f64 {
        let deviation = libm::sqrt(time - self.time);
        let distance = boundary - drift * (time - self.time);
        if self.points.is_empty() {
            return normal_tail(distance / deviation);
        }
        let tilt = -0.5 * drift * drift * self.time;
        self.points
            .iter()
            .map(|Point { at, mass }| {
                let above = libm::exp(drift * at + tilt) * normal_tail((distance - at) / deviation);
                let below = libm::exp(-drift * at + tilt) * normal_tail((distance + at) / deviation);
                mass * (above + below)
            })
            .sum()
    }

    /// Takes away the paths beyond `boundary` at `time` and prepares for a look at `next`.
    pub(super) fn advance(&mut self, time: f64, boundary: f64, next: Option<f64>) {
        let Some(next) = next else { return };
        let kernel = libm::sqrt((time - self.time).min(next - time));
        let end = boundary.min(REACH * libm::sqrt(time));
        let points = nodes(end, PANEL_DEVIATIONS * kernel)
            .map(|(at, weight)| Point {
                at,
                mass: weight * self.density(time, at),
            })
            .collect();
        *self = Self {
            time,
            last: Some(boundary),
            points,
        };
    }

    /// The density of the remaining paths at `time`, before any are taken away there.
    fn density(&self, time: f64, at: f64) -> f64 {
        let deviation = libm::sqrt(time - self.time);
        if self.points.is_empty() {
            return normal_density(at / deviation) / deviation;
        }
        let first = self
            .points
            .partition_point(|point| point.at < at - KERNEL_REACH * deviation);
        let near = self
            .points
            .iter()
            .skip(first)
            .take_while(|point| point.at <= at + KERNEL_REACH * deviation);
        let sum: f64 = near
            .map(|point| {
                let mirrored = 2.0 * at * point.at / (deviation * deviation);
                let mirror = if mirrored < 40.0 {
                    libm::exp(-mirrored)
                } else {
                    0.0
                };
                point.mass * normal_density((at - point.at) / deviation) * (1.0 + mirror)
            })
            .sum();
        sum / deviation
    }
}

/// Nodes and weights on `[0, end]`, in panels of at most `width`.
fn nodes(end: f64, width: f64) -> impl Iterator<Item = (f64, f64)> {
    quadrature::nodes(end, libm::ceil(end / width).clamp(1.0, MOST_PANELS))
}
