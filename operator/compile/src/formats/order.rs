//! Which candidate of a touchpoint comes before which, and which of them a format without a memory can say.

use attune_core::bundle::{Binding, Bundle, Candidate, Program};

use super::{Refusal, place};

/// A candidate that may win.
#[derive(Debug, Clone)]
pub(super) struct Ranked<'b> {
    /// The binding's name.
    pub name: &'b str,
    pub binding: &'b Binding,
    /// Its place in the binding's list.
    pub index: usize,
    pub candidate: &'b Candidate,
    pub program: &'b Program,
    /// Why nobody can be told to get it: whom it may admit is served the baseline, in its place.
    pub refusals: Vec<Refusal>,
}

impl Ranked<'_> {
    /// A reason why it is not carried.
    pub(super) fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.refusals.push(Refusal {
            binding: Some(self.name.to_owned()),
            field: field.into(),
            message: message.into(),
        });
    }
}

/// The candidates of a touchpoint that may win, the first that admits a unit first. What is suspended never wins.
pub(super) fn ranked<'b>(bundle: &'b Bundle, touchpoint: &str) -> Vec<Ranked<'b>> {
    let bindings = bundle.bindings.iter();
    let here = bindings.filter(|(_, binding)| binding.touchpoint == touchpoint);
    let mut ranked: Vec<_> = here
        .flat_map(|(name, binding)| live(bundle, name, binding))
        .collect();
    // Names and places break ties: the sort is stable.
    ranked.sort_by_key(|one| std::cmp::Reverse(one.binding.priority));
    let classes = ranked.chunk_by_mut(|one, other| one.binding.priority == other.binding.priority);
    classes.for_each(by_score);
    ranked
}

fn live<'b>(bundle: &'b Bundle, name: &'b str, binding: &'b Binding) -> Vec<Ranked<'b>> {
    let Some(program) = bundle.programs.get(&binding.program) else {
        return Vec::new();
    };
    if bundle.settings.suspended || binding.suspended || program.suspended || binding.rollout_bp == 0 {
        return Vec::new();
    }
    let candidates = binding.candidates.iter().enumerate();
    let shown = candidates.filter(|(_, candidate)| {
        let module = bundle.modules.get(&candidate.module);
        module.is_some_and(|module| !module.suspended)
    });
    shown
        .map(|(index, candidate)| {
            let mut one = Ranked {
                name,
                binding,
                index,
                candidate,
                program,
                refusals: Vec::new(),
            };
            limits(bundle, &mut one);
            one
        })
        .collect()
}

/// What needs a memory of the unit, or a clock where it is.
fn limits(bundle: &Bundle, one: &mut Ranked<'_>) {
    const MEMORY: &str = "needs to know what the unit was shown and did, which is not in the format: whoever it may admit gets the \
                          baseline";
    if !one.binding.caps.is_empty() {
        one.refuse(
            "spec.caps",
            format!("a frequency cap {MEMORY}; remove `caps`, {}", place()),
        );
    }
    if !one.binding.stop_on.is_empty() {
        one.refuse(
            "spec.stopOn",
            format!("a stop after an outcome {MEMORY}; remove `stopOn`, {}", place()),
        );
    }
    let settings = &bundle.settings;
    if !settings.caps.is_empty() || settings.minimum_gap_seconds.is_some() {
        one.refuse(
            "spec.channelRef",
            format!(
                "the channel's `frequency` {MEMORY}; remove `frequency` from channel `{}`, {}",
                bundle.channel,
                place()
            ),
        );
    }
    if settings.quiet_hours.is_some() {
        one.refuse(
            "spec.channelRef",
            format!(
                "the channel's `quietHours` need the time of day where the unit is, which is not in the format: whoever it may \
                 admit gets the baseline; remove `quietHours` from channel `{}`, {}",
                bundle.channel,
                place()
            ),
        );
    }
}

/// Puts candidates of one priority in order: those with a score first, the higher the earlier. A score that depends on who
/// asks is no order: such a candidate comes first and is refused, so that none goes before it that should not.
fn by_score(class: &mut [Ranked<'_>]) {
    if class.len() < 2 {
        return;
    }
    for one in class.iter_mut() {
        let is_open = one
            .candidate
            .score
            .as_ref()
            .is_some_and(|score| score.expression.number().is_none());
        if is_open {
            one.refuse(
                format!("spec.candidates[{}].score", one.index),
                format!(
                    "a score that depends on who asks is no order that the format has: whoever the candidate may admit gets the \
                     baseline; give it a number or a priority of its own, {}",
                    place()
                ),
            );
        }
    }
    class.sort_by(|one, other| {
        let score = |one: &Ranked<'_>| match &one.candidate.score {
            None => (2, 0.0),
            Some(score) => match score.expression.number().filter(|number| number.is_finite()) {
                Some(number) => (1, number + 0.0),
                None if score.expression.number().is_some() => (2, 0.0),
                None => (0, 0.0),
            },
        };
        let ((rank, score), (other_rank, other_score)) = (score(one), score(other));
        rank.cmp(&other_rank).then_with(|| other_score.total_cmp(&score))
    });
}
