//! The phases of an experiment and the units of each.
//!
//! A phase has its own salt, so its units are split anew: a unit of two phases counts in both, in the arm that it had in
//! each, and the figures of the phases are combined and never pooled.

use std::collections::BTreeMap;

use attune_core::measure::{PhaseWeights, Question};
use attune_lift::sample_ratio::{Split as MeantSplit, SplitError};
use jiff::Timestamp;

use super::AnswerError;
use super::answer::{ArmCount, PhaseCount, SampleRatioCheck};
use super::exclude;
use super::looks::day_of;
use super::sums::{Member, length};
use crate::store::{Registered, Snapshot, Split, micros};

/// Most phases that are combined; exposures say which phase they are of, and may say anything.
const MOST_PHASES: usize = 100;

/// One phase with the units that enter the analysis.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) number: i32,
    /// By unit; without those that a rule leaves out.
    pub(super) members: Vec<Member>,
    /// Units that a rule left out, by the place of their arm.
    excluded: Vec<u64>,
    /// Members that were seen in another arm later, by the place of their first one.
    crossed_over: Vec<u64>,
    /// Units of arms that the question does not know, by the number of the arm.
    strangers: BTreeMap<i64, Vec<Member>>,
    weights: Option<Vec<i64>>,
    sample_ratio: Option<SampleRatioCheck>,
}

/// Every phase up to the present one that has units by `at`, the first one first.
pub(super) fn read(
    snapshot: &Snapshot,
    question: &Question,
    registered: &[Registered],
    at: Timestamp,
) -> Result<Vec<Phase>, AnswerError> {
    let splits = snapshot.phases(&question.namespace, &question.experiment, question.phase)?;
    if splits.len() > MOST_PHASES {
        return Err(AnswerError::CountPhases {
            experiment: question.experiment.clone(),
            phases: splits.len(),
            most: MOST_PHASES,
        });
    }
    let places = arm_places(snapshot, question)?;
    let mut phases = Vec::new();
    for (number, split) in splits {
        let mut phase = Phase::read(snapshot, (number, split), &places, question, at)?;
        phase.excluded = exclude::apply(snapshot, question, &mut phase.members)?;
        phase.count_crossed_over(&snapshot.crossed_over(split, at)?, question);
        phase.weights = weights(question, registered, number);
        phase.sample_ratio = phase.check_sample_ratio(question);
        if !phase.is_empty() {
            phases.push(phase);
        }
    }
    Ok(phases)
}

