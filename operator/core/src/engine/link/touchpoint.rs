//! Resolving touchpoints and the candidates of their bindings.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Linker, find};
use crate::engine::{
    Audience, Binding, Candidate, Choices, EngineError, Index, Ix, Module, Program, Touchpoint,
};
use crate::{bundle, pieces};

/// What is resolved already.
pub(super) struct Known<'a> {
    pub(super) audiences: &'a [Audience],
    pub(super) modules: &'a [Module],
    pub(super) programs: &'a [Program],
    pub(super) bindings: &'a [Binding],
    /// How many locales words are assembled in.
    pub(super) locales: usize,
}

/// A binding on its way into a touchpoint.
#[derive(Clone, Copy)]
struct Source<'a> {
    name: &'a str,
    place: usize,
    binding: &'a bundle::Binding,
}

impl Linker<'_> {
    /// All touchpoints, by name.
    pub(super) fn touchpoints(&self, known: &Known<'_>) -> Result<Vec<Touchpoint>, EngineError> {
        let mut touchpoints = self.without_candidates(known)?;
        for (place, (name, binding)) in self.bundle.bindings.iter().enumerate() {
            let source = Source { name, place, binding };
            let target = || EngineError::Dangling {
                field: format!("bindings.{name}.touchpoint"),
                target: binding.touchpoint.clone(),
            };
            let touchpoint = touchpoints
                .get_mut(binding.touchpoint.as_str())
                .ok_or_else(target)?;
            for (index, candidate) in binding.candidates.iter().enumerate() {
                touchpoint.asks_history |= self.asks_history(binding, candidate);
                let candidate = self.candidate(source, (index, candidate), known)?;
                touchpoint.audiences.extend(&candidate.audiences);
                touchpoint.purposes.push(candidate.purpose);
                touchpoint.candidates.push(candidate);
            }
        }
        let mut touchpoints: Vec<_> = touchpoints.into_values().collect();
        for (place, touchpoint) in touchpoints.iter_mut().enumerate() {
            touchpoint.place = Ix::new(place);
            settle(touchpoint, known);
        }
        Ok(touchpoints)
    }

    fn without_candidates(&self, known: &Known<'_>) -> Result<BTreeMap<&str, Touchpoint>, EngineError> {
        let touchpoints = self.bundle.touchpoints.iter();
        let touchpoints = touchpoints.map(|(name, touchpoint)| {
            let field = format!("touchpoints.{name}.baseline");
            let baseline = touchpoint.baseline.as_ref();
            let baseline = baseline.map(|id| find(&self.modules, &field, id)).transpose()?;
            let module = baseline.and_then(|place| known.modules.get(place));
            let loaded = Touchpoint {
                name: name.clone(),
                place: Ix::NONE,
                baseline,
                baseline_choices: module
                    .map(|module| Choices::for_baseline(module, known.locales))
                    .unwrap_or_default(),
                candidates: Vec::new(),
                sole_audiences: Box::default(),
                audiences: Vec::new(),
                purposes: Vec::new(),
                is_scored: false,
                index: Index::default(),
                asks_history: false,
            };
            Ok((name.as_str(), loaded))
        });
        touchpoints.collect()
    }

    /// Whether what a unit was shown or did may keep a candidate from winning, or let it win.
    fn asks_history(&self, binding: &bundle::Binding, candidate: &bundle::Candidate) -> bool {
        let own = candidate.when.iter().chain(&candidate.score);
        let audiences = candidate.audiences.iter();
        let audiences = audiences.filter_map(|id| self.bundle.audiences.get(id));
        let mut rules = own.chain(audiences.map(|audience| &audience.rule));
        self.limits(binding) || rules.any(|rule| rule.expression.history().is_some())
    }

    /// Whether what a unit was shown or did may silence a binding.
    fn limits(&self, binding: &bundle::Binding) -> bool {
        let settings = &self.bundle.settings;
        !settings.caps.is_empty()
            || settings.minimum_gap_seconds.is_some()
            || !binding.caps.is_empty()
            || !binding.stop_on.is_empty()
    }

    fn candidate(
        &self,
        source: Source<'_>,
        (index, candidate): (usize, &bundle::Candidate),
        known: &Known<'_>,
    ) -> Result<Candidate, EngineError> {
        pieces::done();
        let field = format!("bindings.{}.candidates[{index}]", source.name);
        let audiences = candidate.audiences.iter();
        let audiences: Vec<_> = audiences
            .map(|id| find(&self.audiences, &field, id))
            .collect::<Result<_, _>>()?;
        let link = |rule: &bundle::Rule| self.expression(&field, rule);
        let when = candidate.when.as_ref();
        let module = find(&self.modules, &field, &candidate.module)?;
        let shown = known.modules.get(module);
        let binding = known.bindings.get(source.place);
        let program = binding.and_then(|binding| known.programs.get(binding.program));
        Ok(Candidate {
            place: Ix::NONE,
            binding: source.place,
            index,
            module,
            choices: shown
                .map(|module| choices(module, &audiences, known))
                .unwrap_or_default(),
            audiences,
            purpose: program.map(|program| program.purpose).unwrap_or_default(),
            is_suspended: self.bundle.settings.suspended
                || source.binding.suspended
                || program.is_some_and(|program| program.suspended)
                || shown.is_some_and(|module| module.suspended),
            is_limited: self.limits(source.binding),
            when: when
                .map(|rule| Ok::<_, EngineError>((rule.source.clone(), link(rule)?)))
                .transpose()?,
            score: candidate.score.as_ref().map(link).transpose()?,
        })
    }
}

/// What a candidate's module has for each of its audiences.
fn choices(module: &Module, audiences: &[usize], known: &Known<'_>) -> Choices {
    if audiences.is_empty() {
        return Choices::for_audiences(module, std::iter::once(None), known.locales);
    }
    let names = audiences
        .iter()
        .map(|place| known.audiences.get(*place).map(|audience| audience.name.as_str()));
    Choices::for_audiences(module, names, known.locales)
}

/// Puts the candidates into their order, and what follows from it.
fn settle(touchpoint: &mut Touchpoint, known: &Known<'_>) {
    pieces::done();
    touchpoint.audiences.sort_unstable();
    touchpoint.audiences.dedup();
    touchpoint.purposes.sort_unstable();
    touchpoint.purposes.dedup();
    // Bindings are numbered by name, so that the stable sort leaves ties by name and position.
    let priority = |candidate: &Candidate| {
        let binding = known.bindings.get(candidate.binding);
        binding.map(|binding| binding.priority)
    };
    touchpoint
        .candidates
        .sort_by_key(|candidate| Reverse(priority(candidate)));
    for (place, candidate) in touchpoint.candidates.iter_mut().enumerate() {
        candidate.place = Ix::new(place);
    }
    let sole_audience = |candidate: &Candidate| match candidate.audiences.as_slice() {
        [audience] => Ix::new(*audience),
        _ => Ix::NONE,
    };
    touchpoint.sole_audiences = touchpoint.candidates.iter().map(sole_audience).collect();
    let mut candidates = touchpoint.candidates.iter();
    touchpoint.is_scored = candidates.any(|candidate| candidate.score.is_some());
    touchpoint.index = Index::new(&touchpoint.candidates, known.audiences);
}
