//! `attune forget`.

use std::fmt::Write as _;
use std::process::ExitCode;

use reqwest::Method;
use serde_json::{Map, Value};

use super::peer::Peer;
use super::print_json;
use crate::cli::{AnswerOutput, ForgetArgs};
use crate::terminal::print;

/// Asks every server to erase a unit, and says how much it had.
pub(crate) async fn run(args: ForgetArgs) -> anyhow::Result<ExitCode> {
    let peer = Peer::new(&args.peer, &args.servers)?;
    let mut answers = Map::new();
    for server in &args.servers {
        let path = ["v1", "units", args.unit.as_str()];
        let answer = peer.ask(Method::DELETE, server, &path, &[]).await?;
        if args.output == AnswerOutput::Text {
            print(&format!("{server}: {}\n", told(&answer)))?;
        }
        answers.insert(server.clone(), answer);
    }
    if args.output == AnswerOutput::Json {
        print_json(&answers)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a server erased, in words.
fn told(answer: &Value) -> String {
    let mut text = String::new();
    if let Some(remembered) = answer.get("remembered").and_then(Value::as_bool) {
        text.push_str(if remembered {
            "forgotten"
        } else {
            "nothing was remembered"
        });
        let waiting = count(answer, "exposures");
        // Writing to a String cannot fail.
        let _ = write!(text, ", {waiting} waiting exposures dropped");
    }
    let stored = answer.get("collector").unwrap_or(answer);
    let Some(erased) = stored.get("erased") else {
        return text;
    };
    if !text.is_empty() {
        text.push_str("; stored: ");
    }
    let kinds = [
        ("exposures", "exposures"),
        ("outcomes", "outcomes"),
        ("decisions", "decisions"),
        ("assignments", "assignments"),
        ("sightings", "sightings"),
        ("eventIds", "event ids"),
        ("ids", "ids"),
    ];
    let counts = kinds.map(|(field, name)| format!("{} {name}", count(erased, field)));
    let _ = write!(text, "{} erased", counts.join(", "));
    if stored.get("overwritten") == Some(&Value::Bool(false)) {
        text.push_str("; a copy that is being read is overwritten later");
    }
    text
}

fn count(of: &Value, field: &str) -> u64 {
    of.get(field).and_then(Value::as_u64).unwrap_or(0)
}
