//! Modules with their content assembled and serialized for every locale of the Channel.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;
use serde_json::value::{RawValue, to_raw_value};

use super::Ix;
use crate::bundle::{self, ChannelSettings, Window};
use crate::locale::{Fallback, Lineage};

/// Index of a variant in its module.
pub(crate) type VariantIx = usize;

/// Modules with more variants are looked through at each decision instead of for every audience when a bundle is loaded.
const MOST_VARIANTS: usize = 64;

/// A module ready to serve.
#[derive(Debug)]
pub(crate) struct Module {
    pub name: String,
    /// Its value of each label that the Channel lists.
    pub labels: Vec<Option<String>>,
    pub suspended: bool,
    pub baseline: Option<VariantIx>,
    pub variants: Vec<Variant>,
}

/// The variant that a module serves each of some audiences in each locale, where no instant changes that and
/// variants are few.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    /// By audience, then by locale; empty where it has to be looked up.
    variants: Box<[Ix]>,
    locales: usize,
}

/// One variant with its content for each locale of the Channel.
#[derive(Debug)]
pub(crate) struct Variant {
    /// `<module>/<variant>`.
    pub label: String,
    pub audiences: Vec<String>,
    names_channel: bool,
    pub validity: Window,
    /// By locale of the Channel; `None` where the variant does not speak it and is not the baseline.
    by_locale: Vec<Option<Assembled>>,
}

/// A variant's words in one locale.
#[derive(Debug)]
struct Assembled {
    /// Subtags between the locale and the variant's; `usize::MAX` for a variant without locales; `None` for a baseline
    /// that does not speak the locale, and serves there only when nothing else does.
    distance: Option<usize>,
    json: Box<RawValue>,
}

