//! What a decision came to, by places in the engine: small, and the same for everybody for whom the answer is the same.

use std::hash::{Hash, Hasher};

use super::{Content, Decision, Enrolment, HoldoutTest, Reason, Winner};
use crate::engine::{Engine, Ix, Module, Touchpoint};

/// What a decision came to. Equal outcomes of one engine have the same [`Decision`], and thus the same answer but for its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub(super) touchpoint: Ix,
    pub(super) reason: Reason,
    /// Whether the holdout tested last holds the unit.
    pub(super) held: bool,
    /// The winner's place at the touchpoint.
    pub(super) candidate: Ix,
    pub(super) audience: Ix,
    pub(super) passed_holdout: Ix,
    pub(super) holdout: Ix,
    pub(super) experiment: Ix,
    pub(super) arm: Ix,
    pub(super) module: Ix,
    pub(super) variant: Ix,
    pub(super) locale: Ix,
}

/// In words instead of fields: a bulk answer hashes one of them for each touchpoint.
impl Hash for Outcome {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let why = Ix::new(self.reason as usize * 2 + usize::from(self.held));
        state.write_u64(self.touchpoint.beside(self.candidate));
        state.write_u64(self.audience.beside(why));
        state.write_u64(self.passed_holdout.beside(self.holdout));
        state.write_u64(self.experiment.beside(self.arm));
        state.write_u64(self.module.beside(self.variant));
        state.write_u64(self.locale.beside(Ix::NONE));
    }
}

impl Outcome {
    /// Why it came out like this.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The place of the touchpoint in [`Engine::touchpoints`].
    pub fn touchpoint(&self) -> Option<usize> {
        self.touchpoint.get()
    }

    /// The same with names, of the engine that decided.
    pub fn decision(self, engine: &Engine) -> Decision<'_> {
        let touchpoint = self
            .touchpoint
            .get()
            .and_then(|place| engine.touchpoints.get(place));
        let holdout = |place: Ix| {
            let holdout = engine.holdouts.get(place.get()?)?;
            Some(holdout.name.as_str())
        };
        Decision {
            touchpoint: touchpoint.map_or("", |touchpoint| &touchpoint.name),
            revision: &engine.revision,
            reason: self.reason,
            content: self.content(engine),
            winner: touchpoint.and_then(|touchpoint| self.winner(engine, touchpoint)),
            holdout: holdout(self.holdout).map(|name| HoldoutTest {
                name,
                held: self.held,
            }),
            passed_holdout: holdout(self.passed_holdout),
            enrolment: self.enrolment(engine),
            is_plain: engine.is_plain,
        }
    }

    fn winner<'e>(&self, engine: &'e Engine, touchpoint: &'e Touchpoint) -> Option<Winner<'e>> {
        let candidate = touchpoint.candidates.get(self.candidate.get()?)?;
        let binding = engine.bindings.get(candidate.binding)?;
        let module = engine.modules.get(candidate.module)?;
        let audience = self.audience.get().and_then(|place| engine.audiences.get(place));
        Some(Winner {
            program: &engine.programs.get(binding.program)?.name,
            binding: &binding.name,
            rule: binding.first_rule + candidate.index,
            exposure: binding.exposure,
            module: &module.name,
            labels: &module.labels,
            audience: audience.map(|audience| audience.name.as_str()),
        })
    }

    fn enrolment<'e>(&self, engine: &'e Engine) -> Option<Enrolment<'e>> {
        let experiment = engine.experiments.get(self.experiment.get()?)?;
        Some(Enrolment {
            experiment: &experiment.name,
            arm: &experiment.arms.get(self.arm.get()?)?.name,
            phase: experiment.phase,
        })
    }

    fn content<'e>(&self, engine: &'e Engine) -> Option<Content<'e>> {
        let module: &Module = engine.modules.get(self.module.get()?)?;
        let variant = self.variant.get()?;
        Some(Content {
            variant: &module.variants.get(variant)?.label,
            json: module.content(variant, self.locale.get()?)?,
        })
    }
}
