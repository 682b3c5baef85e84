//! Modules with their content assembled and serialized for every locale of the Channel.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::bundle::{self, Window};
use crate::locale;

/// Index of a variant in its module.
pub(crate) type VariantIx = usize;

/// A module ready to serve.
#[derive(Debug)]
pub(crate) struct Module {
    pub name: String,
    pub suspended: bool,
    pub baseline: Option<VariantIx>,
    pub variants: Vec<Variant>,
}

/// One variant with its content for each locale of the Channel.
#[derive(Debug)]
pub(crate) struct Variant {
    /// `<module>/<variant>`.
    pub label: String,
    pub audiences: Vec<String>,
    names_channel: bool,
    pub validity: Window,
    /// By locale of the Channel: how far the variant's locale is from it, and the serialized content; `None` where the
    /// variant does not speak it.
    by_locale: Vec<Option<Assembled>>,
}

/// A variant's words in one locale.
#[derive(Debug)]
struct Assembled {
    /// Subtags between the locale and the variant's; `usize::MAX` for a variant without locales.
    distance: usize,
    json: Box<str>,
}

impl Module {
    /// Assembles every variant of `module` for each of `locales`.
    pub fn new(module: &bundle::Module, locales: &[String]) -> Self {
        let variants: Vec<_> = module
            .variants
            .iter()
            .map(|variant| Variant::new(module, variant, locales))
            .collect();
        Self {
            name: module.name.clone(),
            suspended: module.suspended,
            baseline: module
                .variants
                .iter()
                .position(|variant| variant.name == module.baseline),
            variants,
        }
    }

    /// The most specific valid variant for whoever is in `audience`: naming the audience beats naming the channel beats
    /// the longer locale; equally specific ones in listed order.
    pub fn most_specific(&self, audience: Option<&str>, locale: usize, now: Timestamp) -> Option<VariantIx> {
        self.choose(locale, now, |variant| {
            variant.audiences.is_empty()
                || audience.is_some_and(|audience| variant.audiences.iter().any(|name| name == audience))
        })
    }

    /// The variant that serves as baseline: the most specific valid one without audiences, else the declared baseline.
    pub fn baseline_variant(&self, locale: usize, now: Timestamp) -> Option<VariantIx> {
        self.choose(locale, now, |variant| variant.audiences.is_empty())
            .or_else(|| self.baseline.filter(|index| self.serves(*index, locale, now)))
    }

    /// The serialized content of a variant in a locale.
    pub fn content(&self, variant: VariantIx, locale: usize) -> Option<&str> {
        self.variants
            .get(variant)?
            .assembled(locale)
            .map(|assembled| &*assembled.json)
    }

    /// Whether the variant may be shown in the locale now.
    pub fn serves(&self, variant: VariantIx, locale: usize, now: Timestamp) -> bool {
        self.variants
            .get(variant)
            .is_some_and(|variant| variant.validity.contains(now) && variant.assembled(locale).is_some())
    }

    fn choose(&self, locale: usize, now: Timestamp, admits: impl Fn(&Variant) -> bool) -> Option<VariantIx> {
        let specificity = |(index, variant): (usize, &Variant)| {
            let assembled = variant.assembled(locale)?;
            let rank = (
                variant.audiences.is_empty(),
                !variant.names_channel,
                assembled.distance,
                index,
            );
            (variant.validity.contains(now) && admits(variant)).then_some(rank)
        };
        self.variants
            .iter()
            .enumerate()
            .filter_map(specificity)
            .min()
            .map(|(.., index)| index)
    }
}

impl Variant {
    fn new(module: &bundle::Module, variant: &bundle::Variant, locales: &[String]) -> Self {
        // A Channel without locales has one nameless locale.
        let nameless = [String::new()];
        let locales = if locales.is_empty() { &nameless } else { locales };
        Self {
            label: format!("{}/{}", module.name, variant.name),
            audiences: variant.audiences.clone(),
            names_channel: variant.names_channel,
            validity: variant.validity,
            by_locale: locales
                .iter()
                .map(|locale| assemble(module, variant, locale))
                .collect(),
        }
    }

    fn assembled(&self, locale: usize) -> Option<&Assembled> {
        self.by_locale.get(locale).and_then(Option::as_ref)
    }
}

fn assemble(module: &bundle::Module, variant: &bundle::Variant, locale: &str) -> Option<Assembled> {
    let distance = if variant.locales.is_empty() {
        usize::MAX
    } else {
        variant
            .locales
            .iter()
            .filter_map(|range| locale::distance(range, locale))
            .min()?
    };
    let slots = slots(module, variant, locale);
    let json = serde_json::to_string(&slots).ok()?.into_boxed_str();
    Some(Assembled { distance, json })
}

/// The filled slots: the core, its localized values from the least to the most specific locale, then the variant's.
pub(crate) fn slots<'a>(
    module: &'a bundle::Module,
    variant: &'a bundle::Variant,
    locale: &str,
) -> BTreeMap<&'a str, &'a Json> {
    let mut localized: Vec<_> = module
        .localized_core
        .iter()
        .filter_map(|(range, slots)| locale::distance(range, locale).map(|distance| (distance, slots)))
        .collect();
    localized.sort_by_key(|(distance, _)| std::cmp::Reverse(*distance));
    std::iter::once(&module.core)
        .chain(localized.into_iter().map(|(_, slots)| slots))
        .chain(std::iter::once(&variant.content))
        .flatten()
        .map(|(slot, value)| (slot.as_str(), value))
        .collect()
}
