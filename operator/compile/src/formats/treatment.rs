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
        self::effect(bundle, effect, audience, labels, &own, baseline)
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

/// What an arm shows: its own words where they may be shown, else the baseline.
fn effect(
    bundle: &Bundle,
    effect: &Effect,
    audience: Option<&str>,
    labels: &mut Labels<'_>,
    own: &Words,
    baseline: &Words,
) -> Words {
    let is_shown = |module: &str| bundle.modules.get(module).is_some_and(|module| !module.suspended);
    match effect {
        Effect::Personalize => own.or(baseline),
        Effect::Module { module } if is_shown(module) => labels.specific(module, audience).or(baseline),
        Effect::Variant { module, variant } if is_shown(module) => labels.named(module, variant).or(baseline),
        Effect::Baseline | Effect::Module { .. } | Effect::Variant { .. } => baseline.clone(),
    }
}
