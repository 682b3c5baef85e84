//! What an experiment makes of whoever a candidate wins.

use attune_core::bundle::{Bundle, Effect, Experiment, ExperimentMode, Window};

use super::order::Ranked;
use super::words::{Labels, Words};

/// What may happen to a unit, in the order in which it is tried: the first whose time it is, and whose buckets the unit is
/// in, happens.
#[derive(Debug)]
pub(super) enum Treatment<'b> {
    /// Units in these ranges are split over arms.
    Split {
        /// The experiment's name.
        name: &'b str,
        experiment: &'b Experiment,
        arms: Vec<Words>,
    },
    /// Everybody gets one arm's words from an instant on.
    Everybody { from: Window, words: Words },
}

/// The words of a candidate for whom one of its audiences admits (`None`: it names none), and what experiments make of them.
/// Enrolment in any experiment beats a promoted arm, which beats a control.
pub(super) fn treatments<'b>(
    bundle: &'b Bundle,
    one: &Ranked<'b>,
    audience: Option<&str>,
    labels: &mut Labels<'b>,
    baseline: &Words,
) -> Vec<Treatment<'b>> {
    let applicable = || applicable(bundle, one.name, audience);
    let mut effect = |effect: &Effect| {
        let own = labels.specific(&one.candidate.module, audience);
        match shown(bundle, effect, one.name) {
            Shown::Own => own.or(baseline),
            Shown::Module(module) => labels.specific(module, audience).or(baseline),
            Shown::Variant(module, variant) => labels.named(module, variant).or(baseline),
            Shown::Baseline => baseline.clone(),
        }
    };
    let mut treatments = Vec::new();
    for (name, experiment) in applicable() {
        if experiment.mode == ExperimentMode::Split {
            let arms = experiment.arms.iter().map(|arm| effect(&arm.effect)).collect();
            treatments.push(Treatment::Split {
                name,
                experiment,
                arms,
            });
        }
    }
    for (_, experiment) in applicable() {
        if let ExperimentMode::Promoted { arm } = &experiment.mode {
            let promoted = experiment.arms.iter().find(|known| known.name == *arm);
            treatments.extend(promoted.map(|arm| everybody(experiment, effect(&arm.effect))));
        }
    }
    for (_, experiment) in applicable() {
        if !matches!(experiment.mode, ExperimentMode::Promoted { .. }) {
            let control = experiment.arms.iter().find(|arm| arm.control);
            treatments.extend(control.map(|arm| everybody(experiment, effect(&arm.effect))));
        }
    }
    treatments
}

fn everybody<'b>(experiment: &Experiment, words: Words) -> Treatment<'b> {
    let from = Window {
        from: experiment.schedule.from,
        until: None,
    };
    Treatment::Everybody { from, words }
}

fn applicable<'b>(
    bundle: &'b Bundle,
    binding: &str,
    audience: Option<&str>,
) -> impl Iterator<Item = (&'b str, &'b Experiment)> {
    let experiments = bundle.experiments.iter();
    let applicable = experiments.filter(move |(_, experiment)| {
        let covers = experiment.audiences.is_empty()
            || audience.is_some_and(|audience| experiment.audiences.iter().any(|name| name == audience));
        covers && experiment.bindings.iter().any(|name| name == binding)
    });
    applicable.map(|(name, experiment)| (name.as_str(), experiment))
}

/// What an arm shows, and the baseline where that may not be shown.
enum Shown<'b> {
    /// What the candidate would show.
    Own,
    Module(&'b str),
    Variant(&'b str, &'b str),
    Baseline,
}

/// What an arm shows for a binding; a suspended module shows nothing.
fn shown<'b>(bundle: &Bundle, effect: &'b Effect, binding: &str) -> Shown<'b> {
    let is_shown = |module: &&str| {
        bundle
            .modules
            .get(*module)
            .is_some_and(|module| !module.suspended)
    };
    let module = effect.module_for(binding).map(String::as_str).filter(is_shown);
    match (effect, module) {
        (Effect::Personalize, _) => Shown::Own,
        (Effect::Module { .. }, Some(module)) => Shown::Module(module),
        (Effect::Variant { variant, .. }, Some(module)) => Shown::Variant(module, variant),
        (Effect::Baseline | Effect::Module { .. } | Effect::Variant { .. }, _) => Shown::Baseline,
    }
}
