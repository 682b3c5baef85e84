//! What the units of every phase did, as a metric counts it.

use attune_core::measure::{EventQuery, MetricKind, MetricQuestion, MetricRole, Question};
use attune_lift::ArmMoments;
use jiff::Timestamp;

use super::AnswerError;
use super::filter::Selection;
use super::looks::{Observed, Taken, Tally};
use super::phases::Phase;
use super::sums::{Counted, Member, Stretch, Sum, each, length, sums};
use crate::store::{Snapshot, micros};

/// Microseconds of a week.
const WEEK: i64 = 7 * 86_400_000_000;
/// Fewer weeks make no line, see `attune_lift::novelty`.
const FEWEST_WEEKS: i64 = 3;
/// Most weeks that are looked at one by one: half a year.
const MOST_WEEKS: i64 = 26;
/// So many units are held at once while their weeks are summed up.
const UNITS_AT_ONCE: usize = 16_384;

/// Everything that the metrics of a question are read from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) question: &'a Question,
    pub(super) phases: &'a [Phase],
    pub(super) at: Timestamp,
}

/// One number for every member of every phase, from before its first exposure.
pub(super) type Covariates = Vec<Vec<f64>>;

/// The moments of each week since first exposure, by phase and by the place of the arm.
pub(super) type Weeks = Vec<Vec<Vec<ArmMoments>>>;

impl Source<'_> {
    /// The covariate of the question; `None` without one that can be one.
    pub(super) fn covariates(&self) -> Result<Option<Covariates>, AnswerError> {
        let Some(covariate) = &self.question.covariate else {
            return Ok(None);
        };
        let selection = link(&covariate.name, &covariate.event, covariate.kind)?;
        let stretch = Stretch::before(covariate.window_seconds);
        let number = |sum: &Sum| match covariate.kind {
            MetricKind::Proportion => f64::from(u8::from(sum.matches > 0)),
            MetricKind::Count => sum.matches as f64,
            MetricKind::Mean | MetricKind::Ratio => sum.sum,
        };
        let of_phase = |phase: &Phase| -> Result<Vec<f64>, AnswerError> {
            let sums = sums(self.snapshot, &selection, &phase.members, stretch, i64::MAX)?;
            Ok(sums.iter().map(number).collect())
        };
        self.phases
            .iter()
            .map(of_phase)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// What the matured units of every phase did.
    pub(super) fn observe(
        &self,
        metric: &MetricQuestion,
        covariates: Option<&Covariates>,
    ) -> Result<Vec<Observed>, AnswerError> {
        // A guardrail is judged as it is, and a ratio cannot be adjusted.
        let unadjusted =
            metric.kind == MetricKind::Ratio || matches!(metric.role, MetricRole::Guardrail { .. });
        let covariates = covariates.filter(|_| !unadjusted);
        let of_phase = |(index, phase): (usize, &Phase)| {
            let covariates = covariates.and_then(|all| all.get(index)).map(Vec::as_slice);
            let arms = self.question.arms.len();
            observe_members(
                self.snapshot,
                metric,
                (&phase.members, covariates),
                (arms, self.at),
            )
        };
        self.phases.iter().enumerate().map(of_phase).collect()
    }

    /// What units did in each week of a metric's window, of those that have completed the week; nothing for a window of
    /// fewer than three weeks.
    pub(super) fn weeks(&self, metric: &MetricQuestion) -> Result<Option<Weeks>, AnswerError> {
        let weeks = (length(metric.window_seconds) / WEEK).min(MOST_WEEKS);
        if weeks < FEWEST_WEEKS {
            return Ok(None);
        }
        let weeks = usize::try_from(weeks).unwrap_or_default();
        let mut moments = vec![Vec::with_capacity(self.phases.len()); weeks];
        for phase in self.phases {
            let tallies = self.weeks_of_phase(metric, phase, weeks)?;
            for (week, arms) in moments.iter_mut().zip(tallies) {
                let arms = arms
                    .iter()
                    .map(|tally| tally.moments(metric.kind))
                    .collect::<Result<_, _>>()
                    .map_err(|source| sum_up(metric, source))?;
                week.push(arms);
            }
        }
        Ok(Some(moments))
    }

    fn weeks_of_phase(
        &self,
        metric: &MetricQuestion,
        phase: &Phase,
        weeks: usize,
    ) -> Result<Vec<Vec<Tally>>, AnswerError> {
        let mut tallies = vec![vec![Tally::EMPTY; self.question.arms.len()]; weeks];
        for members in phase.members.chunks(UNITS_AT_ONCE) {
            let outcomes = self.weekly(metric, &metric.event, members, weeks)?;
            let denominators = denominator(metric)?
                .map(|query| self.weekly(metric, query, members, weeks))
                .transpose()?;
            for (index, member) in members.iter().enumerate() {
                let complete = micros(self.at).saturating_sub(member.first) / WEEK;
                let complete = usize::try_from(complete).unwrap_or_default();
                for (week, arms) in tallies.iter_mut().enumerate().take(complete) {
                    let place = index * weeks + week;
                    let denominator = denominators.as_ref().and_then(|sums| sums.get(place));
                    let unit = Taken {
                        outcome: outcomes.get(place).copied().unwrap_or_default(),
                        denominator: denominator.map(|sum| sum.sum),
                        covariate: None,
                    };
                    if let Some(tally) = arms.get_mut(member.place) {
                        tally
                            .take(metric.kind, &unit)
                            .map_err(|source| sum_up(metric, source))?;
                    }
                }
            }
        }
        Ok(tallies)
    }

    /// The sums of members by member and week.
    fn weekly(
        &self,
        metric: &MetricQuestion,
        query: &EventQuery,
        members: &[Member],
        weeks: usize,
    ) -> Result<Vec<Sum>, AnswerError> {
        let selection = link(&metric.name, query, metric.kind)?;
        let stretch = Stretch::after(metric.window_seconds);
        let last = micros(self.at).saturating_sub(WEEK);
        let mut sums = vec![Sum::default(); members.len() * weeks];
        let take = |counted: Counted| {
            let week = usize::try_from(counted.after / WEEK).unwrap_or(usize::MAX);
            if week < weeks
                && let Some(sum) = sums.get_mut(counted.member * weeks + week)
            {
                sum.take(counted.number);
            }
        };
        each(self.snapshot, &selection, members, (stretch, last), take)?;
        Ok(sums)
    }
}

