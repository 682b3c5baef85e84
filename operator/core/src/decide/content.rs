//! Steps 10 and 11: the words.

use super::{Content, Run, Won};
use crate::engine::{Effect, Module, VariantIx};
use crate::trace::{Step, Trace};

impl<'e> Run<'e, '_> {
    /// Step 10: the most specific variant of the winner's module.
    pub(super) fn personalized(&self, won: &Won<'e>, trace: &mut Trace) -> Option<Content<'e>> {
        self.content_or_baseline(Some((won.module, won.variant)), trace)
    }

    /// What an arm's units get.
    pub(super) fn apply(&self, effect: &Effect, won: &Won<'e>, trace: &mut Trace) -> Option<Content<'e>> {
        let module = |index: usize| self.engine.modules.get(index).filter(|module| !module.suspended);
        let chosen = match effect {
            Effect::Baseline => return self.baseline(trace),
            Effect::Personalize => return self.personalized(won, trace),
            Effect::Module(shown) => module(shown.at(won.candidate.binding)).and_then(|module| {
                module
                    .most_specific(won.audience, self.locale, self.now)
                    .map(|variant| (module, variant))
            }),
            Effect::Variant(shown) => {
                let (index, variant) = shown.at(won.candidate.binding);
                let named = module(index).zip(variant);
                named.filter(|(module, variant)| module.serves(*variant, self.locale, self.now))
            }
        };
        self.content_or_baseline(chosen, trace)
    }

    /// Step 11: of the touchpoint's baseline module the variant for whoever is in no audience.
    pub(super) fn baseline(&self, trace: &mut Trace) -> Option<Content<'e>> {
        let module = self
            .touchpoint
            .baseline
            .and_then(|index| self.engine.modules.get(index));
        let content = module.and_then(|module| {
            let variant = module.baseline_variant(self.locale, self.now)?;
            self.content(module, variant)
        });
        trace.write(|| Step::Baseline {
            variant: content.map(|content| content.variant.to_owned()),
        });
        content
    }

    fn content_or_baseline(
        &self,
        chosen: Option<(&'e Module, VariantIx)>,
        trace: &mut Trace,
    ) -> Option<Content<'e>> {
        let content = chosen.and_then(|(module, variant)| self.content(module, variant));
        trace.write(|| Step::Content {
            variant: content.map(|content| content.variant.to_owned()),
            locale: self.engine.bundle.settings.locales.get(self.locale).cloned(),
        });
        content.or_else(|| self.baseline(trace))
    }

    fn content(&self, module: &'e Module, variant: VariantIx) -> Option<Content<'e>> {
        let json = module.content(variant, self.locale)?;
        Some(Content {
            variant: &module.variants.get(variant)?.label,
            json,
        })
    }
}
