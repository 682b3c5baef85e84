//! `attune recall`.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

use super::peer::Peer;
use super::print_json;
use crate::cli::{AnswerOutput, RecallArgs};
use crate::terminal::print;

/// Units by id of one answer.
const PAGE: &str = "10000";

/// Prints how many units saw a variant, and who they are where that is known.
pub(crate) async fn run(args: RecallArgs) -> anyhow::Result<ExitCode> {
    let peer = Peer::new(&args.peer, std::slice::from_ref(&args.server))?;
    let since = args.since.to_string();
    let mut after = None;
    let mut pages = 0_usize;
    let mut whole = Value::Null;
    loop {
        let mut query = vec![
            ("variant", args.variant.as_str()),
            ("since", since.as_str()),
            ("limit", PAGE),
        ];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let mut answer = peer
            .ask(Method::GET, &args.server, &["v1", "recall"], &query)
            .await?;
        let next = answer.get("next").and_then(Value::as_i64);
        if args.output == AnswerOutput::Text {
            print(&told(&answer, pages == 0)?)?;
        } else {
            collect(&mut whole, &mut answer);
        }
        pages += 1;
        match next {
            Some(next) => after = Some(next.to_string()),
            None => break,
        }
    }
    if args.output == AnswerOutput::Json {
        print_json(&whole)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One page: the figures before the first, then a line a unit.
fn told(answer: &Value, is_first: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    if is_first {
        let figure = |name: &str| {
            let figure = answer.get(name).and_then(Value::as_u64);
            figure.with_context(|| format!("the answer has no `{name}`"))
        };
        let (units, named) = (figure("units")?, figure("named")?);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{units} units saw it, {named} of them are known by id");
    }
    let seen = answer.get("seen").and_then(Value::as_array);
    for unit in seen.into_iter().flatten() {
        let field = |name: &str| unit.get(name).and_then(Value::as_str).unwrap_or_default();
        let ids = unit.get("ids").and_then(Value::as_array);
        let ids: Vec<&str> = ids.into_iter().flatten().filter_map(Value::as_str).collect();
        let shows = unit.get("shows").and_then(Value::as_u64).unwrap_or(0);
        let _ = writeln!(
            text,
            "{}\tfirst {}\tlast {}\t{shows} times",
            ids.join(","),
            field("first"),
            field("last")
        );
    }
    Ok(text)
}

/// Adds a page to the whole, which has no next one.
fn collect(whole: &mut Value, page: &mut Value) {
    if let Some(page) = page.as_object_mut() {
        page.remove("next");
    }
    let more = page.get_mut("seen").map(Value::take);
    match (whole.get_mut("seen").and_then(Value::as_array_mut), more) {
        (Some(seen), Some(Value::Array(more))) => seen.extend(more),
        (_, more) => {
            *whole = page.take();
            if let (Some(whole), Some(more)) = (whole.as_object_mut(), more) {
                whole.insert("seen".to_owned(), more);
            }
        }
    }
}
