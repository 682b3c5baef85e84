//! `attune decay`.

use std::process::ExitCode;

use attune_api::conditions::Reason;

use crate::cli::DecayArgs;
use crate::render::{render, shows_color};
use crate::strategy::Strategy;
use crate::terminal::print;

/// What time alone does to a strategy.
const STALE: [Reason; 6] = [
    Reason::Expired,
    Reason::Ended,
    Reason::ReviewOverdue,
    Reason::AuditAged,
    Reason::EvidenceAged,
    Reason::Unused,
];

/// Prints what will be stale at an instant; 1 when a policy makes an error of something.
pub(crate) fn run(args: &DecayArgs) -> anyhow::Result<ExitCode> {
    let strategy = Strategy::load(&args.source())?;
    let mut report = strategy.lint(args.at, &());
    report
        .diagnostics
        .retain(|diagnostic| STALE.contains(&diagnostic.reason));
    let color = shows_color(&std::io::stdout());
    print(&render(&report, args.output.into(), color)?)?;
    Ok(ExitCode::from(report.exit_code()))
}
