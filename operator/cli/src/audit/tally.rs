//! Counting what each group gets.

use std::collections::BTreeMap;

use attune_core::context::Context;
use attune_core::decide::{Request, decide};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::trace::{Step, Trace};
use jiff::Timestamp;
use serde_json::Value;

use crate::space::Space;

/// The most groups that are told apart; whoever is in a further one counts as in [`OTHER`].
const MAX_GROUPS: usize = 64;

/// The group of those whose context does not have the attribute.
const NONE: &str = "(none)";
const OTHER: &str = "(other)";

/// The longest name of a group, in characters.
const MAX_NAME: usize = 64;

/// Something that people get at a touchpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) namespace: String,
    pub(crate) channel: String,
    pub(crate) touchpoint: String,
    pub(crate) gets: String,
}

/// How many people of each group.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Everything that was counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    groups: Counts,
    items: BTreeMap<Item, Counts>,
}

impl Tally {
    /// How many people there are in each group.
    pub(crate) const fn groups(&self) -> &Counts {
        &self.groups
    }

    /// What people get, and how many of each group.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&Item, &Counts)> {
        self.items.iter()
    }

    /// Decides for one person at every touchpoint.
    ///
    /// # Errors
    /// Why the line is no context.
    pub(crate) fn count(
        &mut self,
        spaces: &[Space],
        line: &[u8],
        attribute: &str,
        at: Timestamp,
    ) -> Result<(), String> {
        let value: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let group = self.group(&value, attribute);
        self.add(&group);
        for space in spaces {
            for (channel, engine) in &space.engines {
                let context = Context::decode(engine, line).map_err(|error| error.to_string())?;
                for touchpoint in engine.touchpoints() {
                    for gets in received(engine, touchpoint, &context, at) {
                        self.note((space.name(), channel, touchpoint), gets, &group);
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts one person of a group.
    pub(crate) fn add(&mut self, group: &str) {
        *self.groups.entry(group.to_owned()).or_default() += 1;
    }

    /// Counts what one person of a group gets somewhere.
    pub(crate) fn note(
        &mut self,
        (namespace, channel, touchpoint): (&str, &str, &str),
        gets: String,
        group: &str,
    ) {
        let item = Item {
            namespace: namespace.to_owned(),
            channel: channel.to_owned(),
            touchpoint: touchpoint.to_owned(),
            gets,
        };
        let counts = self.items.entry(item).or_default();
        *counts.entry(group.to_owned()).or_default() += 1;
    }

    fn group(&self, context: &Value, attribute: &str) -> String {
        let Some(name) = find(context, attribute).and_then(name) else {
            return NONE.to_owned();
        };
        if self.groups.contains_key(&name) || self.groups.len() < MAX_GROUPS {
            name
        } else {
            OTHER.to_owned()
        }
    }
}

/// An attribute of a context, nested or under its dotted name; nested wins, as with deciders.
fn find<'c>(context: &'c Value, attribute: &str) -> Option<&'c Value> {
    let nested = attribute
        .split('.')
        .try_fold(context, |value, segment| value.get(segment));
    nested
        .or_else(|| context.get(attribute))
        .filter(|value| !value.is_null())
}

fn name(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    Some(text.chars().take(MAX_NAME).collect())
}

/// What a person gets: the module or the baseline, and the arm.
fn received(engine: &Engine, touchpoint: &str, context: &Context<'_>, now: Timestamp) -> Vec<String> {
    let mut trace = Trace::on();
    let request = Request {
        touchpoint,
        context,
        history: &NoHistory,
        now,
    };
    let Ok(decision) = decide(engine, request, &mut trace) else {
        return Vec::new();
    };
    let is_baseline = trace
        .steps()
        .iter()
        .any(|step| matches!(step, Step::Baseline { .. }));
    let shown = match decision.content {
        None => "code default".to_owned(),
        Some(_) if is_baseline => "baseline".to_owned(),
        Some(shown) => {
            let module = shown.variant.split('/').next().unwrap_or_default();
            format!("module {module}")
        }
    };
    let arm = decision
        .enrolment
        .map(|one| format!("arm {}/{}", one.experiment, one.arm));
    std::iter::once(shown).chain(arm).collect()
}
