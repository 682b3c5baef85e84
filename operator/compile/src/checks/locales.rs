//! Some locales are not shown everything, and what a channel lists is written in.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::conditions::Reason;
use attune_api::content_module::Variant;
use attune_api::governance_policy::{LocaleLimits, LocalesRule};
use attune_api::{Channel, ContentModule, Kind, Locale};
use attune_core::locale::Lineage;

use crate::Model;
use crate::assemble::fallback;
use crate::facts::{Fact, Facts};
use crate::phrases::{Phrases, is_within};
use crate::policy::Ruling;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Compares what channels list with what is written, and both with what a policy keeps from a locale.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    if !model.policies.judges(|rules| rules.locales.as_ref()) {
        return;
    }
    let shown = shown(model);
    let mut facts = Facts::default();
    for ruling in model.policies.judging(|rules| rules.locales.as_ref()) {
        forbidden(model, &shown, &ruling, &mut facts);
        unserved(model, &shown, &ruling, &mut facts);
    }
    facts.report(report);
}

/// Channels that show a module, by module.
type Shown<'m> = BTreeMap<&'m str, BTreeSet<&'m str>>;

fn shown<'m>(model: &'m Model<'_>) -> Shown<'m> {
    let snapshot = model.snapshot;
    let mut shown = Shown::new();
    for (name, channel) in &snapshot.channels {
        let baselines = channel
            .spec
            .touchpoints
            .iter()
            .filter_map(|one| one.baseline.as_ref());
        for baseline in baselines {
            shown
                .entry(baseline.module_ref.name.as_str())
                .or_default()
                .insert(name);
        }
    }
    for binding in snapshot.bindings.values() {
        for candidate in &binding.spec.candidates {
            let channel = binding.spec.channel_ref.name.as_str();
            shown
                .entry(candidate.module_ref.name.as_str())
                .or_default()
                .insert(channel);
        }
    }
    // What an experiment shows instead of its bindings' candidates is shown where they are.
    for experiment in snapshot.experiments.values() {
        let arms = experiment.spec.arms.iter();
        let modules = arms.filter_map(|arm| Some(arm.effect.module_ref()?.name.as_str()));
        let bindings = experiment.spec.bindings.iter();
        let bindings = bindings.filter_map(|name| snapshot.bindings.get(name.as_str()));
        let channels: BTreeSet<_> = bindings.map(|one| one.spec.channel_ref.name.as_str()).collect();
        for module in modules {
            shown.entry(module).or_default().extend(&channels);
        }
    }
    shown
}

/// Locales in which somebody may see a variant: those that its channels list and that it is for.
fn seen_in<'m>(model: &'m Model<'_>, channels: &BTreeSet<&str>, variant: &Variant) -> BTreeSet<&'m str> {
    let is_for = |channel: &&&str| {
        variant.channels.is_empty() || variant.channels.iter().any(|one| one.as_str() == **channel)
    };
    let listed = channels
        .iter()
        .filter(is_for)
        .filter_map(|channel| model.snapshot.channels.get(*channel))
        .flat_map(|channel| channel.spec.locales.iter().map(move |locale| (channel, locale)));
    listed
        .filter(|(channel, listed)| {
            let mut own = variant.locales.iter();
            variant.locales.is_empty() || own.any(|own| is_served(channel, listed, own))
        })
        .map(|(_, listed)| listed.as_str())
        .collect()
}

/// Whether words written in a locale are for whoever a channel meets in another: it is within it, or falls back on it.
fn is_served(channel: &Channel, listed: &Locale, written: &Locale) -> bool {
    let fallback = fallback(&channel.spec);
    is_within(listed, written.as_str()) || Lineage::of(listed, &fallback).falls_back_on(written)
}

/// What a policy keeps from a locale is not shown there.
fn forbidden(model: &Model<'_>, shown: &Shown<'_>, ruling: &Ruling<'_, LocalesRule>, facts: &mut Facts) {
    if ruling.rule.forbidden.is_empty() {
        return;
    }
    for (name, module) in &model.snapshot.modules {
        let Some(channels) = shown.get(name.as_str()) else {
            continue;
        };
        for (index, variant) in module.spec.variants.iter().enumerate() {
            let seen = seen_in(model, channels, variant);
            for (range, limits) in &ruling.rule.forbidden {
                let Some(locale) = seen.iter().find(|locale| is_within(locale, range.as_str())) else {
                    continue;
                };
                let reaches = |written: &Locale| reaches(model, channels, range, written);
                if let Some((field, what)) = breaks(range, limits, module, (index, variant), reaches) {
                    let message = format!(
                        "variant `{}` {what}, which nobody may be shown in `{locale}`: leave it out, or give that locale a \
                         variant of its own",
                        variant.name
                    );
                    let object = model.snapshot.id(Kind::ContentModule, name);
                    let fact = Fact::new(object, Reason::LocaleForbidden, field, message);
                    facts.note(ruling, fact.about(range.as_str()));
                }
            }
        }
    }
}

