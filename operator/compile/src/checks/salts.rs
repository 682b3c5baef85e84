//! No two objects hash with one salt: their buckets would be the same people.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::Reason;

use crate::Model;
use crate::finding::ObjectId;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Compares the explicit salts of experiments and holdouts.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    let holdouts = snapshot
        .holdouts
        .iter()
        .map(|(name, holdout)| (snapshot.id(Kind::Holdout, name), holdout.spec.salt.as_ref()));
    let experiments = snapshot
        .experiments
        .iter()
        .map(|(name, experiment)| (snapshot.id(Kind::Experiment, name), experiment.spec.salt.as_ref()));
    let mut known: BTreeMap<&str, ObjectId> = BTreeMap::new();
    for (object, salt) in holdouts.chain(experiments) {
        let Some(salt) = salt else { continue };
        if let Some(first) = known.get(salt.as_str()) {
            let message = format!(
                "`{salt}` is the salt of {} `{}` too, so that both would pick the same units: choose another",
                first.kind, first.name
            );
            report.error(&object, Reason::SharedSalt, "spec.salt", message);
        } else {
            known.insert(salt.as_str(), object);
        }
    }
}
