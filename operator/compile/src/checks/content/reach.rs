//! Variants that nobody can ever see.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::conditions::Reason;
use attune_api::content_module::Variant;
use attune_api::experiment::Effect;
use attune_api::{Kind, Locale, ObjectName};

use crate::Model;
use crate::phrases::is_within;
use crate::report::Report;

/// Where a module is shown, and to whom.
#[derive(Debug, Default)]
struct Shown<'m> {
    /// Channels, with the audiences that candidates name there; `None` stands for everybody.
    channels: BTreeMap<&'m str, BTreeSet<Option<&'m str>>>,
    /// Variants that an arm names.
    named: BTreeSet<&'m str>,
}

/// Warns of variants that no touchpoint, candidate or arm leads to. Of a module that nothing shows at all, as one that is
/// still being written, nothing is said.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let shown = shown(model);
    for (name, module) in &model.snapshot.modules {
        let Some(shown) = shown.get(name.as_str()) else {
            continue;
        };
        let mut known = BTreeSet::new();
        for (index, variant) in module.spec.variants.iter().enumerate() {
            let is_baseline = variant.name == module.spec.baseline;
            let is_named = shown.named.contains(variant.name.as_str());
            let why = unseen(model, shown, variant).or_else(|| shadowed(variant, &mut known));
            if let Some(why) = why.filter(|_| !is_baseline && !is_named) {
                let message = format!("nobody can ever see variant `{}`: {why}", variant.name);
                let object = model.snapshot.id(Kind::ContentModule, name);
                report.warning(
                    &object,
                    Reason::Unreachable,
                    format!("spec.variants[{index}]"),
                    message,
                );
            }
        }
    }
}

fn shown<'m>(model: &'m Model<'_>) -> BTreeMap<&'m str, Shown<'m>> {
    let snapshot = model.snapshot;
    let mut all: BTreeMap<&str, Shown<'m>> = BTreeMap::new();
    for (channel, object) in &snapshot.channels {
        let baselines = object
            .spec
            .touchpoints
            .iter()
            .filter_map(|one| one.baseline.as_ref());
        for baseline in baselines {
            let shown = all.entry(baseline.module_ref.name.as_str()).or_default();
            shown.channels.entry(channel).or_default().insert(None);
        }
    }
    for binding in snapshot.bindings.values() {
        let channel = binding.spec.channel_ref.name.as_str();
        for candidate in &binding.spec.candidates {
            let shown = all.entry(candidate.module_ref.name.as_str()).or_default();
            let audiences = shown.channels.entry(channel).or_default();
            audiences.insert(None);
            audiences.extend(candidate.audiences.iter().map(|one| Some(one.as_str())));
        }
    }
    for experiment in snapshot.experiments.values() {
        let bindings = experiment.spec.bindings.iter();
        let bindings: Vec<_> = bindings
            .filter_map(|name| snapshot.bindings.get(name.as_str()))
            .collect();
        for arm in &experiment.spec.arms {
            let Some(module) = arm.effect.module_ref() else {
                continue;
            };
            let shown = all.entry(module.name.as_str()).or_default();
            if let Effect::Variant { name, .. } = &arm.effect {
                shown.named.insert(name.as_str());
            }
            for binding in &bindings {
                let audiences = shown
                    .channels
                    .entry(binding.spec.channel_ref.name.as_str())
                    .or_default();
                audiences.insert(None);
                let candidates = &binding.spec.candidates;
                audiences.extend(
                    candidates
                        .iter()
                        .flat_map(|one| &one.audiences)
                        .map(|one| Some(one.as_str())),
                );
            }
        }
    }
    all
}

/// Why no way leads to a variant.
fn unseen(model: &Model<'_>, shown: &Shown<'_>, variant: &Variant) -> Option<String> {
    let is_for =
        |list: &[ObjectName], name: &str| list.is_empty() || list.iter().any(|one| one.as_str() == name);
    let mut channels = shown
        .channels
        .iter()
        .filter(|(channel, _)| is_for(&variant.channels, channel))
        .peekable();
    if channels.peek().is_none() {
        return Some("none of its channels shows the module; correct its channels or remove it".to_owned());
    }
    let mut for_somebody = channels
        .filter(|(_, audiences)| {
            let named = variant.audiences.iter();
            variant.audiences.is_empty()
                || named
                    .into_iter()
                    .any(|one| audiences.contains(&Some(one.as_str())))
        })
        .peekable();
    if for_somebody.peek().is_none() {
        return Some("no candidate leads its audiences to the module; add one or remove it".to_owned());
    }
    let is_spoken = |locale: &Locale, listed: &Locale| is_within(listed.as_str(), locale.as_str());
    let mut spoken = for_somebody.filter(|(channel, _)| {
        let listed = model
            .snapshot
            .channels
            .get(**channel)
            .map(|one| one.spec.locales.as_slice());
        let listed = listed.unwrap_or_default();
        let own = variant.locales.iter();
        variant.locales.is_empty()
            || listed.is_empty()
            || own
                .into_iter()
                .any(|locale| listed.iter().any(|one| is_spoken(locale, one)))
    });
    if spoken.next().is_none() {
        return Some(
            "no channel that shows it lists its locales; correct its locales or remove it".to_owned(),
        );
    }
    None
}

/// Whether another variant always goes before: equally specific ones go in the listed order, and one without an end
/// leaves nothing to those after it.
fn shadowed<'m>(
    variant: &'m Variant,
    known: &mut BTreeSet<(Vec<&'m str>, Vec<&'m str>, Vec<&'m str>)>,
) -> Option<String> {
    let sorted = |mut names: Vec<&'m str>| {
        names.sort_unstable();
        names
    };
    let place = (
        sorted(variant.audiences.iter().map(ObjectName::as_str).collect()),
        sorted(variant.channels.iter().map(ObjectName::as_str).collect()),
        sorted(variant.locales.iter().map(Locale::as_str).collect()),
    );
    if known.contains(&place) {
        let why = "a variant before it is for the same audiences, channels and locales; set them apart or remove it";
        return Some(why.to_owned());
    }
    if variant.validity.is_none() {
        known.insert(place);
    }
    None
}