/// Whether somebody in a range of locales may be shown what is written in a locale.
fn reaches(model: &Model<'_>, channels: &BTreeSet<&str>, range: &Locale, written: &Locale) -> bool {
    let known = channels
        .iter()
        .filter_map(|name| model.snapshot.channels.get(*name));
    known
        .flat_map(|channel| channel.spec.locales.iter().map(move |listed| (channel, listed)))
        .any(|(channel, listed)| is_within(listed, range.as_str()) && is_served(channel, listed, written))
}

/// What of a variant breaks the limits of a locale, with the field. `reaches` says which localized texts are shown there.
fn breaks(
    range: &Locale,
    limits: &LocaleLimits,
    module: &ContentModule,
    (index, variant): (usize, &Variant),
    reaches: impl Fn(&Locale) -> bool,
) -> Option<(String, String)> {
    if let Some(tactic) = variant
        .tactics
        .iter()
        .find(|tactic| limits.tactics.contains(tactic))
    {
        let field = format!("spec.variants[{index}].tactics");
        return Some((field, format!("uses the tactic `{tactic}`")));
    }
    let mut labels = limits.labels.iter();
    if let Some((key, value)) = labels.find(|(key, value)| module.spec.labels.get(*key) == Some(value)) {
        let field = format!("spec.variants[{index}]");
        return Some((field, format!("is of a module labelled `{key}: {value}`")));
    }
    let mut phrases = Phrases::default();
    limits.phrases.iter().for_each(|text| phrases.add(range, text));
    let core = module
        .spec
        .core
        .iter()
        .map(|(slot, text)| (format!("spec.core.{slot}"), text));
    let localized = module
        .spec
        .localized_core
        .iter()
        .filter(|(locale, _)| is_within(locale.as_str(), range.as_str()) || reaches(locale));
    let localized = localized.flat_map(|(locale, content)| {
        let texts = content.0.iter();
        texts.map(move |(slot, text)| (format!("spec.localizedCore.{locale}.{slot}"), text))
    });
    let own = variant.content.iter();
    let own = own.map(|(slot, text)| (format!("spec.variants[{index}].content.{slot}"), text));
    own.chain(core).chain(localized).find_map(|(field, text)| {
        let phrase = phrases.first_in(None, text)?;
        Some((field, format!("says `{phrase}`")))
    })
}

/// Every locale that a channel lists is written in by something shown there; the first one is what words without a
/// locale are in.
fn unserved(model: &Model<'_>, shown: &Shown<'_>, ruling: &Ruling<'_, LocalesRule>, facts: &mut Facts) {
    for (name, channel) in &model.snapshot.channels {
        for (index, locale) in channel.spec.locales.iter().enumerate().skip(1) {
            if is_written(model, shown, (name, channel), locale) || is_waived(model, name, channel, locale) {
                continue;
            }
            let message = format!(
                "nothing that is shown here is written in `{locale}`: write it, waive it in a program, or do not list the \
                 locale"
            );
            let object = model.snapshot.id(Kind::Channel, name);
            let field = format!("spec.locales[{index}]");
            facts.note(ruling, Fact::new(object, Reason::LocaleUnserved, field, message));
        }
    }
}

fn is_written(
    model: &Model<'_>,
    shown: &Shown<'_>,
    (channel, declared): (&str, &Channel),
    locale: &Locale,
) -> bool {
    let here = shown.iter().filter(|(_, channels)| channels.contains(channel));
    let modules = here.filter_map(|(module, _)| model.snapshot.modules.get(*module));
    let mut variants = modules.flat_map(|module| &module.spec.variants);
    variants.any(|variant| {
        let is_for =
            variant.channels.is_empty() || variant.channels.iter().any(|one| one.as_str() == channel);
        let mut locales = variant.locales.iter();
        is_for && locales.any(|own| is_served(declared, locale, own))
    })
}

/// Whether programs have waived a locale at every touchpoint of a channel, for now.
fn is_waived(model: &Model<'_>, name: &str, channel: &Channel, locale: &Locale) -> bool {
    let programs = model.snapshot.programs.values();
    let waivers = programs.filter_map(|program| program.spec.coverage.as_ref());
    let waived: BTreeSet<_> = waivers
        .flat_map(|coverage| &coverage.waivers)
        .filter(|waiver| waiver.until.end() > model.at)
        .filter(|waiver| waiver.channel.as_str() == name && waiver.locale.as_ref() == Some(locale))
        .map(|waiver| waiver.touchpoint.as_str())
        .collect();
    let mut touchpoints = channel.spec.touchpoints.iter();
    touchpoints.all(|touchpoint| waived.contains(touchpoint.name.as_str()))
}
