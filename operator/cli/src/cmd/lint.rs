//! `attune lint`.

use std::process::ExitCode;

use crate::cli::LintArgs;
use crate::render::{render, shows_color};
use crate::strategy::Strategy;

/// Prints what is wrong; 1 when something is an error.
pub(crate) fn run(args: &LintArgs) -> anyhow::Result<ExitCode> {
    let strategy = Strategy::load(&args.source)?;
    let report = strategy.lint(args.source.at());
    let mut stdout = std::io::stdout().lock();
    render(&report, args.output.into(), shows_color(&stdout), &mut stdout)?;
    Ok(ExitCode::from(report.exit_code()))
}
