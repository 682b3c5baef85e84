//! `attune explain`: a decision that would be made now, or one that was.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use attune_core::decide::Decision;
use attune_core::ofrep::Success;
use attune_core::trace::{Step, Trace};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::decide::print_failure;
use super::{Outcome, decision_id, failed, print_json, success};
use crate::cli::{AnswerOutput, ExplainArgs};
use crate::terminal::print;

mod made;

/// As a decider explains.
#[derive(Serialize)]
struct Explanation<'a> {
    decision: Success<'a>,
    trace: &'a [Step],
}

/// Prints what each step of the decision did; 1 when there is no decision, or when one that was made comes out otherwise now.
pub(crate) async fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    match (&args.server, &args.decision, &args.unit, args.since) {
        (None, ..) => of_resources(args),
        (Some(server), Some(id), ..) => made::explain(args, server, id).await,
        (Some(server), None, Some(unit), Some(since)) => made::list(args, server, unit, since).await,
        (Some(_), None, ..) => {
            bail!("say which decision by --decision, or whose by --unit and --since")
        }
    }
}

fn of_resources(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let made = args.decision.as_deref().map(instant_of).transpose()?;
    let question = args.question(made);
    let engine = super::engine(&question)?;
    let id = args.decision.clone().unwrap_or_else(decision_id);
    let mut trace = Trace::on();
    let decision = match super::decide(&engine, &question, &mut trace) {
        Outcome::Decided(decision) => decision,
        Outcome::Failed(failure) => {
            print_failure(&failure, args.output)?;
            return Ok(failed());
        }
    };
    if args.output == AnswerOutput::Json {
        print_json(&Explanation {
            decision: success(&engine, &decision, &id),
            trace: trace.steps(),
        })?;
    } else {
        print(&told(&decision, &trace))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// When a decision was made, by its id.
fn instant_of(id: &str) -> anyhow::Result<Timestamp> {
    let made = Uuid::try_parse(id).ok().and_then(|id| id.get_timestamp());
    let instant = made.and_then(|made| {
        let (seconds, nanos) = made.to_unix();
        Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
    });
    instant.with_context(|| format!("`{id}` is no decision's id: answers carry it as `attune.decision`"))
}

/// The steps, and what came of them.
fn told(decision: &Decision<'_>, trace: &Trace) -> String {
    let steps: Vec<_> = trace.steps().iter().map(ToString::to_string).collect();
    format!(
        "{}\n\n=> {} ({})\n",
        steps.join("\n"),
        variant(decision).unwrap_or("the code default"),
        decision.reason
    )
}

fn variant<'e>(decision: &Decision<'e>) -> Option<&'e str> {
    decision.content.map(|content| content.variant)
}
