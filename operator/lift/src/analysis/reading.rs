//! The figures of an experiment as its design covers them, before the verdict.

use alloc::vec::Vec;

use super::{Figures, Look, Method, Question};
use crate::continuous::{self, ConfidenceSequence};
use crate::contrast::{Contrast, Interval};
use crate::cuped::NoAdjustment;
use crate::difference::Bounds;
use crate::fieller::{NoPercentage, RelativeLift};
use crate::phases;
use crate::planned;
use crate::verdict::Reason;
use crate::{ArmMoments, MetricKind};

/// What has been seen: the phases of every look, oldest first.
pub(super) struct Seen<'a> {
    pub(super) earlier: Vec<&'a [Look]>,
    pub(super) now: &'a [Look],
}

/// Whether the covariate is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Covariate {
    Used,
    Unused,
}

impl<'a> Seen<'a> {
    /// Units of both arms together at the look that counts.
    pub(super) fn n(&self) -> u64 {
        units(self.now)
    }

    /// Drops the looks that are none in this design, see [`analyse`](super::analyse).
    pub(super) fn that_count(&self, question: &Question) -> Seen<'a> {
        let all = self.earlier.iter().copied().chain([self.now]);
        match (question.method, question.planned_units) {
            (Method::Planned, Some(planned)) => group_sequential(all, planned),
            (Method::Continuous, _) => Seen {
                earlier: self.earlier.clone(),
                now: self.now,
            },
            _ => Seen {
                earlier: Vec::new(),
                now: self.now,
            },
        }
    }

    /// The share of the variance that the covariate leaves at the look that counts.
    pub(super) fn adjusted(&self, metric: MetricKind) -> Result<f64, NoAdjustment> {
        let plain = phases::combine(metric, self.now).map_err(|_| NoAdjustment::NoCovariate)?;
        let adjusted = phases::combine_adjusted(metric, self.now, &plain.contrast)?;
        adjusted.variance_kept.ok_or(NoAdjustment::NoCovariate)
    }
}

/// The looks of a planned design: each brings at least the least information, and the first at the end is the last.
fn group_sequential<'a>(all: impl Iterator<Item = &'a [Look]>, planned: u64) -> Seen<'a> {
    let least = planned as f64 * planned::LEAST_INFORMATION;
    let mut kept: Vec<&'a [Look]> = Vec::new();
    for look in all {
        let before = kept.last().map_or(0, |look| units(look));
        let first_at_end = units(look) >= planned;
        let brings = units(look).saturating_sub(before);
        if brings as f64 >= least || (brings > 0 && first_at_end) || kept.is_empty() {
            kept.push(look);
        }
        if first_at_end {
            break;
        }
    }
    let now = kept.pop().unwrap_or_default();
    Seen { earlier: kept, now }
}

/// Units of all phases and both arms.
pub(super) fn units(phases: &[Look]) -> u64 {
    phases.iter().map(Look::n).fold(0, u64::saturating_add)
}

/// Figures at the look that counts, as the design covers them.
pub(super) struct Reading {
    pub(super) estimate: f64,
    pub(super) difference: Interval,
    pub(super) relative: Result<RelativeLift, NoPercentage>,
    /// What a claim about the difference has to clear.
    pub(super) cautious: Interval,
    /// What a claim about the minimum lift has to clear; absent without one, or without a control above zero.
    pub(super) beyond_minimum: Option<Interval>,
    pub(super) standard_error: f64,
    pub(super) critical: f64,
    p: f64,
    e: Option<f64>,
}

impl Reading {
    fn of(question: &Question, bounds: &Bounds, p: f64) -> Self {
        // A share of a control that is not above zero has no meaning, so neither has a minimum lift.
        let rho = question.minimum_rho().filter(|_| bounds.contrast().base > 0.0);
        Self {
            estimate: bounds.contrast().difference().value,
            difference: bounds.against(1.0),
            relative: bounds.relative(),
            cautious: bounds.cautious(1.0),
            beyond_minimum: rho.map(|rho| bounds.cautious(rho)),
            standard_error: bounds.contrast().difference().standard_error(),
            critical: bounds.critical(),
            p,
            e: None,
        }
    }

    fn is_finite(&self) -> bool {
        let beyond = self.beyond_minimum.is_none_or(|beyond| beyond.is_finite());
        self.estimate.is_finite() && self.difference.is_finite() && self.p.is_finite() && beyond
    }

    pub(super) fn figures(&self, estimate: f64, interval: Interval) -> Figures {
        Figures {
            estimate,
            low: interval.low,
            high: interval.high,
            p: self.p,
            e: self.e,
        }
    }
}

/// The figures that the design allows, or why there are none yet.
pub(super) fn read(question: &Question, seen: &Seen<'_>, covariate: Covariate) -> Result<Reading, Reason> {
    let reading = match (question.method, question.planned_units) {
        (Method::Fixed, planned) => fixed(question, seen, planned, covariate),
        (Method::Planned, planned) => group(question, seen, planned.unwrap_or(u64::MAX), covariate),
        (Method::Continuous, planned) => {
            let planned = planned.unwrap_or(u64::MAX) as f64;
            sequence(
                question,
                seen,
                &ConfidenceSequence::tuned_to(question.alpha, planned),
                covariate,
            )
        }
    }?;
    if reading.is_finite() {
        Ok(reading)
    } else {
        Err(Reason::BeyondNumbers)
    }
}

fn contrast(metric: MetricKind, phases: &[Look], covariate: Covariate) -> Result<Contrast, Reason> {
    let plain = phases::combine(metric, phases)?.contrast;
    if covariate == Covariate::Unused {
        return Ok(plain);
    }
    // At an earlier look the covariate may not have been usable yet; that look then stands as it was.
    Ok(phases::combine_adjusted(metric, phases, &plain).map_or(plain, |adjusted| adjusted.contrast))
}

