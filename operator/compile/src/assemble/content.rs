//! Modules as bundles carry them.

use std::collections::BTreeMap;

use attune_api::common::Validity;
use attune_api::content_module::Content;
use attune_api::{ContentModule, ObjectName};
use attune_core::bundle::{Module, Variant, Window};
use serde_json::Value;

/// The form of a module for one channel: without the variants that name other channels only.
pub fn module(name: &str, module: &ContentModule, channel: &str) -> Module {
    let spec = &module.spec;
    let for_channel =
        |channels: &[ObjectName]| channels.is_empty() || channels.iter().any(|one| one.as_str() == channel);
    Module {
        name: name.to_owned(),
        suspended: spec.suspend,
        core: values(&spec.core),
        localized_core: spec
            .localized_core
            .iter()
            .map(|(locale, content)| (locale.as_str().to_owned(), values(&content.0)))
            .collect(),
        baseline: spec.baseline.as_str().to_owned(),
        variants: spec
            .variants
            .iter()
            .filter(|variant| for_channel(&variant.channels))
            .map(variant)
            .collect(),
    }
}

fn variant(variant: &attune_api::content_module::Variant) -> Variant {
    Variant {
        name: variant.name.as_str().to_owned(),
        audiences: variant
            .audiences
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect(),
        names_channel: !variant.channels.is_empty(),
        locales: variant
            .locales
            .iter()
            .map(|locale| locale.as_str().to_owned())
            .collect(),
        content: values(&variant.content),
        validity: variant.validity.as_ref().map(window).unwrap_or_default(),
    }
}

fn window(validity: &Validity) -> Window {
    Window {
        from: validity.from.as_ref().map(attune_api::Instant::timestamp),
        until: validity.until.as_ref().map(attune_api::Instant::timestamp),
    }
}

fn values(content: &Content) -> BTreeMap<String, Value> {
    content
        .iter()
        .map(|(slot, value)| (slot.as_str().to_owned(), Value::from(value.as_str())))
        .collect()
}
