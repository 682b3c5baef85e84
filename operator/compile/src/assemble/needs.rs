//! What of a module matters to one Channel: a variant for nobody there is no business of its deciders.

use std::collections::BTreeSet;

use attune_api::content_module::Variant;
use attune_api::experiment::Effect;
use attune_api::{ChannelBinding, ObjectName};

use super::experiment::is_compiled;
use crate::snapshot::Snapshot;

/// What a Channel's bindings and the experiments on them name.
pub(super) struct Needs<'a> {
    /// Audiences that some binding names.
    audiences: BTreeSet<&'a str>,
    /// Audiences that last forms name, of bindings that cannot be read.
    pub(super) carried: BTreeSet<String>,
    /// Module and variant that some experiment's arm names.
    variants: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Needs<'a> {
    /// As far as bindings can be read.
    pub(super) fn of(snapshot: &'a Snapshot, channel: &str) -> Self {
        let ours = |binding: &&ChannelBinding| binding.spec.channel_ref.name.as_str() == channel;
        let bindings = snapshot.bindings.values().map(AsRef::as_ref).filter(ours);
        let candidates = bindings.flat_map(|binding| &binding.spec.candidates);
        let audiences = candidates.flat_map(|candidate| candidate.audiences.iter().map(ObjectName::as_str));
        let splitting = snapshot.experiments.values().filter(|experiment| {
            let bindings = experiment.spec.bindings.iter();
            let bindings = bindings.filter_map(|name| snapshot.bindings.get(name.as_str()));
            is_compiled(&experiment.spec) && bindings.map(AsRef::as_ref).any(|binding| ours(&binding))
        });
        let arms = splitting.flat_map(|experiment| &experiment.spec.arms);
        let variants = arms.filter_map(|arm| match &arm.effect {
            Effect::Variant { module_ref, name } => Some((module_ref.name.as_str(), name.as_str())),
            Effect::Baseline | Effect::Personalize | Effect::Module { .. } => None,
        });
        Self {
            audiences: audiences.collect(),
            carried: BTreeSet::new(),
            variants: variants.collect(),
        }
    }

    /// Whether somebody on the Channel may see a variant.
    pub(super) fn covers(&self, module: &str, variant: &Variant) -> bool {
        let mut audiences = variant.audiences.iter();
        variant.audiences.is_empty()
            || audiences
                .any(|name| self.audiences.contains(name.as_str()) || self.carried.contains(name.as_str()))
            || self.variants.contains(&(module, variant.name.as_str()))
    }
}
