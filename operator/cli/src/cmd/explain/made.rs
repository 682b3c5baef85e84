//! Decisions that were made and kept: listed, and made again by the bundle that made them.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use attune_core::bundle::Bundle;
use attune_core::decide::Decision;
use attune_core::engine::Engine;
use attune_core::replay::{Inputs, Replay};
use attune_core::trace::{Step, Trace};
use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{told, variant};
use crate::cli::{AnswerOutput, ExplainArgs};
use crate::cmd::peer::Peer;
use crate::cmd::{failed, print_json, success};
use crate::terminal::{print, say};

/// Decisions of one list.
const MOST: &str = "1000";

/// A decision as the collector lists it.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    id: String,
    time: Timestamp,
    channel: String,
    touchpoint: String,
    revision: String,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
}

/// One with all that was kept of it.
#[derive(Debug, Deserialize)]
struct Kept {
    #[serde(flatten)]
    made: Made,
    units: Vec<String>,
    inputs: Inputs,
}

/// The decisions about a unit.
#[derive(Debug, Deserialize)]
struct Listed {
    decisions: Vec<Made>,
    /// What those longer ago are asked for with.
    next: Option<String>,
}

/// A decision made again.
#[derive(Serialize)]
struct Again<'a> {
    made: &'a Made,
    /// Whom it was made again for.
    unit: &'a str,
    decision: attune_core::ofrep::Success<'a>,
    trace: &'a [Step],
    /// Whether it comes out as it did.
    same: bool,
    /// What was read then and is not known now.
    missing: Vec<&'a str>,
}

