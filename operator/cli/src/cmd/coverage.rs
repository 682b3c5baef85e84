//! `attune coverage`.

use std::process::ExitCode;

use crate::cli::{CoverageArgs, CoverageOutput};
use crate::coverage::{Covered, brief, json, page, text};
use crate::space::Space;
use crate::strategy::Strategy;
use crate::terminal::print;

/// Prints what each audience gets where.
pub(crate) fn run(args: &CoverageArgs) -> anyhow::Result<ExitCode> {
    let strategy = Strategy::load(&args.source)?;
    strategy.warn_of_refusals();
    let spaces = Space::all(&strategy.inventory(), args.source.at())?;
    let covered: Vec<_> = spaces.iter().map(Covered::of).collect();
    let answer = match args.output {
        CoverageOutput::Table => text(&covered),
        CoverageOutput::Json => json(&covered)?,
        CoverageOutput::Csv => brief(&covered),
        CoverageOutput::Html => page(&covered),
    };
    print(&answer)?;
    Ok(ExitCode::SUCCESS)
}
