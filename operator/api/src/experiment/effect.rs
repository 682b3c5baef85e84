//! What the units of an arm get.

use std::borrow::Cow;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::common::LocalRef;
use crate::rules::must_at;
use crate::text::ItemName;

/// What the units of an arm get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Effect {
    /// The touchpoint's baseline.
    Baseline,
    /// What the rules would give without the experiment.
    Personalize,
    /// A module, with the variant that fits the unit best.
    Module {
        /// The module.
        #[serde(rename = "moduleRef")]
        module_ref: LocalRef,
    },
    /// One variant of a module.
    Variant {
        /// The module.
        #[serde(rename = "moduleRef")]
        module_ref: LocalRef,
        /// The variant.
        name: ItemName,
    },
}

impl Effect {
    /// Which of the four it is.
    pub fn type_(&self) -> EffectType {
        match self {
            Self::Baseline => EffectType::Baseline,
            Self::Personalize => EffectType::Personalize,
            Self::Module { .. } => EffectType::Module,
            Self::Variant { .. } => EffectType::Variant,
        }
    }

    /// The module that it shows, where it names one.
    pub fn module_ref(&self) -> Option<&LocalRef> {
        match self {
            Self::Baseline | Self::Personalize => None,
            Self::Module { module_ref } | Self::Variant { module_ref, .. } => Some(module_ref),
        }
    }
}

/// The schema of [`Effect`].
#[derive(Serialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "moduleRef",
        "has(self.moduleRef) == (self.type in ['Module', 'Variant'])",
        "give `moduleRef` with Module and Variant, and only with them"
    ),
    validation = must_at(
        "name",
        "has(self.name) == (self.type == 'Variant')",
        "give `name` with Variant, and only with it"
    )
)]
#[serde(rename_all = "camelCase")]
struct EffectFields {
    /// Which of the four it is.
    #[serde(rename = "type")]
    type_: EffectType,
    /// The module of `Module` and `Variant`.
    #[serde(default)]
    module_ref: Option<LocalRef>,
    /// The variant of `Variant`.
    #[serde(default)]
    name: Option<ItemName>,
}

/// Which effect it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum EffectType {
    /// The touchpoint's baseline.
    Baseline,
    /// What the rules would give without the experiment.
    Personalize,
    /// A module.
    Module,
    /// One variant of a module.
    Variant,
}

impl JsonSchema for Effect {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Effect".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        EffectFields::json_schema(generator)
    }
}
