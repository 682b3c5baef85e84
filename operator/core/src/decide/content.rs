//! Steps 10 and 11: the words.

use super::{Run, Won};
use crate::engine::{Effect, Ix, Module, VariantIx};
use crate::trace::{Step, Trace};

/// A module's variant that has words in the request's locale.
#[derive(Clone, Copy)]
pub(super) struct Chosen<'e> {
    /// The module's place in the engine.
    pub(super) place: Ix,
    pub(super) module: &'e Module,
    pub(super) variant: VariantIx,
}

impl Chosen<'_> {
    fn label(&self) -> Option<String> {
        let variant = self.module.variants.get(self.variant)?;
        Some(variant.label.clone())
    }
}

impl<'e> Run<'e, '_> {
    /// Step 10: the most specific variant of the winner's module.
    pub(super) fn personalized(&self, won: &Won<'e>, trace: &mut Trace) -> Option<Chosen<'e>> {
        let place = won.candidate.module;
        self.content_or_baseline(self.chosen(place, won.module, won.variant), trace)
    }

    /// What an arm's units get.
    pub(super) fn apply(&self, effect: &Effect, won: &Won<'e>, trace: &mut Trace) -> Option<Chosen<'e>> {
        let module = |place: usize| {
            let module = self.engine.modules.get(place);
            module.filter(|module| !module.suspended)
        };
        let chosen = match effect {
            Effect::Baseline => return self.baseline(trace),
            Effect::Personalize => return self.personalized(won, trace),
            Effect::Module(shown) => {
                let place = shown.at(won.candidate.binding);
                module(place).and_then(|module| {
                    let audience = self.audience_name(won.audience);
                    let variant = module.most_specific(audience, self.locale, self.now)?;
                    self.chosen(place, module, variant)
                })
            }
            Effect::Variant(shown) => {
                let (place, variant) = shown.at(won.candidate.binding);
                let named = module(place).zip(variant);
                named
                    .filter(|(module, variant)| module.serves(*variant, self.locale, self.now))
                    .and_then(|(module, variant)| self.chosen(place, module, variant))
            }
        };
        self.content_or_baseline(chosen, trace)
    }

    /// Step 11: of the touchpoint's baseline module the variant for whoever is in no audience.
    pub(super) fn baseline(&self, trace: &mut Trace) -> Option<Chosen<'e>> {
        let place = self.touchpoint.baseline;
        let chosen = place.and_then(|place| {
            let module = self.engine.modules.get(place)?;
            let look_up = || module.baseline_variant(self.locale, self.now);
            let variant = self.touchpoint.baseline_choices.get_or(0, self.locale, look_up);
            self.chosen(place, module, variant?)
        });
        trace.write(|| Step::Baseline {
            variant: chosen.and_then(|chosen| chosen.label()),
        });
        chosen
    }

    fn content_or_baseline(&self, chosen: Option<Chosen<'e>>, trace: &mut Trace) -> Option<Chosen<'e>> {
        trace.write(|| Step::Content {
            variant: chosen.and_then(|chosen| chosen.label()),
            locale: self.engine.bundle.settings.locales.get(self.locale).cloned(),
        });
        chosen.or_else(|| self.baseline(trace))
    }

    fn chosen(&self, place: usize, module: &'e Module, variant: VariantIx) -> Option<Chosen<'e>> {
        module.content(variant, self.locale)?;
        Some(Chosen {
            place: Ix::new(place),
            module,
            variant,
        })
    }
}
