//! From the text of an input to the trees of its documents.

use std::sync::Arc;

use super::budget::Budget;
use super::chunk::{self, Chunk};
use super::json::{self, NotJson};
use super::node::Node;
use super::parse;
use super::problem::{Problem, ProblemKind};
use super::source::Source;

/// One document's tree and what is wrong with single keys and values in it.
#[derive(Debug)]
pub(super) struct Read {
    pub root: Arc<Node>,
    pub problems: Vec<Problem>,
}

/// Reads all documents of an input. Problems that left no tree behind stand beside the documents.
pub(super) fn read(source: &Source) -> (Vec<Read>, Vec<Problem>) {
    let (chunks, mut loose) = chunk::split(source);
    let mut documents = Vec::new();
    let mut budget = Budget::default();
    for chunk in chunks {
        let result = match chunk::forbidden_character(chunk) {
            Some(problem) => Err(problem),
            None => read_chunk(chunk, is_json(source), &mut budget, &mut documents),
        };
        if let Err(problem) = result {
            let exhausted = problem.kind == ProblemKind::TooLarge;
            loose.push(problem);
            if exhausted {
                break;
            }
        }
    }
    (documents, loose)
}

fn is_json(source: &Source) -> bool {
    std::path::Path::new(source.name())
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Tries JSON and then YAML, as kubectl does. If it is neither, a file's name decides whose complaint is heard.
fn read_chunk(
    chunk: Chunk<'_>,
    expect_json: bool,
    budget: &mut Budget,
    documents: &mut Vec<Read>,
) -> Result<(), Problem> {
    let mut problems = Vec::new();
    let not_json = match json::check(chunk) {
        Ok(()) => {
            let roots = json::parse(chunk, budget, &mut problems)?;
            documents.extend(roots.into_iter().map(|root| {
                let problems = problems
                    .extract_if(.., |problem| root.span.contains(problem.span.start))
                    .collect();
                Read { root, problems }
            }));
            return Ok(());
        }
        Err(not_json) => not_json,
    };
    match (parse::parse(chunk, budget, &mut problems), not_json) {
        (Ok(root), _) => {
            documents.extend(root.map(|root| Read { root, problems }));
            Ok(())
        }
        (Err(_), NotJson::Broken(problem)) if expect_json => Err(problem),
        (Err(problem), _) => Err(problem),
    }
}
