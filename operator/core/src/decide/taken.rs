//! What is on a page already.

use smallvec::SmallVec;

use super::Decision;
use crate::engine::{Engine, Module};

/// The modules that won at touchpoints decided before, on the same page, those that may be shown in their place, and how much
/// alike they may be.
#[derive(Debug, Clone, Default)]
pub struct Taken<'e> {
    modules: SmallVec<[&'e str; 16]>,
    /// Modules that arms of experiments may show in their place.
    by_arms: SmallVec<[&'e str; 4]>,
    diversity: Option<Diversity<'e>>,
}

/// At most so many modules with one value of a label.
#[derive(Debug, Clone)]
struct Diversity<'e> {
    /// Position in [`crate::bundle::ChannelSettings::diversity`].
    label: usize,
    most: usize,
    /// Values on the page, one for each module.
    values: SmallVec<[&'e str; 16]>,
}

impl<'e> Taken<'e> {
    /// An empty page with at most `most` modules of one value of a label, which is named by its position in
    /// [`crate::bundle::ChannelSettings::diversity`]. Modules without the label are as many as they like.
    pub fn diverse(label: usize, most: usize) -> Self {
        Self {
            modules: SmallVec::new(),
            by_arms: SmallVec::new(),
            diversity: Some(Diversity {
                label,
                most,
                values: SmallVec::new(),
            }),
        }
    }

    /// Takes note of a decision by the engine: of the module that would have been shown, and of those that arms of the
    /// binding's experiments may show, held out or not and whatever the arm, so that the rest of the page is decided alike in
    /// all arms. Baselines take nothing.
    pub fn take(&mut self, engine: &'e Engine, decision: &Decision<'e>) {
        let Some(winner) = decision.winner else {
            return;
        };
        self.modules.push(winner.module);
        let by_arms = engine.shown_by_arms(winner.binding);
        self.by_arms
            .extend(by_arms.filter(|module| *module != winner.module));
        if let Some(diversity) = &mut self.diversity {
            let value = winner.labels.get(diversity.label).and_then(Option::as_deref);
            diversity.values.extend(value);
        }
    }

    /// The same page with modules of these names on it; one that the bundle does not have takes nothing from anybody.
    #[must_use]
    pub fn with<'n>(mut self, engine: &'e Engine, names: impl Iterator<Item = &'n str>) -> Self {
        for module in named(engine, names) {
            self.modules.push(&module.name);
            if let Some(diversity) = &mut self.diversity {
                let value = module.labels.get(diversity.label).and_then(Option::as_deref);
                diversity.values.extend(value);
            }
        }
        self
    }

    /// The same page with modules of these names that arms of experiments may show on it.
    #[must_use]
    pub fn with_arms<'n>(mut self, engine: &'e Engine, names: impl Iterator<Item = &'n str>) -> Self {
        let modules = named(engine, names);
        self.by_arms.extend(modules.map(|module| module.name.as_str()));
        self
    }

    /// The names of its modules.
    pub fn modules(&self) -> impl Iterator<Item = &'e str> {
        self.modules.iter().copied()
    }

    /// The names of the modules that arms of experiments may show in place of one of them.
    pub fn by_arms(&self) -> impl Iterator<Item = &'e str> {
        self.by_arms.iter().copied()
    }

    /// The position of the label that it is diverse by, and the most modules of one value.
    pub fn diversity(&self) -> Option<(usize, usize)> {
        let diversity = self.diversity.as_ref()?;
        Some((diversity.label, diversity.most))
    }

    /// Whether nothing is left out for it.
    pub(super) fn is_nothing(&self) -> bool {
        self.modules.is_empty() && self.by_arms.is_empty() && self.diversity.is_none()
    }

    pub(super) fn has(&self, module: &str) -> bool {
        self.modules.contains(&module) || self.by_arms.contains(&module)
    }

    /// The position of the label of which the page has enough modules like this one.
    pub(super) fn enough_like(&self, module: &Module) -> Option<usize> {
        let diversity = self.diversity.as_ref()?;
        let value = module.labels.get(diversity.label)?.as_deref()?;
        let like = diversity.values.iter().filter(|known| **known == value).count();
        (like >= diversity.most).then_some(diversity.label)
    }
}

/// The modules of these names, as far as the bundle has them.
fn named<'e, 'n>(
    engine: &'e Engine,
    names: impl Iterator<Item = &'n str>,
) -> impl Iterator<Item = &'e Module> {
    names.filter_map(|name| engine.modules.iter().find(|module| module.name == name))
}
