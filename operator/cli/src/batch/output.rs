//! Where decisions go, and how they are written there.

mod csv;
mod ndjson;
mod parquet;
mod text;

use std::collections::BTreeSet;

use attune_core::bundle::Bundle;
use attune_core::decide::Decision;

pub(crate) use self::csv::{Csv, quoted};
pub(crate) use self::parquet::Parquet;
pub(crate) use ndjson::Ndjson;
pub(crate) use text::Text;

use super::shape::Shape;

/// How one decision is written as bytes: what stands before the unit's id, between it and the decision's id, and after that.
/// All but the two ids is the same for all decisions of one shape, and is written once.
pub(crate) trait Layout {
    /// What stands before everything else.
    fn header(&self) -> Vec<u8>;
    /// What stands between the ids.
    fn middle(&self, decision: &Decision<'_>) -> Vec<u8>;
    /// Writes one decision.
    fn write(&self, unit: &str, middle: &[u8], id: &str, out: &mut Vec<u8>);
}

/// Takes decisions.
pub(crate) trait Sink {
    /// What of a decision is the same for all of its shape, as this sink writes it.
    fn middle(&mut self, decision: &Decision<'_>) -> Vec<u8>;

    /// All that was made by [`Sink::middle`] so far is not asked for again.
    fn forget(&mut self) {}

    /// Takes one decision.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write(&mut self, unit: &str, shape: &Shape<'_>, id: &str) -> anyhow::Result<()>;

    /// Makes all that was taken durable, as far as that can be done before the end; gives where a run can go on.
    ///
    /// # Errors
    /// When it cannot be made durable.
    fn commit(&mut self) -> anyhow::Result<Mark>;

    /// Puts everything where it belongs, all at once.
    ///
    /// # Errors
    /// When it cannot be put there.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// How far an output is written: bytes of a file, or files of a folder. `None`: a run that ends here begins anew.
pub(crate) type Mark = Option<u64>;

/// The names of the slots that contents of some touchpoints may fill.
pub(crate) fn slots(bundle: &Bundle, touchpoints: &[String]) -> Vec<String> {
    let mut modules = BTreeSet::new();
    for name in touchpoints {
        modules.extend(bundle.touchpoints.get(name).and_then(|one| one.baseline.as_ref()));
    }
    for (name, binding) in &bundle.bindings {
        if !touchpoints.contains(&binding.touchpoint) {
            continue;
        }
        modules.extend(binding.candidates.iter().map(|candidate| &candidate.module));
        let experiments = bundle.experiments.values();
        let arms = experiments
            .filter(|experiment| experiment.bindings.contains(name))
            .flat_map(|experiment| &experiment.arms);
        modules.extend(arms.filter_map(|arm| arm.effect.module_for(name)));
    }
    let modules = modules.into_iter().filter_map(|id| bundle.modules.get(id));
    let names = modules.flat_map(|module| {
        let localized = module.localized_core.values().flat_map(|slots| slots.keys());
        let variants = module.variants.iter().flat_map(|variant| {
            let localized = variant.localized_content.values().flat_map(|slots| slots.keys());
            variant.content.keys().chain(localized)
        });
        module.core.keys().chain(localized).chain(variants)
    });
    let names: BTreeSet<_> = names.cloned().collect();
    names.into_iter().collect()
}

/// A slot's value as text: strings as they are, anything else as JSON.
pub(crate) fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The fields of a decision that are names, in the order of columns: `touchpoint`, `variant`, then after the content
/// `reason` to `revision`.
pub(crate) struct Facts<'e> {
    pub(crate) variant: Option<&'e str>,
    pub(crate) program: Option<&'e str>,
    pub(crate) binding: Option<&'e str>,
    pub(crate) audience: Option<&'e str>,
    pub(crate) experiment: Option<&'e str>,
    pub(crate) arm: Option<&'e str>,
    pub(crate) holdout: Option<&'e str>,
    pub(crate) held: Option<bool>,
}

impl<'e> Facts<'e> {
    /// All of them: whoever runs a batch is no browser.
    pub(crate) fn of(decision: &Decision<'e>) -> Self {
        Self {
            variant: decision.content.map(|content| content.variant),
            program: decision.winner.map(|winner| winner.program),
            binding: decision.winner.map(|winner| winner.binding),
            audience: decision.winner.and_then(|winner| winner.audience),
            experiment: decision.enrolment.map(|enrolment| enrolment.experiment),
            arm: decision.enrolment.map(|enrolment| enrolment.arm),
            holdout: decision.holdout.map(|test| test.name),
            held: decision.holdout.map(|test| test.held),
        }
    }
}
