//! Which words whoever gets, in every locale and at any time.

use std::collections::BTreeMap;

use attune_core::bundle::{Bundle, Module, Variant, Window};
use attune_core::engine::{lineages, preferred, slots, speaks};
use attune_core::locale::Lineage;
use serde_json::Value as Json;

/// What stands between a label and the locale whose words it has.
const LOCALE_MARK: char = '@';

/// What stands between a label and a number, where two forms of one module say different things.
const FORM_MARK: char = '~';

/// By locale of the Channel, the variants in the order in which they are preferred; the first that is valid is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    pub by_locale: Vec<Vec<Choice>>,
}

/// A variant in one locale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// When it may be shown.
    pub window: Window,
    /// Its name in [`Labels`].
    pub label: String,
}

impl Words {
    /// What is always valid in the first locale, where there is something in every locale at any time.
    pub(super) fn default_label(&self) -> Option<&str> {
        let last = |choices: &Vec<Choice>| choices.last().is_some_and(|last| last.window.is_always());
        let first = self.by_locale.first()?.last()?;
        self.by_locale.iter().all(last).then_some(first.label.as_str())
    }

    /// These, and where none of them is valid the others.
    pub(super) fn or(&self, others: &Self) -> Self {
        let both = self.by_locale.iter().zip(&others.by_locale);
        let by_locale = both.map(|(first, then)| until_always(first.iter().chain(then).cloned()));
        Self {
            by_locale: by_locale.collect(),
        }
    }
}

/// Choices up to the first that is always valid: what follows it is never shown.
fn until_always(choices: impl Iterator<Item = Choice>) -> Vec<Choice> {
    let mut kept = Vec::new();
    for choice in choices {
        let is_last = choice.window.is_always();
        kept.push(choice);
        if is_last {
            break;
        }
    }
    kept
}

/// The contents that a touchpoint may show, each under one label: `<module>/<variant>`, and `@<locale>` after it where the
/// words of a locale differ from those of the first.
#[derive(Debug)]
pub(super) struct Labels<'b> {
    bundle: &'b Bundle,
    locales: Vec<&'b str>,
    /// What may serve each of them.
    lineages: Vec<Lineage<'b>>,
    contents: BTreeMap<String, Json>,
}

impl<'b> Labels<'b> {
    pub(super) fn new(bundle: &'b Bundle) -> Self {
        let settings = &bundle.settings;
        let locales: Vec<_> = settings.locales.iter().map(String::as_str).collect();
        Self {
            bundle,
            // A Channel without locales has one nameless locale.
            locales: if locales.is_empty() { vec![""] } else { locales },
            lineages: lineages(&settings.locales, &settings.locale_fallback),
            contents: BTreeMap::new(),
        }
    }

    /// The contents that were asked for, by label.
    pub(super) fn into_contents(self) -> BTreeMap<String, Json> {
        self.contents
    }

    /// The locales of the Channel, at least one.
    pub(super) fn locales(&self) -> &[&'b str] {
        &self.locales
    }

    /// What whoever is in `audience` is shown of a module.
    pub(super) fn specific(&mut self, module: &str, audience: Option<&str>) -> Words {
        self.choose(module, |module, lineage| preferred(module, audience, lineage))
    }

    /// What a named variant shows, where it may be shown.
    pub(super) fn named(&mut self, module: &str, variant: &str) -> Words {
        self.choose(module, |module, lineage| {
            let named = module.variants.iter().find(|known| known.name == variant);
            named.into_iter().filter(|named| speaks(named, lineage)).collect()
        })
    }

    /// What a module shows as a baseline: the variants for everyone, else the declared baseline, whichever locale it speaks.
    /// Of a suspended module the declared one comes first.
    pub(super) fn baseline(&mut self, module: &str) -> Words {
        self.choose(module, |module, lineage| {
            let declared = module.variants.iter().find(|known| known.name == module.baseline);
            let specific = preferred(module, None, lineage).into_iter();
            if module.suspended {
                declared.into_iter().chain(specific).collect()
            } else {
                specific.chain(declared).collect()
            }
        })
    }

    fn choose(&mut self, id: &str, variants: impl Fn(&'b Module, &Lineage<'b>) -> Vec<&'b Variant>) -> Words {
        let Some(module) = self.bundle.modules.get(id) else {
            return self.none();
        };
        let locales: Vec<_> = self.locales.iter().copied().zip(self.lineages.clone()).collect();
        let by_locale = locales.iter().map(|(locale, lineage)| {
            let choices = variants(module, lineage).into_iter().map(|variant| Choice {
                window: variant.validity,
                label: self.label(module, variant, (locale, lineage)),
            });
            until_always(choices)
        });
        Words {
            by_locale: by_locale.collect(),
        }
    }

    /// Nothing in any locale.
    pub(super) fn none(&self) -> Words {
        Words {
            by_locale: vec![Vec::new(); self.locales.len()],
        }
    }

    fn label(
        &mut self,
        module: &Module,
        variant: &Variant,
        (locale, lineage): (&str, &Lineage<'_>),
    ) -> String {
        let slots = slots(module, variant, lineage).into_iter();
        let content: Json = slots
            .map(|(slot, value)| (slot.to_owned(), value.clone()))
            .collect();
        let plain = format!("{}/{}", module.name, variant.name);
        let is_first = self.locales.first().is_none_or(|first| *first == locale);
        let in_locale = if is_first {
            plain.clone()
        } else {
            format!("{plain}{LOCALE_MARK}{locale}")
        };
        let forms = (2..).map(|form| format!("{in_locale}{FORM_MARK}{form}"));
        for label in [plain, in_locale.clone()].into_iter().chain(forms) {
            match self.contents.get(&label) {
                Some(known) if *known == content => return label,
                Some(_) => {}
                None => {
                    self.contents.insert(label.clone(), content);
                    return label;
                }
            }
        }
        // INVARIANT: of endless labels one is free.
        in_locale
    }
}
