//! What is on a page already.

use smallvec::SmallVec;

use super::Decision;

/// The modules that won at touchpoints decided before, on the same page.
#[derive(Debug, Clone, Default)]
pub struct Taken<'e>(SmallVec<[&'e str; 16]>);

impl<'e> Taken<'e> {
    /// Takes note of a decision: of the module that would have been shown, held out or not and whatever the arm, so that
    /// the rest of the page is decided alike in all arms. Baselines take nothing.
    pub fn take(&mut self, decision: &Decision<'e>) {
        self.0.extend(decision.winner.map(|winner| winner.module));
    }

    pub(super) fn has(&self, module: &str) -> bool {
        self.0.contains(&module)
    }
}
