//! Steps 4 and 5: which audiences match, and which candidates admit the unit.

use std::cmp::Reverse;

use smallvec::SmallVec;

use super::{Reason, Run, Won};
use crate::engine::{Candidate, Ix, VariantIx};
use crate::expr::EvalError;
use crate::trace::{AudienceLine, CandidateLine, Refusal, Step, Trace};
use crate::value::Value;

/// Admitted candidates of one priority.
type Equals<'e> = SmallVec<[Admitted<'e>; 16]>;

/// A candidate that admits the unit, with the first of its audiences that matched and its score.
#[derive(Clone, Copy)]
pub(super) struct Admitted<'e> {
    candidate: &'e Candidate,
    /// Place of the audience in the engine.
    audience: Option<usize>,
    variant: VariantIx,
    score: Option<f64>,
}

/// Why a candidate does not admit the unit; [`Refusal`] without its texts, so that refusing allocates nothing.
#[derive(Clone, Copy)]
enum Refused {
    Taken,
    /// The label's position.
    Alike(usize),
    Consent,
    Audience,
    When(Option<EvalError>),
    NoValidVariant,
    Rollout,
}

impl<'e> Run<'e, '_> {
    /// Step 4, for the trace. Missing data never matches and never fails the request.
    pub(super) fn match_audiences(&self, trace: &mut Trace) {
        let rules = self.touchpoint.audiences.iter();
        let rules = rules.filter_map(|index| self.engine.audiences.get(*index));
        trace.write(|| Step::Audiences {
            audiences: rules
                .map(|audience| {
                    let result = audience
                        .rule
                        .matches_after(&self.context.slots, self.now, self.history);
                    AudienceLine {
                        audience: audience.name.clone(),
                        rule: audience.source.clone(),
                        matches: result.unwrap_or(false),
                        because: result.err().map(|error| self.say(error)),
                    }
                })
                .collect(),
        });
    }

    /// Step 5: the candidates that admit the unit, best first.
    pub(super) fn admit(&self, unit: &str, trace: &mut Trace) -> Vec<Admitted<'e>> {
        let mut admitted = Vec::new();
        let mut lines = Vec::new();
        for candidate in &self.touchpoint.candidates {
            let verdict = self.try_admit(unit, candidate);
            lines.push(self.candidate_line(candidate, verdict.as_ref()));
            admitted.extend(verdict.ok());
        }
        self.rank(&mut admitted);
        trace.write(|| Step::Candidates { candidates: lines });
        admitted
    }

    /// Steps 4 to 6 without a trace: the same winner, and nothing is evaluated that cannot change it. Candidates are
    /// looked at from the highest priority down, and no further than one of them wins.
    pub(super) fn find_quickly(&self, unit: &str) -> Result<Won<'e>, Reason> {
        let candidates = &self.touchpoint.candidates;
        match self.touchpoint.index.find(&self.context.slots) {
            None => {
                let is_out = |audience: Ix| self.context.memo.is_out(audience, self.now);
                let sole = self.touchpoint.sole_audiences.iter();
                let open = candidates.iter().zip(sole).filter(|(_, sole)| !is_out(**sole));
                self.best_of(unit, open.map(|(candidate, _)| candidate))
            }
            Some(places) => {
                let found = places.filter_map(|place| candidates.get(usize::try_from(place).ok()?));
                self.best_of(unit, found)
            }
        }
    }

    fn best_of(
        &self,
        unit: &str,
        candidates: impl Iterator<Item = &'e Candidate>,
    ) -> Result<Won<'e>, Reason> {
        if self.touchpoint.is_scored {
            self.best_scored_of(unit, candidates)
        } else {
            self.first_of(unit, candidates)
        }
    }

    fn first_of(
        &self,
        unit: &str,
        candidates: impl Iterator<Item = &'e Candidate>,
    ) -> Result<Won<'e>, Reason> {
        let mut reached = Reason::NotEligible;
        for candidate in candidates {
            let Ok((audience, variant)) = self.examine(unit, candidate) else {
                continue;
            };
            let Some(won) = self.won(candidate, audience, variant) else {
                continue;
            };
            match self.suppression(&won) {
                None => return Ok(won),
                Some(reason) => reached = reached.max(reason),
            }
        }
        Err(reached)
    }

    fn best_scored_of(
        &self,
        unit: &str,
        candidates: impl Iterator<Item = &'e Candidate>,
    ) -> Result<Won<'e>, Reason> {
        let mut reached = Reason::NotEligible;
        let mut equals = Equals::new();
        for candidate in candidates {
            let Ok(admitted) = self.try_admit(unit, candidate) else {
                continue;
            };
            let is_lower = equals.first().is_some_and(|first: &Admitted<'_>| {
                self.priority(first.candidate) != self.priority(candidate)
            });
            if is_lower {
                self.rank(&mut equals);
                match self.first_unsuppressed(&equals, &mut Trace::off()) {
                    Ok(won) => return Ok(won),
                    Err(reason) => reached = reached.max(reason),
                }
                equals.clear();
            }
            equals.push(admitted);
        }
        self.rank(&mut equals);
        self.first_unsuppressed(&equals, &mut Trace::off())
            .map_err(|reason| reached.max(reason))
    }

    fn try_admit(&self, unit: &str, candidate: &'e Candidate) -> Result<Admitted<'e>, Refused> {
        let (audience, variant) = self.examine(unit, candidate)?;
        Ok(Admitted {
            candidate,
            audience,
            variant,
            score: self.score(candidate),
        })
    }

    /// Candidates come by priority, binding name and position; the sort is stable, so that those break ties.
    fn rank(&self, admitted: &mut [Admitted<'e>]) {
        if admitted.len() < 2 {
            return;
        }
        admitted.sort_by(|a, b| {
            let rank = |one: &Admitted<'_>| (Reverse(self.priority(one.candidate)), one.score.is_none());
            let by_score = || b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0));
            rank(a).cmp(&rank(b)).then_with(by_score)
        });
    }

    /// What an admitted candidate wins with.
    pub(super) fn won_by(&self, admitted: &Admitted<'e>) -> Option<Won<'e>> {
        self.won(admitted.candidate, admitted.audience, admitted.variant)
    }

    fn won(&self, candidate: &'e Candidate, audience: Option<usize>, variant: VariantIx) -> Option<Won<'e>> {
        let binding = self.engine.bindings.get(candidate.binding)?;
        Some(Won {
            candidate,
            binding,
            program: self.engine.programs.get(binding.program)?,
            module: self.engine.modules.get(candidate.module)?,
            audience,
            variant,
        })
    }

    /// The audience under which the candidate admits the unit (step 8: the first of its list that matched; `None` where it
    /// names none) and its module's variant for it, or why it does not.
    fn examine(&self, unit: &str, candidate: &Candidate) -> Result<(Option<usize>, VariantIx), Refused> {
        if !self.consents(candidate.purpose) {
            return Err(Refused::Consent);
        }
        self.leave_out_what_is_taken(candidate)?;
        let (place, audience) = self.audience(candidate)?;
        if let Some((_, rule)) = &candidate.when {
            match rule.matches_after(&self.context.slots, self.now, self.history) {
                Ok(true) => {}
                Ok(false) => return Err(Refused::When(None)),
                Err(error) => return Err(Refused::When(Some(error))),
            }
        }
        let look_up = || self.most_specific(candidate, audience);
        let variant = candidate.choices.get_or(place, self.locale, look_up);
        let variant = variant.ok_or(Refused::NoValidVariant)?;
        let binding = self.engine.bindings.get(candidate.binding);
        if binding.is_some_and(|binding| binding.rollout_salt.admits(unit, binding.rollout_bp)) {
            Ok((audience, variant))
        } else {
            Err(Refused::Rollout)
        }
    }

    fn leave_out_what_is_taken(&self, candidate: &Candidate) -> Result<(), Refused> {
        if self.taken.is_nothing() {
            return Ok(());
        }
        let module = self.engine.modules.get(candidate.module);
        let binding = self.engine.bindings.get(candidate.binding);
        let by_arms = binding.into_iter().flat_map(|binding| &binding.shown_by_arms);
        let mut shown = module
            .into_iter()
            .chain(by_arms.filter_map(|place| self.engine.modules.get(*place)));
        if shown.any(|module| self.taken.has(&module.name)) {
            return Err(Refused::Taken);
        }
        match module.and_then(|module| self.taken.enough_like(module)) {
            Some(label) => Err(Refused::Alike(label)),
            None => Ok(()),
        }
    }

    /// The first of the candidate's audiences that matched, by its place in the list and in the engine; none where it names
    /// none.
    fn audience(&self, candidate: &Candidate) -> Result<(usize, Option<usize>), Refused> {
        if candidate.audiences.is_empty() {
            return Ok((0, None));
        }
        let is_in = |index: usize| self.context.is_in(self.engine, index, self.now, self.history);
        let mut audiences = candidate.audiences.iter().copied().enumerate();
        let (place, index) = audiences
            .find(|(_, index)| is_in(*index))
            .ok_or(Refused::Audience)?;
        Ok((place, Some(index)))
    }

    fn most_specific(&self, candidate: &Candidate, audience: Option<usize>) -> Option<VariantIx> {
        let module = self.engine.modules.get(candidate.module)?;
        module.most_specific(self.audience_name(audience), self.locale, self.now)
    }

    /// The score as a number; what is missing, not finite or fails leaves the candidate unscored.
    fn score(&self, candidate: &Candidate) -> Option<f64> {
        let score = match candidate
            .score
            .as_ref()?
            .eval_after(&self.context.slots, self.now, self.history)
            .ok()?
        {
            Value::Int(score) => score as f64,
            Value::Double(score) => score,
            _ => return None,
        };
        // Zero has one rank: `-0.0 + 0.0` is `0.0`.
        score.is_finite().then_some(score + 0.0)
    }

    fn priority(&self, candidate: &Candidate) -> i64 {
        self.engine
            .bindings
            .get(candidate.binding)
            .map_or(i64::MIN, |binding| binding.priority)
    }

    fn candidate_line(
        &self,
        candidate: &Candidate,
        verdict: Result<&Admitted<'_>, &Refused>,
    ) -> CandidateLine {
        let binding = self.engine.bindings.get(candidate.binding);
        let module = self.engine.modules.get(candidate.module);
        CandidateLine {
            binding: binding.map(|binding| binding.name.clone()).unwrap_or_default(),
            index: candidate.index,
            module: module.map(|module| module.name.clone()).unwrap_or_default(),
            priority: self.priority(candidate),
            score: verdict.ok().and_then(|admitted| admitted.score),
            refused: verdict.err().map(|refused| self.describe(candidate, *refused)),
        }
    }

    fn describe(&self, candidate: &Candidate, refused: Refused) -> Refusal {
        match refused {
            Refused::Taken => Refusal::Taken,
            Refused::Alike(label) => self.alike(candidate, label),
            Refused::Consent => Refusal::Consent,
            Refused::Audience => Refusal::Audience,
            Refused::When(error) => Refusal::When {
                rule: candidate
                    .when
                    .as_ref()
                    .map(|(source, _)| source.clone())
                    .unwrap_or_default(),
                because: error.map(|error| self.say(error)),
            },
            Refused::NoValidVariant => Refusal::NoValidVariant,
            Refused::Rollout => Refusal::Rollout {
                share_bp: self
                    .engine
                    .bindings
                    .get(candidate.binding)
                    .map_or(0, |binding| binding.rollout_bp),
            },
        }
    }

    fn alike(&self, candidate: &Candidate, label: usize) -> Refusal {
        let module = self.engine.modules.get(candidate.module);
        let value = module.and_then(|module| module.labels.get(label)?.clone());
        let name = self.engine.bundle.settings.diversity.get(label);
        Refusal::Alike {
            label: name.cloned().unwrap_or_default(),
            value: value.unwrap_or_default(),
        }
    }

    /// An evaluation error with the attribute's name and what became of it.
    fn say(&self, error: EvalError) -> String {
        let EvalError::Missing(slot) = error else {
            return error.to_string();
        };
        match self.context.observed(self.engine).nth(usize::from(slot.0)) {
            Some((name, state)) => format!("`{name}` is {}", state.as_str()),
            None => error.to_string(),
        }
    }
}
