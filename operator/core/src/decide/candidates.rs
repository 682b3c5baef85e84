//! Steps 4 and 5: which audiences match, and which candidates admit the unit.

use std::cmp::Reverse;

use super::{Run, Won};
use crate::engine::Candidate;
use crate::expr::EvalError;
use crate::trace::{AudienceLine, CandidateLine, Refusal, Step, Trace};
use crate::value::Value;

/// Which of the touchpoint's audiences match, in the touchpoint's order.
pub(super) struct Matched(Vec<bool>);

/// A candidate that admits the unit, with the first of its audiences that matched and its score.
#[derive(Clone, Copy)]
pub(super) struct Admitted<'e> {
    candidate: &'e Candidate,
    audience: Option<&'e str>,
    score: Option<f64>,
}

/// Why a candidate does not admit the unit; [`Refusal`] without its texts, so that refusing allocates nothing.
#[derive(Clone, Copy)]
enum Refused {
    Consent,
    Audience,
    When(Option<EvalError>),
    NoValidVariant,
    Rollout,
}

impl<'e> Run<'e, '_> {
    /// Step 4. Missing data never matches and never fails the request.
    pub(super) fn match_audiences(&self, trace: &mut Trace) -> Matched {
        let rules = self
            .touchpoint
            .audiences
            .iter()
            .filter_map(|index| self.engine.audiences.get(*index));
        let results = rules.map(|audience| (audience, audience.rule.matches(&self.context.slots, self.now)));
        let mut lines = trace.is_on().then(Vec::new);
        let mut matched = Vec::with_capacity(self.touchpoint.audiences.len());
        for (audience, result) in results {
            matched.push(result.unwrap_or(false));
            if let Some(lines) = &mut lines {
                lines.push(AudienceLine {
                    audience: audience.name.clone(),
                    rule: audience.source.clone(),
                    matches: result.unwrap_or(false),
                    because: result.err().map(|error| self.say(error)),
                });
            }
        }
        trace.write(|| Step::Audiences {
            audiences: lines.unwrap_or_default(),
        });
        Matched(matched)
    }

    /// Step 5: the candidates that admit the unit, best first.
    pub(super) fn admit(&self, unit: &str, matched: &Matched, trace: &mut Trace) -> Vec<Admitted<'e>> {
        let mut admitted = Vec::new();
        let mut lines = trace.is_on().then(Vec::new);
        for candidate in &self.touchpoint.candidates {
            let verdict = self.examine(unit, candidate, matched).map(|audience| Admitted {
                candidate,
                audience,
                score: self.score(candidate),
            });
            if let Some(lines) = &mut lines {
                lines.push(self.candidate_line(candidate, verdict.as_ref()));
            }
            admitted.extend(verdict.ok());
        }
        // Candidates come by priority, binding name and position; the sort is stable, so that those break ties.
        admitted.sort_by(|a, b| {
            let rank = |one: &Admitted<'_>| (Reverse(self.priority(one.candidate)), one.score.is_none());
            let by_score = || b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0));
            rank(a).cmp(&rank(b)).then_with(by_score)
        });
        trace.write(|| Step::Candidates {
            candidates: lines.unwrap_or_default(),
        });
        admitted
    }

    /// What an admitted candidate wins with.
    pub(super) fn won(&self, admitted: Admitted<'e>) -> Option<Won<'e>> {
        let binding = self.engine.bindings.get(admitted.candidate.binding)?;
        Some(Won {
            candidate: admitted.candidate,
            binding,
            program: self.engine.programs.get(binding.program)?,
            module: self.engine.modules.get(admitted.candidate.module)?,
            audience: admitted.audience,
        })
    }

    /// The audience under which the candidate admits the unit (step 8: the first of its list that matched; `None` where it
    /// names none), or why it does not.
    fn examine(
        &self,
        unit: &str,
        candidate: &Candidate,
        matched: &Matched,
    ) -> Result<Option<&'e str>, Refused> {
        if !self
            .program(candidate)
            .is_some_and(|program| self.consents(program))
        {
            return Err(Refused::Consent);
        }
        let audience = self.audience(candidate, matched)?;
        if let Some((_, rule)) = &candidate.when {
            match rule.matches(&self.context.slots, self.now) {
                Ok(true) => {}
                Ok(false) => return Err(Refused::When(None)),
                Err(error) => return Err(Refused::When(Some(error))),
            }
        }
        let module = self.engine.modules.get(candidate.module);
        module
            .and_then(|module| module.most_specific(audience, self.locale, self.now))
            .ok_or(Refused::NoValidVariant)?;
        let binding = self.engine.bindings.get(candidate.binding);
        if binding.is_some_and(|binding| binding.rollout_salt.admits(unit, binding.rollout_bp)) {
            Ok(audience)
        } else {
            Err(Refused::Rollout)
        }
    }

    /// The first of the candidate's audiences that matched; `None` where it names none.
    fn audience(&self, candidate: &Candidate, matched: &Matched) -> Result<Option<&'e str>, Refused> {
        if candidate.audiences.is_empty() {
            return Ok(None);
        }
        let is_in = |index: &&usize| {
            let place = self.touchpoint.audiences.binary_search(index).ok();
            place
                .and_then(|place| matched.0.get(place))
                .is_some_and(|yes| *yes)
        };
        let index = candidate.audiences.iter().find(is_in).ok_or(Refused::Audience)?;
        Ok(self
            .engine
            .audiences
            .get(*index)
            .map(|audience| audience.name.as_str()))
    }

    /// The score as a number; what is missing, not finite or fails leaves the candidate unscored.
    fn score(&self, candidate: &Candidate) -> Option<f64> {
        let score = match candidate
            .score
            .as_ref()?
            .eval(&self.context.slots, self.now)
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
