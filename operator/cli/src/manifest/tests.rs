//! Every bad input gives a finding at an exact place; every good one is read as kubectl reads it.

mod expressions;
mod faults;
mod hostile;
mod kubectl;
mod objects;
mod paths;

use std::sync::Arc;

use serde_json::Value as Json;

use super::node::Node;
use super::source::Source;
use super::{Loaded, load_text, text};

fn read(text: &str) -> Loaded {
    load_text(Source::new("test.yaml", text), "default")
}

/// The first document's tree, whatever it is about.
fn tree(source: &Source) -> Arc<Node> {
    let (documents, problems) = text::read(source);
    assert!(problems.is_empty(), "{problems:?}");
    documents.into_iter().next().expect("a document").root
}

/// The first document as JSON, or what is wrong with it.
fn json(text: &str) -> Result<Json, String> {
    let (documents, loose) = text::read(&Source::new("test.yaml", text));
    let document = documents.into_iter().next();
    let problems = document.iter().flat_map(|document| &document.problems);
    match loose.iter().chain(problems).next() {
        Some(problem) => Err(format!("{} {}", problem.span.start, problem.message)),
        None => Ok(document.map_or(Json::Null, |document| document.root.to_json())),
    }
}

/// `line:column Reason field message` of everything that is wrong.
fn complaints(text: &str) -> Vec<String> {
    complaints_of(&read(text))
}

fn complaints_of(loaded: &Loaded) -> Vec<String> {
    let line = |diagnostic: &crate::diagnostic::Diagnostic| {
        let place = diagnostic
            .place
            .as_ref()
            .expect("findings of the loader have a place");
        format!(
            "{} {} [{}] {}",
            place.span.start, diagnostic.reason, diagnostic.field, diagnostic.message
        )
    };
    loaded.diagnostics.iter().map(line).collect()
}
