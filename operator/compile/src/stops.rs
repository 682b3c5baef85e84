//! What enforced rules that stop take out of bundles, also out of forms that are carried over.

use std::collections::{BTreeMap, BTreeSet};

use attune_core::bundle::{Module, Rule, Variant};

use crate::adapt::visible;
use crate::phrases::Phrases;

/// What must not be in any bundle.
#[derive(Debug, Default)]
pub struct Stops {
    /// Variants by module.
    variants: BTreeMap<String, BTreeSet<String>>,
    /// Phrases that no words may have.
    phrases: Phrases,
    /// Attributes that no rule may read.
    attributes: BTreeSet<String>,
    /// Attributes that no rule of a program may read.
    purposes: BTreeMap<String, BTreeSet<String>>,
    /// The most that bindings may be open to, in basis points.
    shares: BTreeMap<String, u32>,
}

impl Stops {
    /// A variant leaves its module.
    pub fn variant(&mut self, module: &str, variant: &str) {
        let variants = self.variants.entry(module.to_owned()).or_default();
        variants.insert(variant.to_owned());
    }

    /// Words with one of these phrases leave, whatever they are called.
    pub fn phrases(&mut self, phrases: Phrases) {
        self.phrases.extend(phrases);
    }

    /// Rules that read an attribute leave.
    pub fn attribute(&mut self, attribute: &str) {
        self.attributes.insert(attribute.to_owned());
    }

    /// Rules of a program that read an attribute leave.
    pub fn attribute_of(&mut self, program: &str, attribute: &str) {
        let attributes = self.purposes.entry(program.to_owned()).or_default();
        attributes.insert(attribute.to_owned());
    }

    /// A binding is open to so much at most, in basis points.
    pub fn cap(&mut self, binding: &str, share_bp: u32) {
        let share = self.shares.entry(binding.to_owned()).or_insert(share_bp);
        *share = (*share).min(share_bp);
    }

    /// The most that a binding may be open to, in basis points; `None`: as it says.
    pub fn share(&self, binding: &str) -> Option<u32> {
        self.shares.get(binding).copied()
    }

    /// Whether nothing is stopped.
    pub fn is_empty(&self) -> bool {
        self.variants.is_empty()
            && self.phrases.is_empty()
            && self.attributes.is_empty()
            && self.purposes.is_empty()
            && self.shares.is_empty()
    }

    /// Whether a program may not evaluate a rule.
    pub fn stops_rule(&self, program: &str, rule: &Rule) -> bool {
        if self.attributes.is_empty() && self.purposes.is_empty() {
            return false;
        }
        let own = self.purposes.get(program);
        let mut read = rule.expression.attributes().into_iter();
        read.any(|name| self.attributes.contains(name) || own.is_some_and(|own| own.contains(name)))
    }

    /// Whether a variant of a module by this name is stopped.
    pub fn is_stopped(&self, module: &str, variant: &str) -> bool {
        let variants = self.variants.get(module);
        variants.is_some_and(|variants| variants.contains(variant))
    }

    /// Whether a variant may not be in a bundle: by its name, or by what its words are in that form.
    pub fn stops_variant(&self, module: &Module, variant: &Variant) -> bool {
        self.is_stopped(&module.name, &variant.name) || self.stops_words(module, variant)
    }

    fn stops_words(&self, module: &Module, variant: &Variant) -> bool {
        if self.phrases.is_empty() {
            return false;
        }
        let has = |locale: Option<&str>, value: &serde_json::Value| {
            value.as_str().is_some_and(|text| {
                // A form may be HTML, whose elements and references stand between the words.
                let seen = visible(text);
                let found = |text: &str| self.phrases.first_in(locale, text).is_some();
                found(text) || found(&seen)
            })
        };
        let locales = || {
            let named = variant.locales.iter().map(|locale| Some(locale.as_str()));
            named.chain(variant.locales.is_empty().then_some(None))
        };
        let mut own = variant.content.values().chain(module.core.values());
        let mut localized = module.localized_core.iter().chain(&variant.localized_content);
        own.any(|value| locales().any(|locale| has(locale, value)))
            || localized.any(|(locale, values)| values.values().any(|value| has(Some(locale), value)))
    }
}
