//! `attune status`.

use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value;

use crate::cli::{SourceArgs, StatusArgs};
use crate::strategy::Strategy;
use crate::table;
use crate::terminal::{print, say};

#[cfg(test)]
mod tests;

/// Prints the tables that an owner wants to see.
pub(crate) async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let (resources, at) = match &args.server {
        Some(server) => ask(server).await?,
        None => (judge(&args)?, None),
    };
    let now = args.at.or(at).unwrap_or_else(Timestamp::now);
    print(&table::render(&resources, args.wide, now))?;
    if let Some(line) = rules(&resources) {
        print(&format!("\n{line}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How many rules there really are, over all Programs; `None` without a Program.
fn rules(resources: &[Value]) -> Option<String> {
    let programs = resources
        .iter()
        .filter(|resource| resource.get("kind") == Some(&Value::from("Program")));
    let counts: Vec<[Option<i64>; 3]> = programs
        .map(|program| {
            ["declaredRules", "liveRules", "firedRules"]
                .map(|field| program.get("status")?.get(field)?.as_i64())
        })
        .collect();
    let known = |index: usize| counts.iter().filter_map(move |one| *one.get(index)?);
    let [declared, live] = [0, 1].map(|index| known(index).sum::<i64>());
    // Only deciders of a cluster tell, and not at once.
    let fired = known(2).reduce(i64::saturating_add);
    let fired = fired.map_or_else(String::new, |fired| format!(", {fired} fired within 7 days"));
    (!counts.is_empty()).then(|| format!("rules: {declared} declared, {live} live{fired}"))
}

/// The resources of a running `attune serve` and the instant that it judged them at; what it refused goes to standard error.
async fn ask(server: &str) -> anyhow::Result<(Vec<Value>, Option<Timestamp>)> {
    let url = format!("{}/status", server.trim_end_matches('/'));
    let response = reqwest::get(&url)
        .await
        .with_context(|| format!("{url} does not answer"))?;
    let status: Value = response
        .error_for_status()?
        .json()
        .await
        .context("the answer is no status")?;
    if let Some(unreadable) = status.get("unreadable").and_then(Value::as_str) {
        say(format_args!("not reloaded: {unreadable}"));
    }
    let refused = status.get("refused").and_then(Value::as_array);
    for refused in refused.into_iter().flatten() {
        say(format_args!("refused: {}", place_and_message(refused)));
    }
    let at = status
        .get("at")
        .and_then(Value::as_str)
        .and_then(|at| at.parse().ok());
    let resources = status.get("resources").and_then(Value::as_array).cloned();
    Ok((resources.context("the answer has no `resources`")?, at))
}

/// `file:line:column: message`, as compilers write it.
fn place_and_message(finding: &Value) -> String {
    let message = finding.get("message").and_then(Value::as_str).unwrap_or_default();
    let place = ["file", "line", "column"].map(|key| finding.get(key).unwrap_or(&Value::Null));
    match place {
        [Value::String(file), Value::Number(line), Value::Number(column)] => {
            format!("{file}:{line}:{column}: {message}")
        }
        _ => message.to_owned(),
    }
}

fn judge(args: &StatusArgs) -> anyhow::Result<Vec<Value>> {
    let source = SourceArgs {
        paths: args.paths.clone(),
        namespace: args.namespace.clone(),
        at: args.at,
    };
    let strategy = Strategy::load(&source)?;
    strategy.warn_of_refusals();
    let index = strategy.settle(source.at());
    let with_status = index.objects().map(|(resource, status)| {
        let mut object = resource.to_json();
        if let (Some(object), Some(status)) = (object.as_object_mut(), status) {
            object.insert("status".to_owned(), status.clone());
        }
        object
    });
    Ok(with_status.collect())
}
