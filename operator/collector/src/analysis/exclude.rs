//! Units that are left out: bots, by what they did before their first exposure.
//!
//! Only what happened before may count, and the rule is the same in every arm: a unit that is left out because of what an
//! arm made it do would be a hole in that arm alone.

use attune_core::measure::{ExcludeRule, MetricKind, Question};

use super::AnswerError;
use super::filter::Selection;
use super::sums::{Member, Stretch, sums};
use crate::store::Snapshot;

/// Takes out of `members` every unit that any rule leaves out; how many of each arm, by its place.
pub(super) fn apply(
    snapshot: &Snapshot,
    question: &Question,
    members: &mut Vec<Member>,
) -> Result<Vec<u64>, AnswerError> {
    let mut excluded = vec![0; question.arms.len()];
    for rule in &question.exclude {
        let over = over(snapshot, rule, members)?;
        let mut over = over.into_iter();
        members.retain(|member| {
            let leaves = over.next().unwrap_or_default();
            if leaves && let Some(count) = excluded.get_mut(member.place) {
                *count += 1;
            }
            !leaves
        });
    }
    Ok(excluded)
}

/// Which members have more outcomes than the rule allows.
fn over(snapshot: &Snapshot, rule: &ExcludeRule, members: &[Member]) -> Result<Vec<bool>, AnswerError> {
    let selection =
        Selection::new(&rule.event, MetricKind::Count).map_err(|source| AnswerError::LinkFilter {
            metric: rule.name.clone(),
            source,
        })?;
    let stretch = Stretch::before(rule.window_seconds);
    let sums = sums(snapshot, &selection, members, stretch, i64::MAX)?;
    Ok(sums.iter().map(|sum| sum.matches > rule.more_than).collect())
}