/// Whether retention took units from any of the phases up to the present one.
pub(super) fn is_dropped(snapshot: &Snapshot, question: &Question) -> Result<bool, AnswerError> {
    for (_, split) in snapshot.phases(&question.namespace, &question.experiment, question.phase)? {
        if snapshot.dropped(split)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ids that the store knows the question's arms by.
fn arm_places(snapshot: &Snapshot, question: &Question) -> Result<BTreeMap<i64, usize>, AnswerError> {
    let mut places = BTreeMap::new();
    for (place, arm) in question.arms.iter().enumerate() {
        places.extend(snapshot.name(&arm.name)?.map(|id| (id, place)));
    }
    Ok(places)
}

/// The weights of a phase in the question's order: its own of the present phase, else what it says of an earlier one, else
/// what is remembered of it.
pub(super) fn weights(question: &Question, registered: &[Registered], phase: i32) -> Option<Vec<i64>> {
    if phase == question.phase {
        return Some(question.arms.iter().map(|arm| arm.weight).collect());
    }
    let said = question.earlier.iter().find(|earlier| earlier.phase == phase);
    if let Some(PhaseWeights { weights, .. }) = said {
        return (weights.len() == question.arms.len()).then(|| weights.clone());
    }
    let remembered = registered.iter().find(|registered| registered.phase == phase)?;
    let weight = |name: &String| remembered.weights.get(name).copied();
    question.arms.iter().map(|arm| weight(&arm.name)).collect()
}

impl Phase {
    fn read(
        snapshot: &Snapshot,
        (number, split): (i32, Split),
        places: &BTreeMap<i64, usize>,
        question: &Question,
        at: Timestamp,
    ) -> Result<Self, AnswerError> {
        let mut phase = Self {
            number,
            members: Vec::new(),
            excluded: Vec::new(),
            crossed_over: vec![0; question.arms.len()],
            strangers: BTreeMap::new(),
            weights: None,
            sample_ratio: None,
        };
        snapshot.each_assignment(split, at, |unit| {
            let known = places.get(&unit.arm);
            let member = Member {
                unit: unit.unit,
                first: unit.first,
                place: known.copied().unwrap_or_default(),
            };
            match known {
                Some(_) => phase.members.push(member),
                None => phase.strangers.entry(unit.arm).or_default().push(member),
            }
        })?;
        Ok(phase)
    }

    fn is_empty(&self) -> bool {
        self.members.is_empty() && self.strangers.is_empty() && self.excluded() == 0
    }

    fn count_crossed_over(&mut self, units: &[i64], question: &Question) {
        self.crossed_over = vec![0; question.arms.len()];
        for unit in units {
            let found = self.members.binary_search_by_key(unit, |member| member.unit);
            let member = found.ok().and_then(|place| self.members.get(place));
            if let Some(count) = member.and_then(|member| self.crossed_over.get_mut(member.place)) {
                *count += 1;
            }
        }
    }

    /// Units that a rule left out, of all arms.
    pub(super) fn excluded(&self) -> u64 {
        self.excluded.iter().sum()
    }

    fn exposed(&self, arms: usize) -> Vec<u64> {
        let mut exposed = vec![0; arms];
        for member in &self.members {
            if let Some(count) = exposed.get_mut(member.place) {
                *count += 1;
            }
        }
        exposed
    }

    pub(super) fn sample_ratio(&self) -> Option<&SampleRatioCheck> {
        self.sample_ratio.as_ref()
    }

    /// The weights of its arms, where anybody knows them.
    pub(super) fn weights(&self) -> Option<Vec<i64>> {
        self.weights.clone()
    }

    pub(super) fn count(&self, question: &Question) -> PhaseCount {
        PhaseCount {
            phase: self.number,
            weights: self.weights.clone().unwrap_or_default(),
            exposed: self.exposed(question.arms.len()),
            sample_ratio: self.sample_ratio.clone(),
        }
    }

    /// The sizes of all arms, as other sources give them.
    #[cfg(test)]
    pub(super) fn sizes(
        &self,
        snapshot: &Snapshot,
        question: &Question,
        metric: &attune_core::measure::MetricQuestion,
        at: Timestamp,
    ) -> Result<crate::source::PhaseSizes, AnswerError> {
        let last = micros(at).saturating_sub(length(metric.window_seconds));
        let mut arms: BTreeMap<String, ArmCount> = BTreeMap::new();
        let mut entered: BTreeMap<(i64, String), u64> = BTreeMap::new();
        let mut take = |name: &str, member: &Member| {
            let arm = arms
                .entry(name.to_owned())
                .or_insert_with(|| ArmCount::new(name.to_owned()));
            arm.take(member, last);
            *entered
                .entry((day_of(member.first), name.to_owned()))
                .or_default() += 1;
        };
        for member in &self.members {
            if let Some(arm) = question.arms.get(member.place) {
                take(&arm.name, member);
            }
        }
        for (arm, members) in &self.strangers {
            let name = snapshot.text(*arm)?;
            for member in members {
                take(&name, member);
            }
        }
        for (arm, crossed_over) in question.arms.iter().zip(&self.crossed_over) {
            if let Some(count) = arms.get_mut(&arm.name) {
                count.crossed_over = *crossed_over;
            }
        }
        Ok(crate::source::PhaseSizes {
            phase: self.number,
            arms: arms.into_values().collect(),
            entered,
        })
    }

    /// Whether the arms have the sizes that this phase's weights promise, looked at every midnight and now.
    fn check_sample_ratio(&self, question: &Question) -> Option<SampleRatioCheck> {
        let weights = self.weights.as_ref()?;
        let looks = self.exposed_by_day(question.arms.len());
        if looks.is_empty() {
            return None;
        }
        Some(check_sizes(weights, &looks))
    }

    /// Units of every arm so far, at every midnight at which somebody was new and at the data cut.
    fn exposed_by_day(&self, arms: usize) -> Vec<Vec<u64>> {
        let mut days: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
        for member in &self.members {
            let day = days.entry(day_of(member.first)).or_insert_with(|| vec![0; arms]);
            if let Some(count) = day.get_mut(member.place) {
                *count += 1;
            }
        }
        let mut exposed = vec![0; arms];
        days.into_values()
            .map(|day| {
                for (sum, new) in exposed.iter_mut().zip(day) {
                    *sum += new;
                }
                exposed.clone()
            })
            .collect()
    }
}

/// Whether arms have the sizes that their weights promise, at every look.
pub(super) fn check_sizes(weights: &[i64], looks: &[Vec<u64>]) -> SampleRatioCheck {
    let weights: Vec<f64> = weights.iter().map(|weight| *weight as f64).collect();
    let check = MeantSplit::new(&weights).and_then(|meant| meant.check(looks));
    match check {
        Ok(check) => SampleRatioCheck {
            p: Some(check.p),
            blocked: check.blocked,
            message: if check.blocked {
                "the arms' sizes contradict their weights; look for exposures that are lost or filtered in one arm".into()
            } else {
                "the arms' sizes agree with their weights".into()
            },
        },
        Err(error @ SplitError::ZeroWeightArm { .. }) => SampleRatioCheck {
            p: None,
            blocked: true,
            message: error.to_string(),
        },
        // Weights that no split can have are refused where resources are checked; here they say nothing.
        Err(error) => SampleRatioCheck {
            p: None,
            blocked: false,
            message: error.to_string(),
        },
    }
}

/// When the first unit of all phases was exposed.
pub(super) fn began(phases: &[Phase]) -> Option<Timestamp> {
    let members = phases.iter().flat_map(|phase| &phase.members);
    let first = members.map(|member| member.first).min()?;
    Timestamp::from_microsecond(first).ok()
}

/// The arms of the question in its order over all phases, and those that only exposures know.
pub(super) fn arm_counts(
    snapshot: &Snapshot,
    question: &Question,
    phases: &[Phase],
    at: Timestamp,
) -> Result<(Vec<ArmCount>, Vec<ArmCount>), AnswerError> {
    let window = question.metrics.first().map_or(0, |metric| metric.window_seconds);
    let last = micros(at).saturating_sub(length(window));
    let mut arms: Vec<ArmCount> = question
        .arms
        .iter()
        .map(|arm| ArmCount::new(arm.name.clone()))
        .collect();
    let mut unknown: BTreeMap<i64, ArmCount> = BTreeMap::new();
    for phase in phases {
        for member in &phase.members {
            if let Some(arm) = arms.get_mut(member.place) {
                arm.take(member, last);
            }
        }
        let counts = phase.crossed_over.iter().zip(&phase.excluded);
        for (arm, (crossed_over, excluded)) in arms.iter_mut().zip(counts) {
            arm.crossed_over += crossed_over;
            arm.excluded += excluded;
        }
        for (arm, members) in &phase.strangers {
            let count = unknown
                .entry(*arm)
                .or_insert_with(|| ArmCount::new(String::new()));
            for member in members {
                count.take(member, last);
            }
        }
    }
    for (arm, count) in &mut unknown {
        count.name = snapshot.text(*arm)?;
    }
    Ok((arms, unknown.into_values().collect()))
}

impl ArmCount {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            exposed: 0,
            matured: 0,
            crossed_over: 0,
            excluded: 0,
        }
    }

    fn take(&mut self, member: &Member, last: i64) {
        self.exposed += 1;
        self.matured += u64::from(member.first <= last);
    }
}
