//! `attune explain`.

use std::process::ExitCode;

use attune_core::trace::Trace;
use serde_json::json;

use super::decide::print_failure;
use super::{Outcome, decision_id, failed, print_json, success};
use crate::cli::{AnswerOutput, ExplainArgs};

/// Prints what each step of the decision did; 1 when there is no decision.
pub fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
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
        print_json(&json!({"decision": answer, "trace": trace.steps()}))?;
        return Ok(ExitCode::SUCCESS);
    }
    for step in trace.steps() {
        println!("{step}");
    }
    let variant = decision
        .content
        .map_or("the code default", |content| content.variant);
    println!("\n=> {variant} ({})", decision.reason);
    Ok(ExitCode::SUCCESS)
}