/// What the matured ones of `members`, who are in one of `arms` arms, did; with a covariate for each, or none.
pub(super) fn observe_members(
    snapshot: &Snapshot,
    metric: &MetricQuestion,
    (members, covariates): (&[Member], Option<&[f64]>),
    (arms, at): (usize, Timestamp),
) -> Result<Observed, AnswerError> {
    let window = length(metric.window_seconds);
    let last = micros(at).saturating_sub(window);
    let stretch = Stretch::after(metric.window_seconds);
    let summed = |query| {
        let selection = link(&metric.name, query, metric.kind)?;
        sums(snapshot, &selection, members, stretch, last)
    };
    let outcomes = summed(&metric.event)?;
    let denominators = denominator(metric)?.map(summed).transpose()?;
    let mut observed = Observed::new(metric.kind, arms);
    for (index, (member, outcome)) in members.iter().zip(outcomes).enumerate() {
        if member.first > last {
            continue;
        }
        let denominator = denominators.as_ref().and_then(|sums| sums.get(index));
        let unit = Taken {
            outcome,
            denominator: denominator.map(|sum| sum.sum),
            covariate: covariates.and_then(|all| all.get(index)).copied(),
        };
        let matured = member.first.saturating_add(window);
        observed
            .take(member.place, matured, &unit)
            .map_err(|source| sum_up(metric, source))?;
    }
    Ok(observed)
}

/// A ratio's second event.
fn denominator(metric: &MetricQuestion) -> Result<Option<&EventQuery>, AnswerError> {
    if metric.kind != MetricKind::Ratio {
        return Ok(None);
    }
    let missing = || AnswerError::FindDenominator {
        metric: metric.name.clone(),
    };
    metric.denominator.as_ref().ok_or_else(missing).map(Some)
}

fn link<'q>(name: &str, query: &'q EventQuery, kind: MetricKind) -> Result<Selection<'q>, AnswerError> {
    Selection::new(query, kind).map_err(|source| AnswerError::LinkFilter {
        metric: name.to_owned(),
        source,
    })
}

pub(super) fn sum_up(metric: &MetricQuestion, source: attune_lift::MomentsError) -> AnswerError {
    AnswerError::SumUp {
        metric: metric.name.clone(),
        source,
    }
}
