//! `attune lint`.

use std::process::ExitCode;

use crate::cli::LintArgs;
use crate::ownership::Ownership;
use crate::render::{render, shows_color};
use crate::strategy::Strategy;
use crate::terminal::print;

/// Prints what is wrong; 1 when something is an error.
pub(crate) fn run(args: &LintArgs) -> anyhow::Result<ExitCode> {
    let strategy = Strategy::load(&args.source)?;
    let namespace = args.source.namespace();
    let ownership = Ownership::read(&strategy, &args.rbac, args.codeowners.as_deref(), namespace)?;
    let report = strategy.lint(args.source.at(), &ownership);
    let color = shows_color(&std::io::stdout());
    print(&render(&report, args.output.into(), color)?)?;
    Ok(ExitCode::from(report.exit_code()))
}
