//! Last published forms, carried over together with all that they need.
//!
//! Audiences and modules are named by their content, so that an old and a new form of one stand side by side.

use attune_api::ChannelBinding;
use attune_core::bundle::{self, ContentId, Effect};

use super::Assembly;

impl Assembly<'_> {
    /// Carries a binding that no longer compiles. What people switch off stays switched off.
    pub(super) fn carry_binding(&mut self, name: &str, now: &ChannelBinding) {
        let Some(mut binding) = self
            .previous
            .and_then(|previous| previous.bindings.get(name))
            .cloned()
        else {
            return;
        };
        // Its program is the one that it was published for; another one is a new binding.
        if binding.program != now.spec.program_ref.name.as_str() {
            return;
        }
        binding.suspended = now.spec.suspend;
        for candidate in &mut binding.candidates {
            candidate.module = self.carry_module(&candidate.module);
            for audience in &candidate.audiences {
                self.carry_audience(audience);
            }
        }
        if !self.bundle.touchpoints.contains_key(&binding.touchpoint) {
            let baseline = self.carry_baseline(&binding.touchpoint);
            self.bundle
                .touchpoints
                .insert(binding.touchpoint.clone(), bundle::Touchpoint { baseline });
        }
        self.bundle.bindings.insert(name.to_owned(), binding);
    }

    /// Carries the baseline of a touchpoint whose module is missing or does not fit.
    pub(super) fn carry_baseline(&mut self, touchpoint: &str) -> Option<ContentId> {
        let id = self.previous?.touchpoints.get(touchpoint)?.baseline.clone()?;
        Some(self.carry_module(&id))
    }

    /// Carries an experiment that no longer compiles, so that units stay in their arms.
    pub(super) fn carry_experiment(&mut self, name: &str) {
        let Some(mut experiment) = self
            .previous
            .and_then(|previous| previous.experiments.get(name))
            .cloned()
        else {
            return;
        };
        experiment
            .bindings
            .retain(|binding| self.bundle.bindings.contains_key(binding));
        for arm in &mut experiment.arms {
            if let Effect::Module { module } | Effect::Variant { module, .. } = &mut arm.effect {
                *module = self.carry_module(module);
            }
        }
        self.bundle.experiments.insert(name.to_owned(), experiment);
    }

    /// Carries a holdout that is missing; gives whether it was published.
    pub(super) fn carry_holdout(&mut self, name: &str) -> bool {
        let holdout = self.previous.and_then(|previous| previous.holdouts.get(name));
        holdout
            .map(|holdout| self.bundle.holdouts.insert(name.to_owned(), holdout.clone()))
            .is_some()
    }

    /// Carries a module's form. What people switch off stays switched off, also in an old form.
    fn carry_module(&mut self, id: &ContentId) -> ContentId {
        let Some(mut module) = self
            .previous
            .and_then(|previous| previous.modules.get(id))
            .cloned()
        else {
            return id.clone();
        };
        if let Some(now) = self.model.snapshot.modules.get(&module.name) {
            module.suspended = now.spec.suspend;
        }
        let id = bundle::content_id(&module.name, &module).unwrap_or_else(|_| id.clone());
        self.bundle.modules.insert(id.clone(), module);
        id
    }

    fn carry_audience(&mut self, id: &ContentId) {
        if let Some(audience) = self.previous.and_then(|previous| previous.audiences.get(id)) {
            self.bundle.audiences.insert(id.clone(), audience.clone());
        }
    }
}
