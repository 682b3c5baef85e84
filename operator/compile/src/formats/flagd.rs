//! Flag definitions of flagd: one flag a touchpoint, whose targeting (`JsonLogic`) gives the answers of our engine.
//!
//! Buckets are those of `fractional`, over the salt followed by the unit. Everything is written for evaluators that differ:
//! no operation is used where one of them fails or answers otherwise.

use std::collections::BTreeSet;

use attune_core::bundle::{Bundle, Identity};
use serde_json::{Value as Json, json};

use super::{Refusal, Written};
use crate::Publication;

mod condition;
mod context;
mod flag;
mod logic;

/// Where the format of flag definitions is described.
const SCHEMA: &str = "https://flagd.dev/schema/v0/flags.json";

/// Writes flag definitions.
///
/// # Errors
/// When who asks, or in which locale, cannot be read by evaluators as it is by a decider.
pub(super) fn write(publication: &Publication) -> Result<Written, Vec<Refusal>> {
    let bundle: &Bundle = &publication.bundle;
    let unreadable: Vec<_> = identity(&bundle.settings.identity)
        .chain(locales(bundle))
        .collect();
    if !unreadable.is_empty() {
        return Err(unreadable);
    }
    let mut refusals = BTreeSet::new();
    let touchpoints = bundle.touchpoints.keys();
    let flags: serde_json::Map<String, Json> = touchpoints
        .filter_map(|name| Some((name.clone(), flag::flag(bundle, name, &mut refusals)?)))
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "metadata": {
            "attune.namespace": bundle.namespace,
            "attune.channel": bundle.channel,
            "attune.revision": publication.revision,
        },
        "flags": flags,
    });
    super::document(&document, refusals)
}

/// Paths of the identity that evaluators do not find.
fn identity(identity: &Identity) -> impl Iterator<Item = Refusal> {
    let paths = [
        ("unit", Some(&identity.unit)),
        ("fallback", identity.fallback.as_ref()),
        ("consent", identity.consent.as_ref()),
        ("locale", identity.locale.as_ref()),
    ];
    let unreadable = paths
        .into_iter()
        .filter_map(|(field, path)| Some((field, path?)))
        .filter(|(_, path)| !context::is_readable(path));
    unreadable.map(|(field, path)| Refusal {
        binding: None,
        field: format!("spec.identity.{field}"),
        message: format!("evaluators of flagd read `{path}` otherwise than deciders: choose another path"),
    })
}

/// Locales that are looked up by more than their beginning: RFC 4647 skips a last subtag of one character.
fn locales(bundle: &Bundle) -> impl Iterator<Item = Refusal> {
    let listed = bundle.settings.locales.iter().enumerate();
    let listed = listed.map(|(index, locale)| (format!("spec.locales[{index}]"), locale));
    let others = bundle.settings.locale_fallback.keys();
    let others = others.map(|locale| (format!("spec.localeFallback.{locale}"), locale));
    let odd = listed
        .chain(others)
        .filter(|(_, locale)| locale.rsplit_once('-').is_some_and(|(_, last)| last.len() == 1));
    odd.map(|(field, locale)| Refusal {
        binding: None,
        field,
        message: format!(
            "evaluators of flagd cannot look up `{locale}`, whose last subtag is a single character: leave it out"
        ),
    })
}
