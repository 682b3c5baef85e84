//! Resolving an experiment's arms.

use std::collections::BTreeMap;

use super::{Linker, find};
use crate::bucket::{Salt, Weights};
use crate::bundle::{self, ContentId};
use crate::engine::{Arm, ByBinding, Effect, EngineError, Experiment, Mode};

impl Linker<'_> {
    pub(super) fn experiments(&self) -> Result<Vec<Experiment>, EngineError> {
        let experiments = self.bundle.experiments.iter();
        experiments
            .map(|(name, experiment)| self.experiment(name, experiment))
            .collect()
    }

    fn experiment(&self, name: &str, experiment: &bundle::Experiment) -> Result<Experiment, EngineError> {
        let invalid = |why| EngineError::Arms {
            name: name.to_owned(),
            why,
        };
        let weights = Weights::new(experiment.arms.iter().map(|arm| arm.weight))
            .ok_or_else(|| invalid("the weights sum to nothing or overflow"))?;
        let mut controls = experiment.arms.iter().zip(0..).filter(|(arm, _)| arm.control);
        let (Some((_, control)), None) = (controls.next(), controls.next()) else {
            return Err(invalid("not exactly one arm is the control"));
        };
        let position = |arm: &str| experiment.arms.iter().position(|known| known.name == arm);
        let mode = match &experiment.mode {
            bundle::ExperimentMode::Split => Mode::Split,
            bundle::ExperimentMode::Control => Mode::Control,
            bundle::ExperimentMode::Promoted { arm } => {
                Mode::Promoted(position(arm).ok_or_else(|| invalid("the promoted arm is none of them"))?)
            }
        };
        let arms: Result<_, _> = experiment.arms.iter().map(|arm| self.arm(name, arm)).collect();
        Ok(Experiment {
            name: name.to_owned(),
            mode,
            schedule: experiment.schedule,
            arms_salt: Salt::new(&experiment.arms_salt()),
            traffic_salt: Salt::new(&experiment.traffic_salt()),
            traffic_bp: experiment.traffic_bp,
            phase: experiment.phase,
            exclusion: experiment
                .exclusion
                .as_ref()
                .map(|range| (Salt::new(&range.salt), range.from_bp, range.to_bp)),
            audiences: experiment.audiences.clone(),
            weights,
            arms: arms?,
            control,
        })
    }

    fn arm(&self, experiment: &str, arm: &bundle::Arm) -> Result<Arm, EngineError> {
        Ok(Arm {
            name: arm.name.clone(),
            effect: self.effect(experiment, &arm.effect)?,
        })
    }

    fn effect(&self, experiment: &str, effect: &bundle::Effect) -> Result<Effect, EngineError> {
        let field = format!("experiments.{experiment}.arms");
        let module = |id: &str| find(&self.modules, &field, id);
        Ok(match effect {
            bundle::Effect::Baseline => Effect::Baseline,
            bundle::Effect::Personalize => Effect::Personalize,
            bundle::Effect::Module { module: id, forms } => {
                Effect::Module(self.by_binding((id, forms), module)?)
            }
            bundle::Effect::Variant {
                module: id,
                forms,
                variant,
            } => {
                let shown = |id: &str| {
                    let variants = self.bundle.modules.get(id);
                    let variants = variants.map(|module| module.variants.as_slice());
                    let named = |known: &bundle::Variant| &known.name == variant;
                    let place = variants.unwrap_or_default().iter().position(named);
                    Ok((module(id)?, place))
                };
                Effect::Variant(self.by_binding((id, forms), shown)?)
            }
        })
    }

    fn by_binding<T>(
        &self,
        (general, forms): (&str, &BTreeMap<String, ContentId>),
        shown: impl Fn(&str) -> Result<T, EngineError>,
    ) -> Result<ByBinding<T>, EngineError> {
        // A binding that is not in the bundle shows nothing.
        let others = forms
            .iter()
            .filter_map(|(binding, id)| Some((*self.bindings.get(binding.as_str())?, id)))
            .map(|(binding, id)| Ok::<_, EngineError>((binding, shown(id)?)));
        Ok(ByBinding {
            general: shown(general)?,
            others: others.collect::<Result<_, EngineError>>()?,
        })
    }
}
