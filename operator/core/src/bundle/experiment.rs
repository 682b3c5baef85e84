//! Experiments, as bundles carry them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ContentId, Window, is_false};

/// What is being tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Experiment {
    /// How units are treated now.
    pub mode: ExperimentMode,
    /// When the split runs; before it the experiment is ignored, after it everybody gets the control's effect.
    #[serde(default, skip_serializing_if = "Window::is_always")]
    pub schedule: Window,
    /// Precedes the unit in the hash: `spec.salt`, or `<namespace>/<experiment>`. Without the phase, see
    /// [`Experiment::arms_salt`].
    pub salt: String,
    /// The phase, as exposures carry it; from 2 on, each assigns arms anew.
    pub phase: i32,
    /// Binding names.
    pub bindings: Vec<String>,
    /// Audience names; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Share of units enrolled, in basis points.
    pub traffic_bp: u32,
    /// The range of an exclusion group that belongs to this experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion: Option<Exclusion>,
    /// The arms in the listed order.
    pub arms: Vec<Arm>,
}

impl Experiment {
    /// What precedes the unit where arms are assigned. A new phase assigns them anew.
    pub fn arms_salt(&self) -> String {
        match self.phase {
            ..=1 => self.salt.clone(),
            phase => format!("{}:p{phase}", self.salt),
        }
    }

    /// What precedes the unit where traffic is admitted: the experiment's own salt in every phase, so that a share that
    /// grows lets units in, in whichever phase it grows.
    pub fn traffic_salt(&self) -> String {
        format!("{}:traffic", self.salt)
    }
}

/// How an experiment treats units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ExperimentMode {
    /// Units are split over the arms.
    Split,
    /// Everybody gets the control's effect: paused, stopped, retired or harmful.
    Control,
    /// Everybody gets the named arm's effect.
    Promoted {
        /// The winning arm.
        arm: String,
    },
}

/// A range of an exclusion group, `[from_bp, to_bp)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exclusion {
    /// Precedes the unit in the hash.
    pub salt: String,
    /// First bucket inside.
    pub from_bp: u32,
    /// First bucket after.
    pub to_bp: u32,
}

/// One arm of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Arm {
    /// The arm's name.
    pub name: String,
    /// Its share of the sum of weights.
    pub weight: u32,
    /// Whether it is the control.
    #[serde(default, skip_serializing_if = "is_false")]
    pub control: bool,
    /// What its units get.
    pub effect: Effect,
}

/// What the units of an arm get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Effect {
    /// The touchpoint's baseline.
    Baseline,
    /// What they would get without the experiment.
    Personalize,
    /// The most specific variant of another module.
    Module {
        /// The module.
        module: ContentId,
        /// The module by binding, where that shows it in another form.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        forms: BTreeMap<String, ContentId>,
    },
    /// One named variant.
    Variant {
        /// The module.
        module: ContentId,
        /// The module by binding, where that shows it in another form.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        forms: BTreeMap<String, ContentId>,
        /// The variant's name.
        variant: String,
    },
}

impl Effect {
    /// The modules that it shows.
    pub fn modules(&self) -> impl Iterator<Item = &ContentId> {
        let shown = match self {
            Self::Baseline | Self::Personalize => None,
            Self::Module { module, forms } | Self::Variant { module, forms, .. } => {
                Some(std::iter::once(module).chain(forms.values()))
            }
        };
        shown.into_iter().flatten()
    }

    /// The module that it shows for a binding, where it names one.
    pub fn module_for(&self, binding: &str) -> Option<&ContentId> {
        match self {
            Self::Baseline | Self::Personalize => None,
            Self::Module { module, forms } | Self::Variant { module, forms, .. } => {
                Some(forms.get(binding).unwrap_or(module))
            }
        }
    }

    /// As [`Effect::modules`], to be changed.
    pub fn modules_mut(&mut self) -> impl Iterator<Item = &mut ContentId> {
        let shown = match self {
            Self::Baseline | Self::Personalize => None,
            Self::Module { module, forms } | Self::Variant { module, forms, .. } => {
                Some(std::iter::once(module).chain(forms.values_mut()))
            }
        };
        shown.into_iter().flatten()
    }
}
