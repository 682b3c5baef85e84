//! Last published forms, carried over together with all that they need.
//!
//! Audiences and modules are named by their content, so that an old and a new form of one stand side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_api::experiment::ExperimentState;
use attune_api::{ChannelBindingSpec, Kind};
use attune_core::bundle::{self, ContentId, Experiment, ExperimentMode};

use super::{Assembly, content, has_program, stop};

impl Assembly<'_> {
    /// Carries the touchpoints of a Channel whose spec cannot be used.
    pub(super) fn carry_touchpoints(&mut self) {
        let touchpoints = self.previous.map(|previous| &previous.touchpoints);
        for name in touchpoints.into_iter().flat_map(|touchpoints| touchpoints.keys()) {
            self.carry_touchpoint(name);
        }
    }

    fn carry_touchpoint(&mut self, name: &str) {
        let last = self.previous.and_then(|previous| previous.touchpoints.get(name));
        let carried = bundle::Touchpoint {
            baseline: self.carry_baseline(name),
            formats: last.map(|last| last.formats.clone()).unwrap_or_default(),
        };
        self.bundle.touchpoints.insert(name.to_owned(), carried);
    }

    /// Carries a binding that no longer compiles, or whose present form (`None`) cannot be read. What people switch off
    /// stays switched off.
    pub(super) fn carry_binding(&mut self, name: &str, now: Option<&ChannelBindingSpec>) {
        let Some(mut binding) = self
            .previous
            .and_then(|previous| previous.bindings.get(name))
            .cloned()
        else {
            return;
        };
        // Its program is the one that it was published for; another one is a new binding.
        if now.is_some_and(|now| binding.program != now.program_ref.name.as_str()) {
            return;
        }
        if !has_program(self.model.snapshot, &binding.program) {
            return;
        }
        if !self.keeps_formats(&binding.touchpoint) {
            return;
        }
        binding.suspended = now.map_or(binding.suspended, |now| now.suspend);
        for candidate in &mut binding.candidates {
            candidate.module = self.carry_module(&candidate.module);
            for audience in &candidate.audiences {
                self.carry_audience(audience);
            }
        }
        if !self.bundle.touchpoints.contains_key(&binding.touchpoint) {
            self.carry_touchpoint(&binding.touchpoint);
        }
        self.bundle.bindings.insert(name.to_owned(), binding);
    }

    /// The audiences that last forms name, of bindings that cannot be read: of those that serve on, since the next compilation
    /// finds no others, and would make another bundle of the same strategy.
    pub(super) fn carried_audiences(&self) -> BTreeSet<String> {
        let snapshot = self.model.snapshot;
        let mut unreadable = snapshot.unreadable(Kind::ChannelBinding);
        let published = |name: &str| self.previous.is_some_and(|last| last.bindings.contains_key(name));
        let Some(mut last) = self.previous.filter(|_| unreadable.any(published)).cloned() else {
            return BTreeSet::new();
        };
        last.bindings.retain(|name, binding| {
            snapshot.is_unreadable(Kind::ChannelBinding, name)
                && has_program(snapshot, &binding.program)
                && self.keeps_formats(&binding.touchpoint)
        });
        stop::stop(&mut last, &self.report.stops);
        let candidates = last.bindings.values().flat_map(|binding| &binding.candidates);
        let audiences = candidates.flat_map(|candidate| &candidate.audiences);
        let names = audiences.filter_map(|id| Some(last.audiences.get(id)?.name.clone()));
        names.collect()
    }

    /// Whether a touchpoint still shows the formats that its last forms are in. If not, those must not be shown: what was text
    /// would be read as HTML.
    fn keeps_formats(&self, touchpoint: &str) -> bool {
        let last = self
            .previous
            .and_then(|previous| previous.touchpoints.get(touchpoint));
        let mut now = self
            .channel
            .into_iter()
            .flat_map(|channel| &channel.spec.touchpoints);
        match (last, now.find(|known| known.name == touchpoint)) {
            (Some(last), Some(now)) => last.formats == content::formats(now),
            _ => true,
        }
    }

    /// Carries the baseline of a touchpoint whose module is missing or does not fit.
    pub(super) fn carry_baseline(&mut self, touchpoint: &str) -> Option<ContentId> {
        if !self.keeps_formats(touchpoint) {
            return None;
        }
        let id = self.previous?.touchpoints.get(touchpoint)?.baseline.clone()?;
        Some(self.carry_module(&id))
    }

    /// Carries a program that cannot be read.
    pub(super) fn carry_program(&mut self, name: &str) {
        let Some(program) = self.previous.and_then(|previous| previous.programs.get(name)) else {
            return;
        };
        let own = program.holdouts.iter().map(String::as_str).collect();
        let holdouts = self.covering_holdouts(name, own);
        let carried = bundle::Program {
            holdouts,
            ..program.clone()
        };
        self.bundle.programs.insert(name.to_owned(), carried);
    }

    /// Carries an experiment that no longer compiles, so that units stay in their arms; one that was paused or stopped
    /// since puts nobody into arms. A form that would split the units of an experiment that compiles ends.
    pub(super) fn carry_experiment(&mut self, name: &str, state: Option<ExperimentState>) {
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
        if matches!(state, Some(ExperimentState::Paused | ExperimentState::Stopped)) {
            experiment.mode = ExperimentMode::Control;
        }
        let mut others = self.bundle.experiments.values();
        let in_old_form = experiment.bindings.iter().any(|binding| {
            let binding = self.bundle.bindings.get(binding);
            binding.is_some_and(|binding| !self.keeps_formats(&binding.touchpoint))
        });
        if experiment.bindings.is_empty() || in_old_form || others.any(|other| clash(&experiment, other)) {
            return;
        }
        for arm in &mut experiment.arms {
            for module in arm.effect.modules_mut() {
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
        if let Some(now) = self.model.snapshot.modules.get(&module.name)
            && module.suspended != now.spec.suspend
        {
            Arc::make_mut(&mut module).suspended = now.spec.suspend;
        }
        let id = bundle::content_id(&module.name, module.as_ref()).unwrap_or_else(|_| id.clone());
        self.bundle.modules.insert(id.clone(), module);
        id
    }

    fn carry_audience(&mut self, id: &ContentId) {
        if let Some(audience) = self.previous.and_then(|previous| previous.audiences.get(id)) {
            self.bundle.audiences.insert(id.clone(), audience.clone());
        }
    }
}

/// Whether two experiments could put one unit into arms.
fn clash(one: &Experiment, other: &Experiment) -> bool {
    let split = |experiment: &Experiment| experiment.mode == ExperimentMode::Split;
    let share = |one: &[String], other: &[String]| one.iter().any(|name| other.contains(name));
    let apart = match (&one.exclusion, &other.exclusion) {
        (Some(one), Some(other)) => {
            one.salt == other.salt && (one.to_bp <= other.from_bp || other.to_bp <= one.from_bp)
        }
        _ => false,
    };
    let any_audience = one.audiences.is_empty() || other.audiences.is_empty();
    split(one)
        && split(other)
        && !apart
        && share(&one.bindings, &other.bindings)
        && (any_audience || share(&one.audiences, &other.audiences))
}
