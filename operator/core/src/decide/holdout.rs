//! Step 7: whether the unit is held out of what it would have got.

use super::{HoldoutTest, Run, Won};
use crate::bucket::BASIS_POINTS;
use crate::trace::{HoldoutLine, Step, Trace};

impl<'e> Run<'e, '_> {
    /// Tests the holdouts of the winner's program in their order and stops at the first that holds the unit. Gives the
    /// last one tested, after the one before it: a namespace and a program have one live holdout each.
    pub(super) fn test_holdouts(
        &self,
        unit: &str,
        won: &Won<'e>,
        trace: &mut Trace,
    ) -> (Option<&'e str>, Option<HoldoutTest<'e>>) {
        let mut lines = trace.is_on().then(Vec::new);
        let mut last: Option<HoldoutTest<'e>> = None;
        let mut passed = None;
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
            passed = last.map(|test| test.name).or(passed);
            last = Some(HoldoutTest {
                name: &holdout.name,
                held,
            });
            if held {
                break;
            }
        }
        trace.write(|| Step::Holdout {
            tested: lines.unwrap_or_default(),
        });
        (passed, last)
    }
}
