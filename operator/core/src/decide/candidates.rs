//! Steps 4 and 5: which audiences match, and which candidates admit the unit.

use std::cmp::Reverse;

use super::{Reason, Run, Won};
use crate::engine::Candidate;
use crate::expr::EvalError;
use crate::trace::{AudienceLine, CandidateLine, Refusal, Step, Trace};
use crate::value::Value;

/// Which of the touchpoint's audiences match, in the touchpoint's order.
pub(super) struct Matched(Vec<bool>);

/// A candidate that admits the unit, with its score.
pub(super) struct Admitted<'e> {
    pub candidate: &'e Candidate,
    score: Option<f64>,
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

    /// Step 5: the candidates that admit the unit, best first, and the latest step that any candidate reached.
    pub(super) fn admit(
        &self,
        unit: &str,
        matched: &Matched,
        trace: &mut Trace,
    ) -> (Vec<Admitted<'e>>, Reason) {
        let mut admitted = Vec::new();
        let mut lines = trace.is_on().then(Vec::new);
        for candidate in &self.touchpoint.candidates {
            let refusal = self.refusal(unit, candidate, matched);
            let score = if refusal.is_none() {
                self.score(candidate)
            } else {
                None
            };
            if let Some(lines) = &mut lines {
                lines.push(self.candidate_line(candidate, score, refusal.clone()));
            }
            if refusal.is_none() {
                admitted.push(Admitted { candidate, score });
            }
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
        (admitted, Reason::NotEligible)
    }

    /// The winner among the admitted with its audience (step 8: the first of the candidate's list that matched).
    pub(super) fn won(&self, candidate: &'e Candidate, matched: &Matched) -> Option<Won<'e>> {
        let binding = self.engine.bindings.get(candidate.binding)?;
        let program = self.engine.programs.get(binding.program)?;
        let module = self.engine.modules.get(candidate.module)?;
        let audience = self.audience(candidate, matched).flatten();
        Some(Won {
            candidate,
            binding,
            program,
            module,
            audience,
        })
    }

    fn refusal(&self, unit: &str, candidate: &Candidate, matched: &Matched) -> Option<Refusal> {
        let (Some(binding), Some(program)) = (
            self.engine.bindings.get(candidate.binding),
            self.program(candidate),
        ) else {
            return Some(Refusal::Audience);
        };
        if !self.consents(program) {
            return Some(Refusal::Consent);
        }
        let Some(audience) = self.audience(candidate, matched) else {
            return Some(Refusal::Audience);
        };
        if let Some((source, rule)) = &candidate.when {
            match rule.matches(&self.context.slots, self.now) {
                Ok(true) => {}
                Ok(false) => {
                    return Some(Refusal::When {
                        rule: source.clone(),
                        because: None,
                    });
                }
                Err(error) => {
                    return Some(Refusal::When {
                        rule: source.clone(),
                        because: Some(self.say(error)),
                    });
                }
            }
        }
        let module = self.engine.modules.get(candidate.module);
        if module
            .and_then(|module| module.most_specific(audience, self.locale, self.now))
            .is_none()
        {
            return Some(Refusal::NoValidVariant);
        }
        (!binding.rollout_salt.admits(unit, binding.rollout_bp)).then_some(Refusal::Rollout {
            share_bp: binding.rollout_bp,
        })
    }

    /// `None` when none of the candidate's audiences matches; `Some(None)` when it names none.
    fn audience(&self, candidate: &Candidate, matched: &Matched) -> Option<Option<&'e str>> {
        if candidate.audiences.is_empty() {
            return Some(None);
        }
        let matches = |index: &&usize| {
            let place = self.touchpoint.audiences.binary_search(index).ok();
            place
                .and_then(|place| matched.0.get(place))
                .copied()
                .unwrap_or(false)
        };
        let index = candidate.audiences.iter().find(matches)?;
        self.engine
            .audiences
            .get(*index)
            .map(|audience| Some(audience.name.as_str()))
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
        score.is_finite().then_some(score)
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
        score: Option<f64>,
        refused: Option<Refusal>,
    ) -> CandidateLine {
        let name = |name: Option<&String>| name.cloned().unwrap_or_default();
        CandidateLine {
            binding: name(
                self.engine
                    .bindings
                    .get(candidate.binding)
                    .map(|binding| &binding.name),
            ),
            index: candidate.index,
            module: name(
                self.engine
                    .modules
                    .get(candidate.module)
                    .map(|module| &module.name),
            ),
            priority: self.priority(candidate),
            score,
            refused,
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
