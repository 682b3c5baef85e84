//! What the collector knows, onto the statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Context;
use attune_api::Resource;
use attune_api::experiment::Decision;
use attune_collector::source::Credentials;
use attune_compile::results::About;
use attune_compile::{Inquiry, ObjectId, results};
use attune_core::measure::Question;
use attune_core::measure::activity::{ActivityAnswer, ActivityQuestion};
use attune_core::measure::answer::Answer;
use attune_core::measure::holdout::HoldoutAnswer;
use jiff::Timestamp;
use serde_json::Value;

use super::Server;

/// What came of one inquiry.
#[derive(Debug)]
pub(super) enum Answered {
    /// Of an Experiment.
    Experiment(Box<(Question, Answer)>),
    /// Of a Holdout.
    Holdout(Box<AnsweredHoldout>),
    /// Of a Metric, or why nobody knows.
    Metric(Result<ActivityAnswer, String>),
}

/// What a Holdout has shown, and what is to be shown of it.
#[derive(Debug)]
pub(super) struct AnsweredHoldout {
    answer: HoldoutAnswer,
    units: results::holdout::Units,
    programs: BTreeSet<String>,
}

/// What came of all inquiries.
pub(super) type Answers = BTreeMap<ObjectId, Answered>;

/// Asks the collector; the answers take the way that they take in a cluster.
pub(super) async fn ask_all(server: &Server) -> anyhow::Result<Answers> {
    let inquiries: Vec<_> = {
        let rules = server.rules();
        let inquiries = rules.index.inquiries();
        inquiries
            .map(|(id, inquiry)| (id.clone(), inquiry.clone()))
            .collect()
    };
    let mut answers = Answers::new();
    for (id, inquiry) in inquiries {
        let answered = ask(server, inquiry).await;
        let answered = answered.with_context(|| format!("{id} cannot be answered"))?;
        answers.insert(id, answered);
    }
    Ok(answers)
}

async fn ask(server: &Server, inquiry: Inquiry) -> anyhow::Result<Answered> {
    Ok(match inquiry {
        Inquiry::Experiment { question, cut } => {
            let answer = answer(server, question.clone(), cut).await?;
            Answered::Experiment(Box::new((question, answer)))
        }
        Inquiry::Holdout {
            question,
            units,
            programs,
        } => {
            let answer = server.collector.answer_holdout(question, server.now()).await?;
            let answer = through_json(&answer)?;
            Answered::Holdout(Box::new(AnsweredHoldout {
                answer,
                units,
                programs,
            }))
        }
        Inquiry::Metric(question) => Answered::Metric(activity(server, question).await),
    })
}

async fn answer(server: &Server, question: Question, cut: Option<Timestamp>) -> anyhow::Result<Answer> {
    let at = cut.unwrap_or_else(|| server.now());
    // No Secret is read here: what has its figures in a database is unavailable.
    let answer = server
        .collector
        .answer_with(question, &Credentials::default(), at)
        .await?;
    through_json(&answer)
}

/// As a reader in a cluster would have it.
fn through_json<T: serde::de::DeserializeOwned>(answer: &impl serde::Serialize) -> anyhow::Result<T> {
    let document = serde_json::to_value(answer).context("the answer cannot be written")?;
    serde_json::from_value(document).context("the answer cannot be read")
}

async fn activity(server: &Server, question: ActivityQuestion) -> Result<ActivityAnswer, String> {
    let answer = server.collector.activity(question, server.now()).await;
    answer.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

/// Adds to a status what measurement says of its resource.
pub(super) fn add(server: &Server, resource: &Resource, status: &mut Value, answers: &Answers) {
    let id = ObjectId::of(resource);
    let now = server.now();
    let rendered = match (resource, answers.get(&id)) {
        (Resource::Experiment(experiment), Some(Answered::Experiment(answered))) => {
            let (question, answer) = answered.as_ref();
            let old = with_decision(status, server.decision(&id).as_ref());
            let about = About {
                experiment,
                question,
                old: &old,
            };
            results::render(answer, about, now)
        }
        (Resource::Holdout(holdout), Some(Answered::Holdout(answered))) => {
            let AnsweredHoldout { answer, units, .. } = answered.as_ref();
            results::holdout::render(answer, holdout, units, status, now)
        }
        (Resource::Metric(metric), Some(Answered::Metric(activity))) => {
            results::metric::render(metric, activity.clone(), status, now)
        }
        (Resource::Program(_), _) => match of_program(&id, answers) {
            Some(rendered) => rendered,
            None => return,
        },
        _ => return,
    };
    merge(status, rendered);
}

/// The decision on an experiment that its results come to.
pub(super) fn decision(status: &Value) -> Option<Decision> {
    serde::Deserialize::deserialize(status.get("decision")?).ok()
}

fn with_decision(status: &Value, decision: Option<&Decision>) -> Value {
    let mut status = status.clone();
    if let (Some(fields), Some(decision)) = (status.as_object_mut(), decision) {
        let decision = serde_json::to_value(decision).unwrap_or_default();
        fields.insert("decision".to_owned(), decision);
    }
    status
}

/// What the holdout that speaks for a program says of it.
fn of_program(id: &ObjectId, answers: &Answers) -> Option<Value> {
    let own = answers
        .iter()
        .filter(|(known, _)| known.namespace == id.namespace);
    let mut holdouts = own.filter_map(|(_, answered)| match answered {
        Answered::Holdout(answered) => Some(answered),
        Answered::Experiment(_) | Answered::Metric(_) => None,
    });
    let speaker = holdouts.find(|holdout| holdout.programs.contains(&id.name))?;
    results::holdout::render_program(&speaker.answer, &id.name, &speaker.units)
}

/// Lays results beside verdicts, as server-side apply does: conditions and arms by their names, everything else whole.
fn merge(status: &mut Value, results: Value) {
    let (Some(status), Value::Object(results)) = (status.as_object_mut(), results) else {
        return;
    };
    for (field, value) in results {
        let key = match field.as_str() {
            "conditions" => "type",
            "arms" => "name",
            _ => {
                status.insert(field, value);
                continue;
            }
        };
        let list = status.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if let (Some(list), Value::Array(entries)) = (list.as_array_mut(), value) {
            for entry in entries {
                merge_entry(list, key, entry);
            }
        }
    }
}

fn merge_entry(list: &mut Vec<Value>, key: &str, entry: Value) {
    match list.iter_mut().find(|known| known.get(key) == entry.get(key)) {
        Some(known) => {
            if let (Some(known), Value::Object(fields)) = (known.as_object_mut(), entry) {
                known.extend(fields);
            }
        }
        None => list.push(entry),
    }
}

/// Events taken and refused, as Prometheus reads them; each Channel has its own under its path.
pub(super) fn metrics(server: &Server) -> String {
    let counts = server.collector.counts().unwrap_or_default();
    let rows = [
        ("attune_events_stored", "Events stored", counts.totals.stored),
        (
            "attune_events_duplicate",
            "Events that came again",
            counts.totals.duplicates,
        ),
        (
            "attune_events_refused",
            "Events refused since the start",
            counts.refused,
        ),
        (
            "attune_events_deferred",
            "Events turned away since the start",
            counts.deferred,
        ),
    ];
    let mut text = String::new();
    for (name, help, value) in rows {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP {name} {help}.\n# TYPE {name} counter\n{name}_total {value}\n"
        );
    }
    text.push_str("# EOF\n");
    text
}
