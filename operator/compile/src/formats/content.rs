//! Who gets which words, for tools that know their audiences themselves: per touchpoint the rules in the order in which they
//! are tried, each with its audience, its words in every locale, and the arms where an experiment runs.

use std::collections::BTreeSet;

use attune_core::bundle::{Bundle, Experiment, Window};
use serde_json::{Map, Value as Json, json};

use super::order::{Ranked, ranked};
use super::treatment::{Treatment, treatments};
use super::words::{Labels, Words};
use super::{Refusal, Written, place, set};
use crate::Publication;

/// Says what the document is and how it is read.
const FORMAT: &str = "attune.content/1";

/// Writes the words of every audience.
///
/// # Errors
/// None but where JSON cannot be written.
pub(super) fn write(publication: &Publication) -> Result<Written, Vec<Refusal>> {
    let bundle: &Bundle = &publication.bundle;
    let mut refusals = BTreeSet::new();
    let touchpoints = bundle.touchpoints.keys();
    let touchpoints: Map<String, Json> = touchpoints
        .map(|name| (name.clone(), touchpoint(bundle, name, &mut refusals)))
        .collect();
    let holdouts = bundle.holdouts.iter().map(|(name, holdout)| {
        let mut written = json!({"salt": holdout.salt, "shareBp": holdout.share_bp});
        add_window(&mut written, holdout.period);
        (name.clone(), written)
    });
    let document = json!({
        "format": FORMAT,
        "namespace": bundle.namespace,
        "channel": bundle.channel,
        "revision": publication.revision,
        "locales": bundle.settings.locales,
        "localeFallback": bundle.settings.locale_fallback,
        "holdouts": holdouts.collect::<Map<_, _>>(),
        "touchpoints": touchpoints,
    });
    super::document(&document, refusals)
}

fn touchpoint(bundle: &Bundle, name: &str, refusals: &mut BTreeSet<Refusal>) -> Json {
    let mut labels = Labels::new(bundle);
    let module = bundle
        .touchpoints
        .get(name)
        .and_then(|one| one.baseline.as_deref());
    let baseline = match module {
        Some(module) => labels.baseline(module),
        None => labels.none(),
    };
    let mut rules = Vec::new();
    for mut one in ranked(bundle, name) {
        if one.candidate.when.is_some() {
            one.refuse(
                format!("spec.candidates[{}].when", one.index),
                format!(
                    "a condition beside the audience is not in the format, whose tools know audiences by name: whoever the \
                     candidate may admit gets the baseline; make it an audience, {}",
                    place()
                ),
            );
        }
        rules.extend(candidate(bundle, &one, &mut labels, &baseline));
        refusals.extend(one.refusals);
    }
    let baseline = say(&labels, &baseline);
    let content = labels.into_contents();
    json!({"content": content, "baseline": baseline, "rules": rules})
}

/// A rule for each audience of a candidate, or for everybody.
fn candidate<'b>(
    bundle: &'b Bundle,
    one: &Ranked<'b>,
    labels: &mut Labels<'b>,
    baseline: &Words,
) -> Vec<Json> {
    let named = one.candidate.audiences.iter();
    let named = named.filter_map(|id| Some(Some(bundle.audiences.get(id)?.name.as_str())));
    let mut audiences: Vec<Option<&str>> = named.collect();
    if one.candidate.audiences.is_empty() {
        audiences.push(None);
    }
    audiences
        .into_iter()
        .map(|audience| rule(bundle, one, audience, labels, baseline))
        .collect()
}

fn rule<'b>(
    bundle: &'b Bundle,
    one: &Ranked<'b>,
    audience: Option<&str>,
    labels: &mut Labels<'b>,
    baseline: &Words,
) -> Json {
    let mut written = json!({
        "binding": one.name,
        "program": one.binding.program,
        "priority": one.binding.priority,
        "purpose": one.program.purpose,
        "holdouts": one.program.holdouts,
    });
    if let Some(audience) = audience {
        set(&mut written, "audience", json!(audience));
    }
    if one.binding.rollout_bp < 10_000 {
        set(
            &mut written,
            "rollout",
            json!({"salt": bundle.rollout_salt(one.name), "shareBp": one.binding.rollout_bp}),
        );
    }
    if !one.refusals.is_empty() {
        // It keeps its place, so that what stands below it takes nobody who is not for it.
        set(&mut written, "serves", json!("Baseline"));
        return written;
    }
    let words = labels.specific(&one.candidate.module, audience);
    set(&mut written, "serves", json!("Content"));
    set(&mut written, "words", say(labels, &words));
    let treatments = treatments(bundle, one, audience, labels, baseline);
    if !treatments.is_empty() {
        let treated = treatments.iter().map(|treatment| treat(labels, treatment));
        set(&mut written, "experiments", treated.collect());
    }
    written
}

fn treat(labels: &Labels<'_>, treatment: &Treatment<'_>) -> Json {
    match treatment {
        Treatment::Everybody { from, words } => {
            let mut written = json!({"words": say(labels, words)});
            add_window(&mut written, *from);
            written
        }
        Treatment::Split {
            name,
            experiment,
            arms,
        } => split(labels, name, experiment, arms),
    }
}

fn split(labels: &Labels<'_>, name: &str, experiment: &Experiment, arms: &[Words]) -> Json {
    let weighted = experiment.arms.iter().zip(arms);
    let arms: Vec<_> = weighted
        .map(|(arm, words)| {
            json!({"name": arm.name, "weight": arm.weight, "control": arm.control, "words": say(labels, words)})
        })
        .collect();
    let mut written = json!({"name": name, "salt": experiment.arms_salt(), "arms": arms});
    if experiment.traffic_bp < 10_000 {
        set(
            &mut written,
            "traffic",
            json!({"salt": experiment.traffic_salt(), "shareBp": experiment.traffic_bp}),
        );
    }
    if let Some(range) = &experiment.exclusion {
        set(
            &mut written,
            "exclusion",
            json!({"salt": range.salt, "fromBp": range.from_bp, "toBp": range.to_bp}),
        );
    }
    add_window(&mut written, experiment.schedule);
    written
}

/// By locale the labels that may be shown, the first that is valid now first.
fn say(labels: &Labels<'_>, words: &Words) -> Json {
    let locales = labels.locales().iter().zip(&words.by_locale);
    let by_locale = locales.map(|(locale, choices)| {
        let choices: Vec<_> = choices
            .iter()
            .map(|choice| {
                let mut written = json!({"content": choice.label});
                add_window(&mut written, choice.window);
                written
            })
            .collect();
        ((*locale).to_owned(), Json::Array(choices))
    });
    Json::Object(by_locale.collect())
}

fn add_window(written: &mut Json, window: Window) {
    for (field, at) in [("from", window.from), ("until", window.until)] {
        if let Some(at) = at {
            set(written, field, json!(at));
        }
    }
}