impl Module {
    /// Assembles every variant of `module` for each locale of the Channel.
    pub(crate) fn new(module: &bundle::Module, settings: &ChannelSettings) -> Self {
        let lineages = lineages(&settings.locales, &settings.locale_fallback);
        let variants: Vec<_> = module
            .variants
            .iter()
            .map(|variant| Variant::new(module, variant, &lineages))
            .collect();
        let labels = settings.diversity.iter();
        Self {
            name: module.name.clone(),
            labels: labels.map(|label| module.labels.get(label).cloned()).collect(),
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
    pub(crate) fn most_specific(
        &self,
        audience: Option<&str>,
        locale: usize,
        now: Timestamp,
    ) -> Option<VariantIx> {
        self.choose(locale, now, |variant| {
            variant.audiences.is_empty()
                || audience.is_some_and(|audience| variant.audiences.iter().any(|name| name == audience))
        })
    }

    /// The variant that serves as baseline: the most specific valid one without audiences, else the declared baseline,
    /// whichever locale it speaks. Of a suspended module the declared one comes first.
    pub(crate) fn baseline_variant(&self, locale: usize, now: Timestamp) -> Option<VariantIx> {
        let valid = |index: &VariantIx| {
            self.variants
                .get(*index)
                .is_some_and(|known| known.validity.contains(now))
        };
        let declared = self.baseline.filter(valid);
        let specific = || self.choose(locale, now, |variant| variant.audiences.is_empty());
        if self.suspended {
            declared.or_else(specific)
        } else {
            specific().or(declared)
        }
    }

    /// The serialized content of a variant in a locale.
    pub(crate) fn content(&self, variant: VariantIx, locale: usize) -> Option<&RawValue> {
        self.variants
            .get(variant)?
            .assembled(locale)
            .map(|assembled| &*assembled.json)
    }

    /// Whether the variant may be shown in the locale now.
    pub(crate) fn serves(&self, variant: VariantIx, locale: usize, now: Timestamp) -> bool {
        self.variants
            .get(variant)
            .is_some_and(|variant| variant.validity.contains(now) && variant.distance(locale).is_some())
    }

    fn choose(&self, locale: usize, now: Timestamp, admits: impl Fn(&Variant) -> bool) -> Option<VariantIx> {
        let specificity = |(index, variant): (usize, &Variant)| {
            let distance = variant.distance(locale)?;
            let rank = (
                variant.audiences.is_empty(),
                !variant.names_channel,
                distance,
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

impl Choices {
    /// For the audiences of a candidate; `None` is whoever is in none of them.
    pub(super) fn for_audiences<'a>(
        module: &Module,
        audiences: impl Iterator<Item = Option<&'a str>>,
        locales: usize,
    ) -> Self {
        let now = Timestamp::MIN;
        let by_locale =
            |audience| (0..locales).map(move |locale| module.most_specific(audience, locale, now));
        Self::of(module, audiences.flat_map(by_locale), locales)
    }

    /// For whoever is served a touchpoint's baseline.
    pub(super) fn for_baseline(module: &Module, locales: usize) -> Self {
        let now = Timestamp::MIN;
        Self::of(
            module,
            (0..locales).map(|locale| module.baseline_variant(locale, now)),
            locales,
        )
    }

    fn of(module: &Module, variants: impl Iterator<Item = Option<VariantIx>>, locales: usize) -> Self {
        let is_limited = |variant: &Variant| variant.validity != Window::default();
        if module.variants.len() > MOST_VARIANTS || module.variants.iter().any(is_limited) {
            return Self::default();
        }
        Self {
            variants: variants.map(Ix::from).collect(),
            locales,
        }
    }

    /// The variant for the audience at that place of the candidate's list; looked up where it is not known.
    pub(crate) fn get_or(
        &self,
        audience: usize,
        locale: usize,
        look_up: impl FnOnce() -> Option<VariantIx>,
    ) -> Option<VariantIx> {
        let known = self.variants.get(audience * self.locales + locale);
        known.map_or_else(look_up, |variant| variant.get())
    }
}

impl Variant {
    fn new(module: &bundle::Module, variant: &bundle::Variant, lineages: &[Lineage<'_>]) -> Self {
        Self {
            label: format!("{}/{}", module.name, variant.name),
            audiences: variant.audiences.clone(),
            names_channel: variant.names_channel,
            validity: variant.validity,
            by_locale: lineages
                .iter()
                .map(|lineage| assemble(module, variant, lineage))
                .collect(),
        }
    }

    fn assembled(&self, locale: usize) -> Option<&Assembled> {
        self.by_locale.get(locale).and_then(Option::as_ref)
    }

    /// Whether the variant says which locales it is written in, the given one among them.
    pub(crate) fn names_locales(&self, locale: usize) -> bool {
        self.distance(locale)
            .is_some_and(|distance| distance != usize::MAX)
    }

    /// How far the locale is from the nearest that the variant speaks; `None` where it speaks none.
    fn distance(&self, locale: usize) -> Option<usize> {
        self.assembled(locale)?.distance
    }
}

/// What may serve each locale of a Channel; one without locales has a nameless one.
pub fn lineages<'a>(locales: &'a [String], fallback: &'a Fallback) -> Vec<Lineage<'a>> {
    if locales.is_empty() {
        return vec![Lineage::of("", fallback)];
    }
    locales
        .iter()
        .map(|locale| Lineage::of(locale, fallback))
        .collect()
}

fn assemble(module: &bundle::Module, variant: &bundle::Variant, lineage: &Lineage<'_>) -> Option<Assembled> {
    let distance = distance(variant, lineage);
    if distance.is_none() && variant.name != module.baseline {
        return None;
    }
    let json = to_raw_value(&slots(module, variant, lineage)).ok()?;
    Some(Assembled { distance, json })
}

/// How far the locale of a lineage is from the nearest that the variant speaks: `usize::MAX` for one without locales; `None` where it
/// speaks none.
fn distance(variant: &bundle::Variant, lineage: &Lineage<'_>) -> Option<usize> {
    let ranges = variant.locales.iter();
    match variant.locales.as_slice() {
        [] => Some(usize::MAX),
        _ => ranges.filter_map(|range| lineage.distance(range)).min(),
    }
}

/// The variants that may be shown to whoever is in `audience` and served by a lineage, the one that is preferred first,
/// whenever they are valid.
pub fn preferred<'m>(
    module: &'m bundle::Module,
    audience: Option<&str>,
    lineage: &Lineage<'_>,
) -> Vec<&'m bundle::Variant> {
    let admits = |variant: &bundle::Variant| {
        variant.audiences.is_empty()
            || audience.is_some_and(|audience| variant.audiences.iter().any(|name| name == audience))
    };
    let ranked = module.variants.iter().filter(|variant| admits(variant));
    let mut ranked: Vec<_> = ranked
        .filter_map(|variant| Some((rank(variant, distance(variant, lineage)?), variant)))
        .collect();
    // Equally specific ones stay in the listed order.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, variant)| variant).collect()
}

/// Naming the audience beats naming the channel beats the longer locale.
fn rank(variant: &bundle::Variant, distance: usize) -> (bool, bool, usize) {
    (variant.audiences.is_empty(), !variant.names_channel, distance)
}

/// Whether a variant may be shown to whoever is served by a lineage.
pub fn speaks(variant: &bundle::Variant, lineage: &Lineage<'_>) -> bool {
    variant.locales.is_empty()
        || variant
            .locales
            .iter()
            .any(|range| lineage.distance(range).is_some())
}

/// The filled slots: the core, its localized values from the least to the most specific locale, then the variant's likewise.
pub fn slots<'a>(
    module: &'a bundle::Module,
    variant: &'a bundle::Variant,
    lineage: &Lineage<'_>,
) -> BTreeMap<&'a str, &'a Json> {
    let localized = |by_locale: &'a Localized| {
        let mut localized: Vec<_> = by_locale
            .iter()
            .filter_map(|(range, slots)| lineage.distance(range).map(|distance| (distance, slots)))
            .collect();
        localized.sort_by_key(|(distance, _)| std::cmp::Reverse(*distance));
        localized.into_iter().map(|(_, slots)| slots)
    };
    std::iter::once(&module.core)
        .chain(localized(&module.localized_core))
        .chain(std::iter::once(&variant.content))
        .chain(localized(&variant.localized_content))
        .flatten()
        .map(|(slot, value)| (slot.as_str(), value))
        .collect()
}

/// Values of slots by locale.
type Localized = BTreeMap<String, BTreeMap<String, Json>>;
