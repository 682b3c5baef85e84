//! Verdicts, with the figures that they were written from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::figures::Figures;
use crate::finding::ObjectId;
use crate::verdict::{Draft, Verdict};

/// What was said of objects.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    now: BTreeMap<ObjectId, Known>,
    before: BTreeMap<ObjectId, Known>,
}

#[derive(Debug)]
struct Known {
    figures: Figures,
    verdict: Arc<Verdict>,
}

impl Verdicts {
    /// The verdict of a draft: the one from before where that says the same, so that nobody has to compare them again.
    pub(crate) fn verdict(&mut self, id: &ObjectId, draft: Draft) -> Arc<Verdict> {
        let same = |known: &Known| draft.figures == known.figures && draft.is_of(&known.verdict);
        let (id, known) = match self.before.remove_entry(id) {
            Some((id, known)) if same(&known) => (id, known),
            _ => {
                let fields = draft.figures.fields();
                let known = Known {
                    figures: draft.figures.clone(),
                    verdict: Arc::new(draft.with(fields)),
                };
                (id.clone(), known)
            }
        };
        let verdict = Arc::clone(&known.verdict);
        self.now.insert(id, known);
        verdict
    }

    pub(super) fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}
