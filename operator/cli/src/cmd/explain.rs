//! `attune explain`.

use std::process::ExitCode;

use attune_core::ofrep::Success;
use attune_core::trace::{Step, Trace};
use serde::Serialize;

use super::decide::print_failure;
use super::{Outcome, decision_id, failed, print_json, success};
use crate::cli::{AnswerOutput, ExplainArgs};
use crate::terminal::print;

/// As a decider explains.
#[derive(Serialize)]
struct Explanation<'a> {
    decision: Success<'a>,
    trace: &'a [Step],
}

/// Prints what each step of the decision did; 1 when there is no decision.
pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let engine = super::engine(&args.question)?;
    let id = decision_id();
    let mut trace = Trace::on();
    let decision = match super::decide(&engine, &args.question, &mut trace) {
        Outcome::Decided(decision) => decision,
        Outcome::Failed(failure) => {
            print_failure(&failure, args.output)?;
            return Ok(failed());
        }
    };
    let answer = success(&engine, &decision, &id);
    if args.output == AnswerOutput::Json {
        let trace = trace.steps();
        print_json(&Explanation {
            decision: answer,
            trace,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let steps: Vec<_> = trace.steps().iter().map(ToString::to_string).collect();
    let variant = decision
        .content
        .map_or("the code default", |content| content.variant);
    print(&format!(
        "{}\n\n=> {variant} ({})\n",
        steps.join("\n"),
        decision.reason
    ))?;
    Ok(ExitCode::SUCCESS)
}
