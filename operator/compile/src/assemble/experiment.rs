//! Experiments and holdouts as bundles carry them.

use attune_api::conditions::Reason;
use attune_api::experiment::{Arm, Assignment, Effect, ExperimentState, Schedule};
use attune_api::holdout::HoldoutScope;
use attune_api::{ExperimentSpec, Holdout, Kind};
use attune_core::bundle::{self, Window};

use super::Assembly;

/// The text that precedes a unit where an experiment splits; the engine appends the phase for the arms alone, so that
/// traffic that grows with a new phase only lets units in.
fn salt(namespace: &str, name: &str, spec: &ExperimentSpec) -> String {
    spec.salt
        .as_ref()
        .map_or_else(|| format!("{namespace}/{name}"), |salt| salt.as_str().to_owned())
}

impl Assembly<'_> {
    /// Adds the experiments that split one of the bundle's bindings.
    pub(super) fn add_experiments(&mut self) {
        let snapshot = self.model.snapshot;
        for (name, experiment) in &snapshot.experiments {
            let spec = &experiment.spec;
            let present = spec
                .bindings
                .iter()
                .any(|binding| self.bundle.bindings.contains_key(binding.as_str()));
            if spec.assignment() == Assignment::Imported || spec.state == ExperimentState::Draft || !present {
                continue;
            }
            let sound = self.report.is_sound(&snapshot.id(Kind::Experiment, name));
            let lowered = if sound {
                self.lower_experiment(name, spec)
            } else {
                None
            };
            match lowered {
                Some(lowered) => drop(self.bundle.experiments.insert(name.clone(), lowered)),
                None => self.carry_experiment(name),
            }
        }
    }

    fn lower_experiment(&mut self, name: &str, spec: &ExperimentSpec) -> Option<bundle::Experiment> {
        let namespace = &self.model.snapshot.namespace;
        let bindings = spec.bindings.iter().map(|binding| binding.as_str().to_owned());
        let bindings = bindings
            .filter(|binding| self.bundle.bindings.contains_key(binding))
            .collect();
        let arms = spec
            .arms
            .iter()
            .map(|arm| self.lower_arm(arm))
            .collect::<Option<Vec<_>>>()?;
        Some(bundle::Experiment {
            mode: match spec.state {
                ExperimentState::Running | ExperimentState::Draft => bundle::ExperimentMode::Split,
                ExperimentState::Paused | ExperimentState::Stopped => bundle::ExperimentMode::Control,
            },
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

    fn lower_arm(&mut self, arm: &Arm) -> Option<bundle::Arm> {
        let effect = match &arm.effect {
            Effect::Baseline => bundle::Effect::Baseline,
            Effect::Personalize => bundle::Effect::Personalize,
            Effect::Module { module_ref } => bundle::Effect::Module {
                module: self.add_module(&module_ref.name)?,
            },
            Effect::Variant { module_ref, name } => bundle::Effect::Variant {
                module: self.add_module(&module_ref.name)?,
                variant: name.as_str().to_owned(),
            },
        };
        Some(bundle::Arm {
            name: arm.name.as_str().to_owned(),
            weight: arm.weight.get_u32(),
            control: arm.control,
            effect,
        })
    }

    /// Adds the holdouts that cover a program and names them in the order in which they are tested: the namespace's
    /// first.
    pub(super) fn covering_holdouts(&mut self, program: &str, own: Option<&str>) -> Vec<String> {
        let snapshot = self.model.snapshot;
        let mut covering = Vec::new();
        for (name, holdout) in &snapshot.holdouts {
            let covers = holdout.spec.scope == HoldoutScope::Namespace;
            if covers && self.is_enforced(name) {
                covering.push(name.clone());
            }
        }
        if let Some(own) = own
            && !covering.iter().any(|name| name == own)
            && (!snapshot.holdouts.contains_key(own) || self.is_enforced(own))
        {
            covering.push(own.to_owned());
        }
        let previously = self.previous.and_then(|previous| previous.programs.get(program));
        covering.retain(|name| match snapshot.holdouts.get(name) {
            Some(holdout) => {
                self.bundle
                    .holdouts
                    .insert(name.clone(), lower(&snapshot.namespace, name, holdout));
                true
            }
            // A missing Holdout stays enforced where it was.
            None => {
                previously.is_some_and(|program| program.holdouts.contains(name)) && self.carry_holdout(name)
            }
        });
        covering
    }

    /// Whether a holdout of the snapshot holds: it is sound and its period is not over.
    fn is_enforced(&self, name: &str) -> bool {
        let object = self.model.snapshot.id(Kind::Holdout, name);
        let over = self
            .report
            .about(&object)
            .any(|finding| finding.reason == Reason::Expired);
        !over && self.report.is_sound(&object)
    }
}

fn lower(namespace: &str, name: &str, holdout: &Holdout) -> bundle::Holdout {
    let spec = &holdout.spec;
    bundle::Holdout {
        salt: spec.salt.as_ref().map_or_else(
            || format!("{namespace}/{name}:holdout"),
            |salt| salt.as_str().to_owned(),
        ),
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
