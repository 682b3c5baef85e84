//! The check chain: pure checks over a namespace, in a fixed order.
//!
//! Each check looks at one matter, adds findings to the report and may rely on those of the checks before it.

use crate::report::Report;
use crate::{Model, registration};

mod audiences;
mod baseline;
mod conflicts;
pub mod content;
mod data;
mod decay;
mod depth;
mod gates;
mod governance;
mod instants;
mod locales;
mod objective;
mod overlaps;
mod owners;
mod past;
mod proof;
mod references;
mod salts;
mod slots;
mod sources;
mod windows;

/// One check.
type Check = fn(&Model<'_>, &mut Report);

/// All checks, in their order: what refers to something unsound is told after that was found unsound, and what needs
/// something gated after all gates are known.
const CHAIN: [Check; 22] = [
    governance::check,
    audiences::check,
    salts::check,
    sources::check,
    windows::check,
    past::check,
    decay::check,
    baseline::check,
    overlaps::holdouts,
    objective::check,
    owners::check,
    references::check,
    overlaps::experiments,
    slots::check,
    registration::check,
    depth::check,
    data::check,
    content::check,
    locales::check,
    proof::check,
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

pub use instants::next_change;
