//! When the passing of time alone changes an answer.

use attune_api::time::Instant;
use jiff::Timestamp;

use super::decay::{all_endings, notice, reviews};
use crate::Model;
use crate::coverage::next_turn;

/// The next instant after the model's at which a window opens or closes, something becomes due, or ages, or work comes
/// to be due in another quarter.
pub fn next_change(model: &Model<'_>) -> Option<Timestamp> {
    let snapshot = model.snapshot;
    let variants = snapshot.modules.values().flat_map(|module| &module.spec.variants);
    let begins = variants
        .clone()
        .filter_map(|variant| variant.validity.as_ref()?.from.as_ref());
    let approvals = variants.filter_map(|variant| variant.approval.as_ref().map(|one| &one.at));
    let schedules = snapshot
        .experiments
        .values()
        .filter_map(|one| one.spec.schedule.as_ref());
    let schedules = schedules.flat_map(|schedule| [schedule.start.as_ref(), schedule.end.as_ref()]);
    let periods = snapshot
        .holdouts
        .values()
        .map(|holdout| &holdout.spec.period.from);
    let written = begins.chain(approvals).chain(schedules.flatten()).chain(periods);
    let endings: Vec<_> = all_endings(model).into_iter().map(|ending| ending.at).collect();
    let notices = notice(&model.policies).into_iter().flat_map(|notice| {
        let endings = endings.iter();
        endings.filter_map(move |end| end.checked_sub(notice).ok())
    });
    let instants = written.map(Instant::timestamp).chain(due(model)).chain(notices);
    let instants = instants.chain(next_turn(snapshot, model.at));
    instants
        .chain(endings.iter().copied())
        .filter(|instant| *instant > model.at)
        .min()
}

/// When a policy has something to say by the time alone: reviews, audits and evidence.
fn due(model: &Model<'_>) -> Vec<Timestamp> {
    let snapshot = model.snapshot;
    let mut due = Vec::new();
    for ruling in model.policies.judging(|rules| rules.review.as_ref()) {
        for day in reviews(model).filter_map(|(_, _, day)| day) {
            due.push(day.end());
            let furthest = ruling.rule.max_ahead.as_ref();
            due.extend(furthest.and_then(|most| day.start().checked_sub(most.duration()).ok()));
        }
    }
    for ruling in model.policies.judging(|rules| rules.data_audit.as_ref()) {
        for audit in snapshot
            .contracts
            .values()
            .filter_map(|one| one.spec.audit.as_ref())
        {
            let at = audit.at.timestamp();
            due.push(at);
            let oldest = ruling.rule.max_age.as_ref();
            due.extend(oldest.and_then(|most| at.checked_add(most.duration()).ok()));
        }
    }
    for ruling in model.policies.judging(|rules| rules.evidence.as_ref()) {
        let Some(most) = &ruling.rule.max_age else {
            continue;
        };
        for evidence in model.evidence.iter().flat_map(|known| known.values()) {
            due.extend(evidence.concluded_at.checked_add(most.duration()).ok());
        }
    }
    due
}
