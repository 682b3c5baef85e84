//! `attune decide`.

use std::process::ExitCode;

use attune_core::decide::Decision;
use attune_core::ofrep::Failure;
use attune_core::trace::Trace;

use super::{Outcome, decision_id, failed, print_json, success};
use crate::cli::{AnswerOutput, DecideArgs};
use crate::terminal::print;

/// Prints the OFREP object that a decider would answer; 1 when it is a failure.
pub(crate) fn run(args: &DecideArgs) -> anyhow::Result<ExitCode> {
    let engine = super::engine(&args.question)?;
    let id = decision_id();
    match (
        super::decide(&engine, &args.question, &mut Trace::off()),
        args.output,
    ) {
        (Outcome::Decided(decision), AnswerOutput::Json) => print_json(&success(&engine, &decision, &id))?,
        (Outcome::Decided(decision), AnswerOutput::Text) => print(&text(&decision, &id))?,
        (Outcome::Failed(failure), output) => {
            print_failure(&failure, output)?;
            return Ok(failed());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The failure as OFREP spells it, or as a sentence.
pub(super) fn print_failure(failure: &Failure, output: AnswerOutput) -> anyhow::Result<()> {
    match output {
        AnswerOutput::Json => print_json(failure)?,
        AnswerOutput::Text => {
            let code = serde_json::to_value(failure.error_code)?;
            print(&format!("{}: {}\n", plain(&code), failure.error_details))?;
        }
    }
    Ok(())
}

/// A decision for a person: reason and variant, the words, and what they follow from.
fn text(decision: &Decision<'_>, id: &str) -> String {
    let variant = decision
        .content
        .map_or("the code default", |content| content.variant);
    let mut lines = vec![format!(
        "{}: {variant} ({})",
        decision.touchpoint, decision.reason
    )];
    let slots = decision
        .content
        .and_then(|content| serde_json::from_str(content.json.get()).ok());
    if let Some(serde_json::Value::Object(slots)) = slots {
        lines.extend(
            slots
                .iter()
                .map(|(slot, value)| format!("  {slot}: {}", plain(value))),
        );
    }
    let winner = decision.winner;
    let facts = [
        ("program", winner.map(|winner| winner.program.to_owned())),
        ("binding", winner.map(|winner| winner.binding.to_owned())),
        (
            "audience",
            winner.and_then(|winner| winner.audience).map(str::to_owned),
        ),
        (
            "holdout",
            decision
                .holdout
                .map(|test| format!("{} ({})", test.name, if test.held { "held" } else { "not held" })),
        ),
        (
            "experiment",
            decision
                .enrolment
                .map(|one| format!("{}, arm {}", one.experiment, one.arm)),
        ),
        ("revision", Some(decision.revision.to_owned())),
        ("decision", Some(id.to_owned())),
    ];
    lines.extend(
        facts
            .into_iter()
            .filter_map(|(name, fact)| Some(format!("  [{name}] {}", fact?))),
    );
    lines.join("\n") + "\n"
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
