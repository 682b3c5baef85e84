//! Step 7: whether the unit is held out of what it would have got.

use super::{Run, Won};
use crate::bucket::BASIS_POINTS;
use crate::engine::Ix;
use crate::trace::{HoldoutLine, Step, Trace};

/// The holdouts that were tested: a namespace and a program have one live holdout each.
pub(super) struct Tested {
    /// The one before the last.
    pub(super) passed: Ix,
    pub(super) last: Ix,
    /// Whether the last one holds the unit.
    pub(super) held: bool,
}

impl<'e> Run<'e, '_> {
    /// Tests the holdouts of the winner's program in their order and stops at the first that holds the unit.
    pub(super) fn test_holdouts(&self, unit: &str, won: &Won<'e>, trace: &mut Trace) -> Tested {
        let mut lines = trace.is_on().then(Vec::new);
        let mut tested = Tested {
            passed: Ix::NONE,
            last: Ix::NONE,
            held: false,
        };
        let holdouts = won.program.holdouts.iter();
        let holdouts = holdouts.filter_map(|index| Some((*index, self.engine.holdouts.get(*index)?)));
        for (index, holdout) in holdouts.filter(|(_, holdout)| holdout.period.contains(self.now)) {
            let bucket = self
                .context
                .memo
                .bucket(index, || holdout.salt.bucket(unit, BASIS_POINTS));
            let held = bucket < holdout.share_bp;
            if let Some(lines) = &mut lines {
                lines.push(HoldoutLine {
                    holdout: holdout.name.clone(),
                    bucket,
                    share_bp: holdout.share_bp,
                    held,
                });
            }
            tested = Tested {
                passed: tested.last,
                last: Ix::new(index),
                held,
            };
            if held {
                break;
            }
        }
        trace.write(|| Step::Holdout {
            tested: lines.unwrap_or_default(),
        });
        tested
    }
}
