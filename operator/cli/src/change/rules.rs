//! Rules before and after: a rule is a candidate, known by where it stands, what it shows and whom it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use attune_core::bundle::{Binding, Bundle, Candidate, Module};
use serde::Serialize;

use crate::space::Space;

/// What a rule is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct RuleName {
    pub(crate) namespace: String,
    pub(crate) channel: String,
    pub(crate) touchpoint: String,
    pub(crate) binding: String,
    pub(crate) module: String,
    /// Empty: everybody.
    pub(crate) audiences: Vec<String>,
    /// Which one of several that are known by the same.
    #[serde(skip_serializing_if = "is_first")]
    pub(crate) occurrence: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(occurrence: &usize) -> bool {
    *occurrence == 0
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let audiences = if self.audiences.is_empty() {
            "everybody".to_owned()
        } else {
            self.audiences.join(", ")
        };
        write!(
            f,
            "{}/{} at {}/{}: {} to {audiences}",
            self.namespace, self.binding, self.channel, self.touchpoint, self.module
        )
    }
}

/// A rule that stays, and what of it changes.
#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    pub(crate) rule: RuleName,
    /// What, in words.
    pub(crate) what: Vec<&'static str>,
}

/// What a rule says.
struct Form<'b> {
    bundle: &'b Bundle,
    binding: &'b Binding,
    candidate: &'b Candidate,
    /// Whether it may win somebody.
    is_live: bool,
    /// Its place among all rules of the binding.
    place: usize,
}

/// Rules added, removed and changed.
pub(super) fn compare(before: &[Space], after: &[Space]) -> (Vec<RuleName>, Vec<RuleName>, Vec<Changed>) {
    let (before, after) = (forms(before), forms(after));
    let added = after
        .keys()
        .filter(|name| !before.contains_key(name))
        .cloned()
        .collect();
    let removed = before
        .keys()
        .filter(|name| !after.contains_key(name))
        .cloned()
        .collect();
    let both = before
        .iter()
        .filter_map(|(name, old)| Some((name, old, after.get(name)?)));
    let changed = both.filter_map(|(name, old, new)| {
        let what = differences(old, new);
        (!what.is_empty()).then(|| Changed {
            rule: name.clone(),
            what,
        })
    });
    (added, removed, changed.collect())
}

fn forms(spaces: &[Space]) -> BTreeMap<RuleName, Form<'_>> {
    let mut forms = BTreeMap::new();
    for space in spaces {
        let live: BTreeSet<(&str, usize)> = space
            .compiled
            .live_rules
            .rows
            .iter()
            .flat_map(|row| row.live.keys().map(|index| (row.binding.as_str(), *index)))
            .collect();
        for (channel, engine) in &space.engines {
            let bundle = engine.bundle();
            for (binding_name, binding) in &bundle.bindings {
                for (place, candidate) in binding.candidates.iter().enumerate() {
                    let names = candidate
                        .audiences
                        .iter()
                        .filter_map(|id| bundle.audiences.get(id));
                    let mut name = RuleName {
                        namespace: space.name().to_owned(),
                        channel: channel.clone(),
                        touchpoint: binding.touchpoint.clone(),
                        binding: binding_name.clone(),
                        module: bundle
                            .modules
                            .get(&candidate.module)
                            .map(|one| one.name.clone())
                            .unwrap_or_default(),
                        audiences: names.map(|audience| audience.name.clone()).collect(),
                        occurrence: 0,
                    };
                    // Ends: every turn meets another rule of the binding.
                    while forms.contains_key(&name) {
                        name.occurrence += 1;
                    }
                    let is_live = live.contains(&(binding_name.as_str(), place));
                    forms.insert(
                        name,
                        Form {
                            bundle,
                            binding,
                            candidate,
                            is_live,
                            place,
                        },
                    );
                }
            }
        }
    }
    forms
}

