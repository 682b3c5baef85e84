//! Modules as bundles carry them.

use std::collections::BTreeMap;

use attune_api::ContentModule;
use attune_api::channel::{SlotFormat, Touchpoint};
use attune_api::common::Validity;
use attune_api::content_module::{self, Content, SlotType};
use attune_core::bundle::{Module, Variant, Window};
use serde_json::Value;

use crate::adapt::{Author, Place};

/// The form of a module for one channel, in its words as written: without the variants that name other channels only.
pub fn module(name: &str, module: &ContentModule, channel: &str) -> Module {
    let variants = module.spec.variants.iter();
    let shown: Vec<_> = variants.map(|variant| is_for(variant, channel)).collect();
    form(name, module, &shown)
}

/// Whether a channel may show a variant.
pub(crate) fn is_for(variant: &content_module::Variant, channel: &str) -> bool {
    let channels = &variant.channels;
    channels.is_empty() || channels.iter().any(|one| one.as_str() == channel)
}

/// The form of a module with those of its variants that are shown.
pub(crate) fn form(name: &str, module: &ContentModule, shown: &[bool]) -> Module {
    let spec = &module.spec;
    Module {
        name: name.to_owned(),
        suspended: spec.suspend,
        labels: BTreeMap::new(),
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
            .zip(shown)
            .filter(|(_, is_shown)| **is_shown)
            .map(|(one, _)| variant(one))
            .collect(),
    }
}

fn variant(variant: &content_module::Variant) -> Variant {
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
        localized_content: BTreeMap::new(),
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

/// Tells the forms of one module at one Channel apart: its name, the touchpoint where that has formats of its own, and the
/// binding where links tell its name.
pub(crate) type FormKey<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

/// The key of a module's form at a place.
pub(super) fn key<'a>(module: &'a str, place: Option<&Place<'a>>) -> FormKey<'a> {
    let place = place.filter(|place| place.is_adapted());
    let binding = place
        .filter(|place| place.tells("binding") || place.tells("program"))
        .and_then(|place| place.binding);
    (
        module,
        place.map(|place| place.touchpoint.name.as_str()),
        binding.map(|bound| bound.binding),
    )
}

/// The format of each slot of a touchpoint that has one.
pub(super) fn formats(touchpoint: &Touchpoint) -> BTreeMap<String, String> {
    let slots = touchpoint.slots.iter();
    slots
        .filter_map(|slot| Some((slot.name.as_str().to_owned(), slot.format?.as_str().to_owned())))
        .collect()
}

/// A module in the words that a place shows. What has no safe form is left out, a variant or a text that variants share: the
/// checks have told whoever could see it.
pub(crate) fn adapted(module: Module, declared: &ContentModule, place: &Place<'_>) -> Module {
    let adapter = Adapter {
        place,
        module: &module.name,
        types: declared
            .spec
            .slots
            .iter()
            .map(|slot| (slot.name.as_str(), slot.type_))
            .collect(),
    };
    let tells_variant = place.tells("variant");
    let is_own = |slot: &str| tells_variant && adapter.may_link(slot);
    let (own, shared) = split(&module.core, is_own);
    let localized = module.localized_core.iter();
    let localized: Vec<_> = localized
        .map(|(locale, values)| (locale, split(values, is_own)))
        .collect();
    let variants = module.variants.into_iter().filter_map(|variant| {
        let author = Some(variant.name.as_str());
        let mut content = adapter.values(&variant.content, author)?;
        content.extend(adapter.safe(&own, author));
        let mut localized_content = BTreeMap::new();
        for (locale, (own, _)) in &localized {
            if !own.is_empty() {
                localized_content.insert((*locale).clone(), adapter.safe(own, author));
            }
        }
        Some(Variant {
            content,
            localized_content,
            ..variant
        })
    });
    let variants = variants.collect();
    let shown = |(locale, (_, shared)): &(&String, (Values, Values))| {
        let values = adapter.safe(shared, None);
        (!values.is_empty()).then(|| ((*locale).clone(), values))
    };
    Module {
        core: adapter.safe(&shared, None),
        localized_core: localized.iter().filter_map(shown).collect(),
        variants,
        name: module.name.clone(),
        ..module
    }
}

type Values = BTreeMap<String, Value>;

fn split(values: &Values, is_first: impl Fn(&str) -> bool) -> (Values, Values) {
    values
        .iter()
        .map(|(slot, value)| (slot.clone(), value.clone()))
        .partition(|(slot, _)| is_first(slot))
}

struct Adapter<'a> {
    place: &'a Place<'a>,
    module: &'a str,
    types: BTreeMap<&'a str, SlotType>,
}

impl Adapter<'_> {
    /// The type and the format of a slot that has both.
    fn form(&self, slot: &str) -> Option<(SlotType, SlotFormat)> {
        Some((*self.types.get(slot)?, self.place.format(slot)?))
    }

    fn may_link(&self, slot: &str) -> bool {
        self.form(slot).is_some_and(|(type_, _)| type_ != SlotType::Text)
    }

    /// The values as the place shows them; `None` where one of them has no safe form.
    fn values(&self, values: &Values, variant: Option<&str>) -> Option<Values> {
        self.each(values, variant).collect()
    }

    /// Those of the values that have a safe form.
    fn safe(&self, values: &Values, variant: Option<&str>) -> Values {
        self.each(values, variant).flatten().collect()
    }

    fn each<'v>(
        &'v self,
        values: &'v Values,
        variant: Option<&'v str>,
    ) -> impl Iterator<Item = Option<(String, Value)>> + use<'v> {
        let author = Author {
            module: self.module,
            variant,
        };
        values.iter().map(move |(slot, value)| {
            let shown = match (self.form(slot), value.as_str()) {
                (Some(form), Some(text)) => self.place.adapt(form, text, author).ok()?.text.into(),
                _ => value.clone(),
            };
            Some((slot.clone(), shown))
        })
    }
}
