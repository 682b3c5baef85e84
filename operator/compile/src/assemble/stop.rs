//! What an enforced rule stops leaves the bundle, whichever form it is in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_core::bundle::{self, Bundle, Candidate, ContentId, Effect};

use crate::stops::Stops;

/// Takes out of a bundle what must not be in any, and what nobody needs after that.
///
/// A module whose baseline variant is stopped leaves as a whole: it has nothing for everybody any more, and touchpoints
/// that fall back on it answer with the caller's default.
pub(super) fn stop(bundle: &mut Bundle, stops: &Stops) {
    if stops.is_empty() {
        return;
    }
    let renamed = stop_variants(bundle, stops);
    for (name, binding) in &mut bundle.bindings {
        if let Some(share) = stops.share(name) {
            binding.rollout_bp = binding.rollout_bp.min(share);
        }
        let program = &binding.program;
        binding.candidates.retain_mut(|candidate| {
            rename(&renamed, &mut candidate.module)
                && stop_audiences(candidate, &bundle.audiences, stops, program)
                && !rules(candidate).any(|rule| stops.stops_rule(program, rule))
        });
    }
    bundle
        .bindings
        .retain(|_, binding| !binding.candidates.is_empty());
    for touchpoint in bundle.touchpoints.values_mut() {
        touchpoint.baseline = touchpoint
            .baseline
            .take()
            .and_then(|mut id| rename(&renamed, &mut id).then_some(id));
    }
    for arm in bundle.experiments.values_mut().flat_map(|one| &mut one.arms) {
        stop_arm(&mut arm.effect, &renamed, &bundle.modules);
    }
    prune(bundle);
}

/// What became of the modules that a variant left: their new ids, or nothing.
type Renamed = BTreeMap<ContentId, Option<ContentId>>;

fn stop_variants(bundle: &mut Bundle, stops: &Stops) -> Renamed {
    let mut renamed = Renamed::new();
    for (id, module) in std::mem::take(&mut bundle.modules) {
        if !module
            .variants
            .iter()
            .any(|variant| stops.stops_variant(&module, variant))
        {
            bundle.modules.insert(id, module);
            continue;
        }
        let mut left = module.as_ref().clone();
        left.variants
            .retain(|variant| !stops.stops_variant(&module, variant));
        let has_baseline = left.variants.iter().any(|variant| variant.name == left.baseline);
        let new = has_baseline
            .then(|| bundle::content_id(&left.name, &left).ok())
            .flatten();
        if let Some(new) = &new {
            bundle.modules.insert(new.clone(), Arc::new(left));
        }
        renamed.insert(id, new);
    }
    renamed
}

/// Follows a module to its new id; gives whether it is still there.
fn rename(renamed: &Renamed, id: &mut ContentId) -> bool {
    match renamed.get(id) {
        None => true,
        Some(None) => false,
        Some(Some(new)) => {
            id.clone_from(new);
            true
        }
    }
}

/// Drops audiences that a program may not look for; gives whether somebody is left.
fn stop_audiences(
    candidate: &mut Candidate,
    audiences: &BTreeMap<ContentId, Arc<bundle::Audience>>,
    stops: &Stops,
    program: &str,
) -> bool {
    // A candidate without audiences is for everybody.
    if candidate.audiences.is_empty() {
        return true;
    }
    candidate.audiences.retain(|id| {
        let audience = audiences.get(id);
        audience.is_none_or(|audience| !stops.stops_rule(program, &audience.rule))
    });
    !candidate.audiences.is_empty()
}

fn rules(candidate: &Candidate) -> impl Iterator<Item = &bundle::Rule> {
    candidate.when.iter().chain(&candidate.score)
}

/// An arm whose content is stopped gets the baseline.
fn stop_arm(effect: &mut Effect, renamed: &Renamed, modules: &BTreeMap<ContentId, Arc<bundle::Module>>) {
    let mut is_left = true;
    for module in effect.modules_mut() {
        is_left &= rename(renamed, module);
    }
    if let Effect::Variant { variant, .. } = &*effect {
        let has = |module: &bundle::Module| module.variants.iter().any(|one| one.name == *variant);
        is_left &= effect
            .modules()
            .all(|id| modules.get(id).is_none_or(|module| has(module)));
    }
    if !is_left {
        *effect = Effect::Baseline;
    }
}

/// Removes what nothing in the bundle refers to any more.
fn prune(bundle: &mut Bundle) {
    let bindings = &bundle.bindings;
    bundle.experiments.retain(|_, experiment| {
        experiment.bindings.retain(|name| bindings.contains_key(name));
        !experiment.bindings.is_empty()
    });
    let candidates = || bindings.values().flat_map(|binding| &binding.candidates);
    let programs: BTreeSet<_> = bindings.values().map(|binding| &binding.program).collect();
    bundle.programs.retain(|name, _| programs.contains(name));
    let held: BTreeSet<_> = bundle.programs.values().flat_map(|one| &one.holdouts).collect();
    bundle.holdouts.retain(|name, _| held.contains(name));
    let audiences: BTreeSet<_> = candidates().flat_map(|one| &one.audiences).collect();
    bundle.audiences.retain(|id, _| audiences.contains(id));
    let arms = bundle.experiments.values().flat_map(|one| &one.arms);
    let shown = arms.flat_map(|arm| arm.effect.modules());
    let baselines = bundle
        .touchpoints
        .values()
        .filter_map(|one| one.baseline.as_ref());
    let modules: BTreeSet<_> = candidates()
        .map(|one| &one.module)
        .chain(shown)
        .chain(baselines)
        .collect();
    bundle.modules.retain(|id, _| modules.contains(id));
}
