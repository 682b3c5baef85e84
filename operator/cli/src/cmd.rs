//! What each verb does.

pub(crate) mod approve;
pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod coverage;
pub(crate) mod crds;
pub(crate) mod decay;
pub(crate) mod decide;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod forget;
pub(crate) mod lift;
pub(crate) mod lint;
mod peer;
pub(crate) mod plan;
pub(crate) mod plan_experiment;
pub(crate) mod ready;
pub(crate) mod recall;
pub(crate) mod serve;
pub(crate) mod status;

use std::process::ExitCode;

use anyhow::bail;
use attune_compile::Publication;
use attune_core::context::Context;
use attune_core::decide::{Decision, Request, UnknownTouchpoint};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::ofrep::{Failure, Success};
use attune_core::trace::Trace;
use serde::Serialize;
use uuid::Uuid;

use crate::cli::{QuestionArgs, SourceArgs};
use crate::strategy::Strategy;
use crate::terminal::print;

/// What came of one decision on the command line.
enum Outcome<'e> {
    Decided(Decision<'e>),
    Failed(Failure),
}

/// Loads the Channel's rules as a decider would have them.
fn engine(args: &QuestionArgs) -> anyhow::Result<Engine> {
    channel_engine(&args.source, &args.channel)
}

/// Loads a Channel's rules from resources.
fn channel_engine(source: &SourceArgs, channel: &str) -> anyhow::Result<Engine> {
    let publication = publication(source, channel)?;
    Ok(Engine::load(publication.bundle.as_ref().clone())?)
}

/// What is published for the Channel.
///
/// Findings do not stop it: what is sound decides, as in the cluster.
fn publication(source: &SourceArgs, channel: &str) -> anyhow::Result<Publication> {
    let strategy = Strategy::load(source)?;
    strategy.warn_of_refusals();
    let index = strategy.settle(source.at());
    let mut named = index.publications().filter(|(_, name, _)| *name == channel);
    let wanted = |namespace: &str| {
        let asked = source.namespace.as_deref();
        asked.is_none_or(|asked| asked == namespace)
    };
    let mut found: Vec<_> = named
        .by_ref()
        .filter(|(namespace, ..)| wanted(namespace))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some((_, _, publication)), true) => Ok(publication.clone()),
        (None, _) => {
            let known = index
                .publications()
                .map(|(namespace, channel, _)| format!("{namespace}/{channel}"));
            bail!("{}", no_channel(channel, known))
        }
        (Some(_), false) => bail!("channel `{channel}` is in several namespaces: say which by --namespace"),
    }
}

/// That there is no such Channel, and which ones there are.
pub(crate) fn no_channel(name: &str, known: impl Iterator<Item = String>) -> String {
    let known: Vec<_> = known.collect();
    let there = if known.is_empty() {
        "there are none".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    };
    format!("no channel `{name}` can be served; {there}")
}

/// Decides as a decider would, for a unit without a past.
fn decide<'e>(engine: &'e Engine, args: &QuestionArgs, trace: &mut Trace) -> Outcome<'e> {
    let context = match Context::decode(engine, args.context.as_bytes()) {
        Ok(context) => context,
        Err(error) => return Outcome::Failed(Failure::from_context(Some(&args.touchpoint), &error)),
    };
    let request = Request {
        touchpoint: &args.touchpoint,
        context: &context,
        history: &NoHistory,
        now: args.source.at(),
    };
    match attune_core::decide::decide(engine, request, trace) {
        Ok(decision) => Outcome::Decided(decision),
        Err(error) => Outcome::Failed(unknown(&error)),
    }
}

fn unknown(error: &UnknownTouchpoint) -> Failure {
    Failure::from_touchpoint(error)
}

fn decision_id() -> String {
    Uuid::now_v7().to_string()
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// The answer as OFREP spells it.
fn success<'e>(engine: &'e Engine, decision: &Decision<'e>, id: &'e str) -> Success<'e> {
    Success::new(decision, engine.metadata(), Some(id))
}

/// 1 for an answer that is a failure.
fn failed() -> ExitCode {
    ExitCode::from(1)
}
