//! Novelty: does the lift wear off?
//!
//! The lift of each week since first exposure, and a weighted line through them. When the line falls, what the first weeks
//! gained is not what the variant is worth, and the verdict is taken from the latest mature block alone.

use alloc::vec::Vec;

use crate::analysis::{Analysis, AnalysisError, Direction, Look, Question, analyse, analyse_phases};
use crate::special::{normal_quantile, normal_tail};

/// Two weeks make a line, but not one with an error.
const FEWEST_BLOCKS: usize = 3;

/// The lift over weeks since first exposure.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Novelty {
    /// Each week's own analysis, oldest first.
    pub blocks: Vec<Analysis>,
    /// The line through the weeks' differences; absent with fewer than three weeks that have a figure.
    pub trend: Option<Trend>,
    /// The week that speaks for the variant when the lift wears off: the latest that has a figure.
    pub latest: Option<usize>,
}

/// A line through the differences of successive weeks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Change of the gain a week in the metric's unit, turned so that more is better.
    pub slope: f64,
    /// Lower bound of the slope.
    pub low: f64,
    /// Upper bound of the slope.
    pub high: f64,
    /// One-sided p-value of a falling lift.
    pub p: f64,
    /// Whether the whole interval is below zero: the lift wears off.
    pub falling: bool,
}

impl Novelty {
    fn of(question: &Question, blocks: Vec<Analysis>) -> Self {
        let latest = blocks.iter().rposition(|block| block.absolute.is_some());
        let trend = trend(question, &blocks);
        Self {
            blocks,
            trend,
            latest,
        }
    }

    /// The analysis that speaks for the variant: `overall`, unless its lift wears off.
    pub fn verdict_from<'a>(&'a self, overall: &'a Analysis) -> &'a Analysis {
        let falling = self.trend.is_some_and(|trend| trend.falling);
        self.latest
            .filter(|_| falling)
            .and_then(|latest| self.blocks.get(latest))
            .unwrap_or(overall)
    }
}

/// Looks at the lift week by week: `weeks` are the moments of the outcomes in each week since first exposure, of units for
/// which that week is complete, oldest first.
///
/// The same units come back in later weeks. That makes neighbouring differences alike and the slope surer than it is taken
/// to be here, so a falling lift is claimed too seldom rather than too often.
///
/// # Errors
/// As [`analyse`].
pub fn novelty(question: &Question, weeks: &[Look]) -> Result<Novelty, AnalysisError> {
    let question = without_looks(question);
    let blocks = weeks
        .iter()
        .map(|week| analyse(&question, &week.control, &week.treatment))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Novelty::of(&question, blocks))
}

/// The same where the split changed: every week with the phases that have units in it, combined and never pooled.
///
/// # Errors
/// As [`analyse_phases`].
pub fn novelty_of_phases(question: &Question, weeks: &[Vec<Look>]) -> Result<Novelty, AnalysisError> {
    let question = without_looks(question);
    let blocks = weeks
        .iter()
        .map(|phases| analyse_phases(&question, phases, &[]))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Novelty::of(&question, blocks))
}

/// Earlier looks are of the whole, not of a week.
fn without_looks(question: &Question) -> Question {
    let mut question = question.clone();
    question.looks.clear();
    question
}

/// Weighted least squares of the gain on the week, with the weeks' own variances taken as known.
fn trend(question: &Question, blocks: &[Analysis]) -> Option<Trend> {
    let sign = match question.direction {
        Direction::Increase => 1.0,
        Direction::Decrease => -1.0,
    };
    let points: Vec<Point> = blocks
        .iter()
        .zip(0_u32..)
        .filter_map(|(block, week)| point(block, week, sign))
        .collect();
    if points.len() < FEWEST_BLOCKS {
        return None;
    }
    let total: f64 = points.iter().map(|point| point.weight).sum();
    let centre = points.iter().map(|point| point.weight * point.week).sum::<f64>() / total;
    let spread: f64 = points
        .iter()
        .map(|point| point.weight * (point.week - centre) * (point.week - centre))
        .sum();
    let product: f64 = points
        .iter()
        .map(|point| point.weight * (point.week - centre) * point.gain)
        .sum();
    let (slope, se) = (product / spread, libm::sqrt(1.0 / spread));
    if !(slope.is_finite() && se > 0.0 && se.is_finite()) {
        return None;
    }
    let margin = -normal_quantile(0.5 * question.alpha) * se;
    let (low, high) = (slope - margin, slope + margin);
    Some(Trend {
        slope,
        low,
        high,
        p: normal_tail(-slope / se),
        falling: high < 0.0,
    })
}

/// One week on the line: its gain, and one over the variance of it.
struct Point {
    week: f64,
    gain: f64,
    weight: f64,
}

fn point(block: &Analysis, week: u32, sign: f64) -> Option<Point> {
    let absolute = block.absolute?;
    let se = block.standard_error?;
    Some(Point {
        week: f64::from(week),
        gain: sign * absolute.estimate,
        weight: 1.0 / (se * se),
    })
}

#[cfg(test)]
mod tests;
