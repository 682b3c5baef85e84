//! Experiments and holdouts as bundles carry them.

use std::collections::BTreeMap;

use attune_api::experiment::{Arm, Assignment, Effect, ExperimentState, Outcome, Schedule};
use attune_api::holdout::HoldoutScope;
use attune_api::{ExperimentSpec, Holdout, HoldoutSpec, Kind, ObjectName};
use attune_core::bundle::{self, ContentId, Window};

use super::Assembly;
use crate::adapt::Bound;
use crate::registration;

/// The text that precedes a unit where an experiment splits; the engine appends the phase for the arms alone, so that
/// traffic that grows with a new phase only lets units in.
fn salt(namespace: &str, name: &str, spec: &ExperimentSpec) -> String {
    spec.salt
        .as_ref()
        .map_or_else(|| format!("{namespace}/{name}"), |salt| salt.as_str().to_owned())
}

/// Whether deciders have anything to do with an experiment.
pub(super) fn is_compiled(spec: &ExperimentSpec) -> bool {
    spec.assignment() == Assignment::Engine && spec.state != ExperimentState::Draft
}

impl<'a> Assembly<'a> {
    /// Adds the experiments that split one of the bundle's bindings: first those that compile, then last forms.
    pub(super) fn add_experiments(&mut self) {
        let snapshot = self.model.snapshot;
        let mut broken = Vec::new();
        for (name, experiment) in &snapshot.experiments {
            let spec = &experiment.spec;
            if !is_compiled(spec) {
                continue;
            }
            let mut bindings = spec.bindings.iter();
            let present = bindings.any(|binding| self.bundle.bindings.contains_key(binding.as_str()));
            let sound = self.report.is_sound((Kind::Experiment, name));
            if sound && !present {
                continue;
            }
            match sound.then(|| self.lower_experiment(name, spec)).flatten() {
                Some(lowered) => {
                    self.bundle.experiments.insert(name.clone(), lowered);
                }
                None => broken.push((name.as_str(), Some(spec.state))),
            }
        }
        broken.extend(snapshot.unreadable(Kind::Experiment).map(|name| (name, None)));
        for (name, state) in broken {
            self.carry_experiment(name, state);
        }
    }

    fn lower_experiment(&mut self, name: &str, spec: &'a ExperimentSpec) -> Option<bundle::Experiment> {
        let namespace = &self.model.snapshot.namespace;
        let bindings = spec.bindings.iter().map(|binding| binding.as_str().to_owned());
        let bindings = bindings
            .filter(|binding| self.bundle.bindings.contains_key(binding))
            .collect();
        let arms = spec
            .arms
            .iter()
            .map(|arm| self.lower_arm(arm, &spec.bindings))
            .collect::<Option<Vec<_>>>()?;
        Some(bundle::Experiment {
            mode: self.mode(name, spec),
            schedule: spec.schedule.as_ref().map(window).unwrap_or_default(),
            salt: salt(namespace, name, spec),
            phase: i32::try_from(spec.phase()).unwrap_or(i32::MAX),
            bindings,
            audiences: spec
                .audiences
                .iter()
                .map(|audience| audience.as_str().to_owned())
                .collect(),
            traffic_bp: spec.traffic().get_u32(),
            exclusion: spec.exclusion.as_ref().map(|range| bundle::Exclusion {
                salt: format!("{namespace}/{}:exclusion", range.group),
                from_bp: range.from_bp.get_u32(),
                to_bp: range.to_bp.get_u32(),
            }),
            arms,
        })
    }

    /// How units are treated: as the owner says, and where the owner lets it run, as the verdict has decided.
    fn mode(&self, name: &str, spec: &ExperimentSpec) -> bundle::ExperimentMode {
        if matches!(spec.state, ExperimentState::Paused | ExperimentState::Stopped) {
            return bundle::ExperimentMode::Control;
        }
        let Some(decision) = registration::decision(self.model, name) else {
            return bundle::ExperimentMode::Split;
        };
        let arm = decision.arm.as_ref().map(|arm| arm.as_str().to_owned());
        match (decision.outcome, arm) {
            (Outcome::Promoted, Some(arm)) => bundle::ExperimentMode::Promoted { arm },
            _ => bundle::ExperimentMode::Control,
        }
    }

