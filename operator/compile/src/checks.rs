//! The check chain: pure checks over a namespace, in a fixed order.
//!
//! Each check looks at one matter, adds findings to the report and may rely on those of the checks before it.

use attune_api::time::Instant;
use jiff::Timestamp;

use crate::Model;
use crate::report::Report;

mod audiences;
mod baseline;
mod conflicts;
mod gates;
mod overlaps;
mod references;
mod salts;
mod slots;
mod windows;

/// One check.
type Check = fn(&Model<'_>, &mut Report);

/// All checks, in their order: what refers to something unsound is told after that was found unsound.
const CHAIN: [Check; 10] = [
    audiences::check,
    salts::check,
    windows::check,
    baseline::check,
    overlaps::holdouts,
    references::check,
    overlaps::experiments,
    slots::check,
    gates::check,
    conflicts::check,
];

/// Runs the chain.
pub fn run(model: &Model<'_>, report: &mut Report) {
    for check in CHAIN {
        check(model, report);
    }
}

/// Follows what policies have against objects once more: something was found after the chain.
pub fn gate(model: &Model<'_>, report: &mut Report) {
    gates::check(model, report);
}

/// The next instant after the model's at which a window opens or closes.
pub fn next_change(model: &Model<'_>) -> Option<Timestamp> {
    let snapshot = model.snapshot;
    let variants = snapshot.modules.values().flat_map(|module| &module.spec.variants);
    let validities = variants.filter_map(|variant| variant.validity.as_ref());
    let validities = validities.flat_map(|validity| [validity.from.as_ref(), validity.until.as_ref()]);
    let schedules = snapshot
        .experiments
        .values()
        .filter_map(|experiment| experiment.spec.schedule.as_ref());
    let schedules = schedules.flat_map(|schedule| [schedule.start.as_ref(), schedule.end.as_ref()]);
    let periods = snapshot.holdouts.values().map(|holdout| &holdout.spec.period);
    let periods = periods.flat_map(|period| [Some(&period.from), Some(&period.until)]);
    let waivers = snapshot
        .programs
        .values()
        .filter_map(|program| program.spec.coverage.as_ref());
    let waivers = waivers
        .flat_map(|coverage| &coverage.waivers)
        .map(|waiver| waiver.until.end());
    let instants = validities
        .chain(schedules)
        .chain(periods)
        .flatten()
        .map(Instant::timestamp)
        .chain(waivers);
    instants.filter(|instant| *instant > model.at).min()
}
