//! What is on a page already.

use smallvec::SmallVec;

use super::Decision;
use crate::engine::Engine;

/// The modules that won at touchpoints decided before, on the same page.
#[derive(Debug, Clone, Default)]
pub struct Taken<'e>(SmallVec<[&'e str; 16]>);

impl<'e> Taken<'e> {
    /// Takes note of a decision: of the module that would have been shown, held out or not and whatever the arm, so that
    /// the rest of the page is decided alike in all arms. Baselines take nothing.
    pub fn take(&mut self, decision: &Decision<'e>) {
        self.0.extend(decision.winner.map(|winner| winner.module));
    }

    /// The page on which modules of these names have won; one that the bundle does not have takes nothing from anybody.
    pub fn modules_of<'n>(engine: &'e Engine, names: impl Iterator<Item = &'n str>) -> Self {
        let module = |name: &str| engine.modules.iter().find(|module| module.name == name);
        Self(
            names
                .filter_map(|name| Some(module(name)?.name.as_str()))
                .collect(),
        )
    }

    /// Their names.
    pub fn modules(&self) -> impl Iterator<Item = &'e str> {
        self.0.iter().copied()
    }

    pub(super) fn has(&self, module: &str) -> bool {
        self.0.contains(&module)
    }
}