fn differences(old: &Form<'_>, new: &Form<'_>) -> Vec<&'static str> {
    let source = |rule: &Option<attune_core::bundle::Rule>| rule.as_ref().map(|rule| rule.source.clone());
    [
        ("who its audiences are", old.audiences() != new.audiences()),
        (
            "its condition",
            source(&old.candidate.when) != source(&new.candidate.when),
        ),
        (
            "its score",
            source(&old.candidate.score) != source(&new.candidate.score),
        ),
        ("its words", old.words() != new.words()),
        ("its place in the binding", old.place != new.place),
        ("its priority", old.binding.priority != new.binding.priority),
        ("its rollout", old.binding.rollout_bp != new.binding.rollout_bp),
        ("its program", old.binding.program != new.binding.program),
        ("its caps", old.binding.caps != new.binding.caps),
        ("what stops it", old.binding.stop_on != new.binding.stop_on),
        (
            "what counts as shown",
            old.binding.exposure != new.binding.exposure,
        ),
        ("whether it is live", old.is_live != new.is_live),
    ]
    .into_iter()
    .filter_map(|(what, differs)| differs.then_some(what))
    .collect()
}

impl Form<'_> {
    fn audiences(&self) -> Vec<&str> {
        let audiences = self
            .candidate
            .audiences
            .iter()
            .filter_map(|id| self.bundle.audiences.get(id));
        audiences.map(|audience| audience.rule.source.as_str()).collect()
    }

    /// The module with the variants that this rule may show.
    fn words(&self) -> Option<Module> {
        let mut module = self.bundle.modules.get(&self.candidate.module)?.as_ref().clone();
        let names: Vec<&str> = self
            .candidate
            .audiences
            .iter()
            .filter_map(|id| Some(self.bundle.audiences.get(id)?.name.as_str()))
            .collect();
        module.variants.retain(|variant| {
            variant.audiences.is_empty()
                || variant
                    .audiences
                    .iter()
                    .any(|name| names.contains(&name.as_str()))
        });
        Some(module)
    }
}

/// What changes beside rules, in words.
pub(super) fn others(before: &[Space], after: &[Space]) -> Vec<String> {
    let (before, after) = (bundles(before), bundles(after));
    let mut lines = Vec::new();
    for (name, new) in &after {
        let Some(old) = before.get(name) else {
            lines.push(format!("channel {name} is served"));
            continue;
        };
        let mut differ = |what: &str, differs: bool| {
            if differs {
                lines.push(format!("channel {name}: {what}"));
            }
        };
        differ("its settings change", old.settings != new.settings);
        differ(
            "what is known about people changes",
            old.attributes != new.attributes,
        );
        for (what, changes) in [
            ("holdout", named(&old.holdouts, &new.holdouts)),
            ("experiment", named(&old.experiments, &new.experiments)),
            ("program", named(&old.programs, &new.programs)),
            ("touchpoint", named(&baselines(old), &baselines(new))),
        ] {
            for change in &changes {
                differ(&format!("{what} {change}"), true);
            }
        }
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    lines.extend(gone.map(|name| format!("channel {name} is served no more")));
    lines
}

fn bundles(spaces: &[Space]) -> BTreeMap<String, &Bundle> {
    let mut bundles = BTreeMap::new();
    for space in spaces {
        for (channel, engine) in &space.engines {
            bundles.insert(format!("{}/{channel}", space.name()), engine.bundle());
        }
    }
    bundles
}

/// The baseline of each touchpoint, as its module's content for everybody.
fn baselines(bundle: &Bundle) -> BTreeMap<String, Option<Module>> {
    let module = |id: &String| {
        let mut module = bundle.modules.get(id)?.as_ref().clone();
        module.variants.retain(|variant| variant.audiences.is_empty());
        Some(module)
    };
    let touchpoints = bundle.touchpoints.iter();
    touchpoints
        .map(|(name, touchpoint)| (name.clone(), touchpoint.baseline.as_ref().and_then(module)))
        .collect()
}

/// Things of one kind that come, go or change, each in words.
fn named<T: PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Vec<String> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let said = names
        .into_iter()
        .filter_map(|name| match (old.get(name), new.get(name)) {
            (None, Some(_)) => Some(format!("`{name}` is new")),
            (Some(_), None) => Some(format!("`{name}` is gone")),
            (Some(old), Some(new)) if old != new => Some(format!("`{name}` changes")),
            _ => None,
        });
    said.collect()
}
