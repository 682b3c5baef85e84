//! What is over by now.

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_api::experiment::{Assignment, ExperimentState};

use crate::Model;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Compares every window with the model's instant.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    variants(model, report);
    holdouts(model, report);
    experiments(model, report);
    waivers(model, report);
}

/// Variants that are not shown any more.
fn variants(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    for (name, module) in &snapshot.modules {
        let object = snapshot.id(Kind::ContentModule, name);
        for (index, variant) in module.spec.variants.iter().enumerate() {
            let until = variant
                .validity
                .as_ref()
                .and_then(|validity| validity.until.as_ref());
            if let Some(until) = until.filter(|until| until.timestamp() <= model.at) {
                let message = format!(
                    "variant `{}` expired at {until} and is not shown: renew or remove it",
                    variant.name
                );
                report.warning(
                    &object,
                    Reason::Expired,
                    format!("spec.variants[{index}].validity.until"),
                    message,
                );
            }
        }
    }
}

/// Holdouts that hold nobody any more.
fn holdouts(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    for (name, holdout) in &snapshot.holdouts {
        let until = &holdout.spec.period.until;
        if until.timestamp() <= model.at {
            let message = format!("the period ended at {until}, so that nobody is held: begin a new period");
            report.warning(
                &snapshot.id(Kind::Holdout, name),
                Reason::Expired,
                "spec.period.until",
                message,
            );
        }
    }
}

/// Experiments that are over and nobody stopped.
fn experiments(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    for (name, experiment) in &snapshot.experiments {
        let end = experiment
            .spec
            .schedule
            .as_ref()
            .and_then(|schedule| schedule.end.as_ref());
        let runs = experiment.spec.state == ExperimentState::Running;
        if let Some(end) = end.filter(|end| runs && end.timestamp() <= model.at) {
            let meaning = match experiment.spec.assignment() {
                Assignment::Engine => "so that everybody gets control",
                Assignment::Imported => "while exposures may still come in",
            };
            let message = format!("the schedule ended at {end}, {meaning}: stop the experiment");
            report.warning(
                &snapshot.id(Kind::Experiment, name),
                Reason::Ended,
                "spec.schedule.end",
                message,
            );
        }
    }
}

/// Waivers that excuse nothing any more.
fn waivers(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    for (name, program) in &snapshot.programs {
        let waivers = program
            .spec
            .coverage
            .iter()
            .flat_map(|coverage| &coverage.waivers);
        for (index, waiver) in waivers.enumerate() {
            if waiver.until.end() <= model.at {
                let message = format!(
                    "the waiver ended with {}: cover the cell or waive it anew",
                    waiver.until
                );
                let field = format!("spec.coverage.waivers[{index}].until");
                report.warning(&snapshot.id(Kind::Program, name), Reason::Expired, field, message);
            }
        }
    }
}