/// Newcombe's bounds for one phase with a small cell, normal ones otherwise.
fn bounds(metric: MetricKind, phases: &[Look], contrast: Contrast, critical: f64) -> Bounds {
    match phases::small_cells(metric, phases) {
        Some(Look { control, treatment }) => Bounds::newcombe(contrast, critical, control.n(), treatment.n()),
        None => Bounds::normal(contrast, critical),
    }
}

fn fixed(
    question: &Question,
    seen: &Seen<'_>,
    planned: Option<u64>,
    covariate: Covariate,
) -> Result<Reading, Reason> {
    let contrast = contrast(question.metric, seen.now, covariate)?;
    if planned.is_some_and(|planned| seen.n() < planned) {
        return Err(Reason::BeforePlannedEnd);
    }
    let critical = contrast.critical(question.alpha);
    Ok(Reading::of(
        question,
        &bounds(question.metric, seen.now, contrast, critical),
        contrast.p(),
    ))
}

fn group(
    question: &Question,
    seen: &Seen<'_>,
    planned: u64,
    covariate: Covariate,
) -> Result<Reading, Reason> {
    let contrast = contrast(question.metric, seen.now, covariate)?;
    let fractions = fractions(seen, planned);
    let critical = planned::critical_values(question.alpha, &fractions)
        .pop()
        .ok_or(Reason::TooFewUnits)?;
    let p = planned::repeated_p(contrast.difference().z(), &fractions);
    Ok(Reading::of(
        question,
        &bounds(question.metric, seen.now, contrast, critical),
        p,
    ))
}

/// Units at each look as a share of the plan.
fn fractions(seen: &Seen<'_>, planned: u64) -> Vec<f64> {
    let looks = seen.earlier.iter().copied().chain([seen.now]);
    looks.map(|look| units(look) as f64 / planned as f64).collect()
}

/// The running intersection of the confidence sequence over all looks that may be looked at.
fn sequence(
    question: &Question,
    seen: &Seen<'_>,
    sequence: &ConfidenceSequence,
    covariate: Covariate,
) -> Result<Reading, Reason> {
    // The data's own reason comes before the design's: an empty arm is not a small one.
    phases::combine(question.metric, seen.now)?;
    let looks = seen
        .earlier
        .iter()
        .copied()
        .chain([seen.now])
        .filter(|look| may_be_looked_at(look));
    let mut running: Option<Reading> = None;
    let mut largest = f64::NEG_INFINITY;
    for look in looks {
        let Ok(contrast) = contrast(question.metric, look, covariate) else {
            continue;
        };
        let n = units(look) as f64;
        let log_e = sequence.log_e(contrast.difference().z(), n);
        largest = largest.max(log_e);
        let bounds = Bounds::normal(contrast, sequence.critical(n));
        let reading = Reading::of(question, &bounds, continuous::p_of_log_e(largest));
        let e = Some(libm::exp(log_e).min(f64::MAX));
        running = Some(Reading {
            e,
            ..reading.within(running.as_ref())
        });
    }
    let reading = running
        .filter(|_| may_be_looked_at(seen.now))
        .ok_or(Reason::BeforeFirstLook)?;
    if reading.contradicts_itself() {
        Err(Reason::LooksContradict)
    } else {
        Ok(reading)
    }
}

fn may_be_looked_at(phases: &[Look]) -> bool {
    let arm = |of: fn(&Look) -> ArmMoments| {
        let n = phases
            .iter()
            .map(|phase| of(phase).n())
            .fold(0, u64::saturating_add);
        let non_zero: f64 = phases.iter().map(|phase| of(phase).non_zero_at_least()).sum();
        n >= continuous::FIRST_LOOK_UNITS && non_zero >= continuous::FIRST_LOOK_NON_ZERO
    };
    arm(|phase| phase.control) && arm(|phase| phase.treatment)
}

impl Reading {
    /// Takes away what earlier looks have already excluded.
    fn within(self, earlier: Option<&Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        let beyond_minimum = match (self.beyond_minimum, earlier.beyond_minimum) {
            (Some(now), Some(before)) => Some(meet(now, before)),
            (now, before) => now.or(before),
        };
        let difference = meet(self.difference, earlier.difference);
        let relative = self.relative.map(|now| {
            let met = earlier
                .relative
                .map_or(now.interval, |before| meet(now.interval, before.interval));
            RelativeLift {
                interval: same_side(met, difference),
                ..now
            }
        });
        let cautious = meet(self.cautious, earlier.cautious);
        Self {
            difference,
            relative,
            cautious,
            beyond_minimum,
            ..self
        }
    }

    fn contradicts_itself(&self) -> bool {
        let empty = |interval: Interval| interval.low > interval.high;
        empty(self.difference)
            || self.relative.is_ok_and(|lift| empty(lift.interval))
            || self.beyond_minimum.is_some_and(empty)
    }
}

fn meet(now: Interval, before: Interval) -> Interval {
    Interval {
        low: now.low.max(before.low),
        high: now.high.min(before.high),
    }
}

/// An earlier look without a percentage may have excluded zero all the same; the relative interval then excludes it too.
fn same_side(relative: Interval, difference: Interval) -> Interval {
    Interval {
        low: if difference.low > 0.0 {
            relative.low.max(0.0)
        } else {
            relative.low
        },
        high: if difference.high < 0.0 {
            relative.high.min(0.0)
        } else {
            relative.high
        },
    }
}