/// Lists what was decided about a unit, the latest first.
pub(super) async fn list(
    args: &ExplainArgs,
    server: &str,
    unit: &str,
    since: Timestamp,
) -> anyhow::Result<ExitCode> {
    let peer = Peer::new(&args.peer(), &[server.to_owned()])?;
    let since = since.to_string();
    let mut query = vec![("unit", unit), ("since", since.as_str()), ("limit", MOST)];
    query.extend(args.before.as_deref().map(|before| ("before", before)));
    let answer = peer
        .ask(Method::GET, server, &["v1", "decisions"], &query)
        .await?;
    if args.output == AnswerOutput::Json {
        print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let listed: Listed =
        serde_json::from_value(answer).with_context(|| format!("{server} lists no decisions"))?;
    let mut lines = String::new();
    for made in &listed.decisions {
        // Writing to a String cannot fail.
        let _ = writeln!(
            lines,
            "{}\t{}\t{}/{}\t{}",
            made.time,
            made.id,
            made.channel,
            made.touchpoint,
            made.outcome()
        );
    }
    print(&lines)?;
    if listed.decisions.is_empty() {
        say(
            "nothing was kept of that time: no channel of the unit keeps decisions (`replay`), or they are too old",
        );
    }
    if let Some(next) = listed.next {
        say(format_args!(
            "there are more, longer ago; for these add --before {next}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a decision again, by the bundle that made it, and prints what each step did.
pub(super) async fn explain(args: &ExplainArgs, server: &str, id: &str) -> anyhow::Result<ExitCode> {
    let given = given(args)?;
    let peer = Peer::new(&args.peer(), &[server.to_owned()])?;
    let query: Vec<_> = args
        .unit
        .as_deref()
        .map(|unit| ("unit", unit))
        .into_iter()
        .collect();
    let kept = peer
        .ask(Method::GET, server, &["v1", "decisions", id], &query)
        .await;
    let kept = kept.context(
        "the decision cannot be looked up; it can be explained by its context all the same: \
         `attune explain -f PATH --channel C --touchpoint T --context JSON --decision ID`",
    )?;
    let kept: Kept = serde_json::from_value(kept).with_context(|| format!("{server} tells no decision"))?;
    let units = kept.units(args.unit.as_deref());
    if units.is_empty() {
        bail!(
            "{}\nthe unit's id is kept hashed: say whom it was about by --unit, so that it can be made again",
            kept.made.told()
        );
    }
    let path = ["v1", "bundles", &kept.made.revision];
    let bundle = peer.ask(Method::GET, server, &path, &[]).await;
    let bundle = bundle.with_context(|| format!("{}\nit cannot be made again", kept.made.told()))?;
    let bundle: Bundle = serde_json::from_value(bundle).context("what decided is no bundle")?;
    let engine = Engine::load(bundle)?;
    let (unit, decision, trace) = kept.again(&engine, &units, &given)?;
    let same = kept.made.is(&decision);
    let missing = kept.missing(&engine, &given);
    if args.output == AnswerOutput::Json {
        print_json(&Again {
            made: &kept.made,
            unit,
            decision: success(&engine, &decision, id),
            trace: trace.steps(),
            same,
            missing,
        })?;
    } else {
        print(&format!("{}\n\n{}", kept.made.told(), told(&decision, &trace)))?;
        if !missing.is_empty() {
            say(format_args!(
                "not kept, because it is sensitive or names the unit: {}; give it by --context",
                missing.join(", ")
            ));
        }
        if same && units.first() != Some(&unit) {
            say(format_args!(
                "it was made for `{unit}`, another id of the same person"
            ));
        }
        if !same {
            say(
                "it comes out otherwise than it did; if the person has other ids (aliases), it may have been made for one \
                 of them: say so by --unit",
            );
        }
    }
    Ok(if same { ExitCode::SUCCESS } else { failed() })
}

/// The values that take the place of those that were kept.
fn given(args: &ExplainArgs) -> anyhow::Result<Map<String, Value>> {
    let Some(json) = &args.context else {
        return Ok(Map::new());
    };
    serde_json::from_str(json)
        .context("--context is no JSON object; give one like {\"user\": {\"tier\": \"gold\"}}")
}

impl Made {
    /// Whether a decision is the same as this one was.
    fn is(&self, decision: &Decision<'_>) -> bool {
        let winner = decision.winner;
        decision.reason.as_str() == self.reason
            && variant(decision) == self.variant.as_deref()
            && winner.map(|winner| winner.binding) == self.binding.as_deref()
            && winner.and_then(|winner| winner.audience) == self.audience.as_deref()
    }

    /// What it came out as.
    fn outcome(&self) -> String {
        let variant = self.variant.as_deref().unwrap_or("the code default");
        let by = self.binding.as_ref().map(|binding| format!(", {binding}"));
        let audience = self.audience.as_ref().map(|audience| format!(" for {audience}"));
        format!(
            "{variant} ({}{}{})",
            self.reason,
            by.unwrap_or_default(),
            audience.unwrap_or_default()
        )
    }

    fn told(&self) -> String {
        format!(
            "{} at {} on {}/{}, by {}: {}",
            self.id,
            self.time,
            self.channel,
            self.touchpoint,
            self.revision,
            self.outcome()
        )
    }
}

impl Kept {
    /// The ids that the person is known by, the one that is asked about first.
    fn units<'a>(&'a self, asked: Option<&'a str>) -> Vec<&'a str> {
        let others = self.units.iter().map(String::as_str);
        let others = others.filter(|unit| asked != Some(unit));
        asked.into_iter().chain(others).collect()
    }

    /// Makes the decision again for each of the units until it comes out as it did; for the first where it never does. Aliases
    /// may have joined the id that it was made for with others since.
    fn again<'a, 'e>(
        &self,
        engine: &'e Engine,
        units: &[&'a str],
        given: &Map<String, Value>,
    ) -> anyhow::Result<(&'a str, Decision<'e>, Trace)> {
        let mut first = None;
        for unit in units {
            let replay = Replay {
                touchpoint: &self.made.touchpoint,
                unit,
                given,
            };
            let mut trace = Trace::on();
            let decision = self.inputs.decide(engine, replay, &mut trace)?;
            let is_same = self.made.is(&decision);
            let again = (*unit, decision, trace);
            if is_same {
                return Ok(again);
            }
            first.get_or_insert(again);
        }
        first.context("nobody is known that the decision was about")
    }

    /// What was read then and is neither kept nor given. The unit's id is given where it is known.
    fn missing(&self, engine: &Engine, given: &Map<String, Value>) -> Vec<&str> {
        let identity = &engine.bundle().settings.identity;
        let is_given = |name: &str| {
            let is_nested = name
                .split_once('.')
                .is_some_and(|(root, _)| given.contains_key(root));
            given.contains_key(name) || is_nested || name == identity.unit
        };
        let withheld = self.inputs.withheld.iter().map(String::as_str);
        withheld.filter(|name| !is_given(name)).collect()
    }
}