    fn lower_arm(&mut self, arm: &Arm, bindings: &'a [ObjectName]) -> Option<bundle::Arm> {
        let effect = match &arm.effect {
            Effect::Baseline => bundle::Effect::Baseline,
            Effect::Personalize => bundle::Effect::Personalize,
            Effect::Module { module_ref } => {
                let (module, forms) = self.add_forms(&module_ref.name, bindings)?;
                bundle::Effect::Module { module, forms }
            }
            Effect::Variant { module_ref, name } => {
                let (module, forms) = self.add_forms(&module_ref.name, bindings)?;
                bundle::Effect::Variant {
                    module,
                    forms,
                    variant: name.as_str().to_owned(),
                }
            }
        };
        Some(bundle::Arm {
            name: arm.name.as_str().to_owned(),
            weight: arm.weight.get_u32(),
            control: arm.control,
            effect,
        })
    }

    /// Adds a module as the first of the bindings shows it, and as others do that show it in another form.
    fn add_forms(
        &mut self,
        module: &str,
        bindings: &'a [ObjectName],
    ) -> Option<(ContentId, BTreeMap<String, ContentId>)> {
        let mut first = None;
        let mut forms = BTreeMap::new();
        for name in bindings {
            let Some(binding) = self.bundle.bindings.get(name.as_str()) else {
                continue;
            };
            if self.is_form_unknown(&binding.touchpoint) {
                return None;
            }
            let program = self.model.snapshot.programs.get_key_value(&binding.program);
            let bound = program.map(|(program, _)| Bound {
                binding: name,
                program,
            });
            let place = self.place(&binding.touchpoint, bound);
            let id = self.add_module(module, place)?;
            if *first.get_or_insert_with(|| id.clone()) != id {
                forms.insert(name.as_str().to_owned(), id);
            }
        }
        Some((first?, forms))
    }

    /// Adds the holdouts that cover a program and names them in the order in which they are tested: the namespace's
    /// first, then its `own`. One that is missing, or no longer sound, stays enforced where it was.
    pub(super) fn covering_holdouts(&mut self, program: &str, own: Vec<&str>) -> Vec<String> {
        let snapshot = self.model.snapshot;
        let last = self.previous.and_then(|previous| previous.programs.get(program));
        let last = last.map_or(&[][..], |program| program.holdouts.as_slice());
        let whole = snapshot
            .holdouts
            .iter()
            .filter(|(_, holdout)| holdout.spec.scope == HoldoutScope::Namespace)
            .map(|(name, _)| name.as_str());
        // Whether one that cannot be read is the whole namespace's, only what was published can tell.
        let unreadable = last
            .iter()
            .map(String::as_str)
            .filter(|name| snapshot.is_unreadable(Kind::Holdout, name));
        let mut covering: Vec<String> = Vec::new();
        for name in whole.chain(unreadable).chain(own) {
            if !covering.iter().any(|known| known == name) && self.add_holdout(name, last) {
                covering.push(name.to_owned());
            }
        }
        covering
    }

    /// Adds a holdout; gives whether it holds.
    fn add_holdout(&mut self, name: &str, last: &[String]) -> bool {
        let snapshot = self.model.snapshot;
        let sound = self.report.is_sound((Kind::Holdout, name));
        match snapshot.holdouts.get(name) {
            Some(holdout) if holdout.spec.period.until.timestamp() <= self.model.at => false,
            Some(holdout) if sound => {
                let lowered = lower(&snapshot.namespace, name, holdout);
                self.bundle.holdouts.insert(name.to_owned(), lowered);
                true
            }
            _ => last.iter().any(|known| known == name) && self.carry_holdout(name),
        }
    }
}

/// The text that precedes a unit where a holdout is drawn.
pub(crate) fn holdout_salt(namespace: &str, name: &str, spec: &HoldoutSpec) -> String {
    spec.salt.as_ref().map_or_else(
        || format!("{namespace}/{name}:holdout"),
        |salt| salt.as_str().to_owned(),
    )
}

fn lower(namespace: &str, name: &str, holdout: &Holdout) -> bundle::Holdout {
    let spec = &holdout.spec;
    bundle::Holdout {
        salt: holdout_salt(namespace, name, spec),
        share_bp: spec.share_bp.get_u32(),
        period: Window {
            from: Some(spec.period.from.timestamp()),
            until: Some(spec.period.until.timestamp()),
        },
    }
}

fn window(schedule: &Schedule) -> Window {
    Window {
        from: schedule.start.as_ref().map(attune_api::Instant::timestamp),
        until: schedule.end.as_ref().map(attune_api::Instant::timestamp),
    }
}
