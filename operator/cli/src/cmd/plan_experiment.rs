//! `attune plan-experiment`.

use std::process::ExitCode;

use super::failed;
use crate::cli::{AnswerOutput, PlanArgs, SourceArgs};
use crate::plan::{Brief, Registered, json, plan, text};
use crate::strategy::Strategy;
use crate::terminal::print;

/// Prints the plan; 1 when the units that there are will not show the least lift by the chosen design.
pub(crate) fn run(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let registered = match &args.experiment {
        Some(name) => Some(registered(args, name)?),
        None => None,
    };
    let brief = Brief::new(args, registered.as_ref())?;
    let planned = plan(&brief)?;
    let answer = match args.output {
        AnswerOutput::Text => text(&brief, &planned),
        AnswerOutput::Json => json(&brief, &planned)?,
    };
    print(&answer)?;
    Ok(match planned.conclusive {
        Some(false) => failed(),
        _ => ExitCode::SUCCESS,
    })
}

fn registered(args: &PlanArgs, name: &str) -> anyhow::Result<Registered> {
    let source = SourceArgs {
        paths: args.paths.clone(),
        namespace: args.namespace.clone(),
        at: None,
    };
    let strategy = Strategy::load(&source)?;
    strategy.warn_of_refusals();
    let registered = Registered::find(&strategy, args.namespace.as_deref(), name)?;
    Ok(registered)
}
