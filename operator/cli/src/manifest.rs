//! Reads manifests as kubectl does, and remembers where everything is written.
//!
//! Files become [`Source`]s, their documents trees of [`Node`]s, and the documents of our group [`Document`]s. Whatever
//! is wrong with a text is a [`Diagnostic`]; only inputs that cannot be opened are errors.

mod budget;
mod chunk;
mod files;
mod gap;
mod json;
mod merge;
mod node;
mod object;
mod offset;
mod parse;
mod path;
mod problem;
mod scalar;
mod source;
mod text;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_compile::finding::{ObjectId, Severity};
use serde_json::{Map, Value as Json};

pub use self::budget::{MAX_DEPTH, MAX_FILE_BYTES, MAX_NODES};
pub use self::files::LoadError;
pub(crate) use self::files::is_manifest;
pub use self::node::{Entry, Mapping, Node, Resolved, Scalar, Style, Value};
pub use self::offset::position_in_scalar;
pub use self::path::{FieldPath, Part, Place, Step, locate, path_at};
pub(crate) use self::scalar::plain as read_plain;
pub use self::source::{Position, Source, Span};

use self::object::{Identified, Names};
use self::problem::{Problem, ProblemKind};
use crate::diagnostic::{Diagnostic, Located};
use crate::quote::quote;

/// One object of our group.
#[derive(Debug, Clone)]
pub struct Document {
    /// Which object; the namespace is the default one where the text names none.
    pub id: ObjectId,
    /// The input that it stands in.
    pub source: Arc<Source>,
    /// Its tree.
    pub root: Arc<Node>,
    /// Whether the same object stands in an earlier document already, which is the one that counts.
    pub duplicate: bool,
}

impl Document {
    /// The object as the API server validates it: the namespace filled in, fields that are `null` dropped.
    pub fn to_json(&self) -> Json {
        let mut object = self.root.to_json();
        drop_nulls(&mut object);
        if !self.id.namespace.is_empty()
            && let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut)
        {
            fill_in(metadata, "namespace", &self.id.namespace);
        }
        object
    }
}

fn drop_nulls(value: &mut Json) {
    match value {
        Json::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(drop_nulls),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn fill_in(metadata: &mut Map<String, Json>, key: &str, value: &str) {
    if metadata
        .get(key)
        .is_none_or(|present| present.is_null() || present == "")
    {
        metadata.insert(key.to_owned(), Json::from(value));
    }
}

/// What a set of inputs holds.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The objects of our group, in the order of the text.
    pub documents: Vec<Document>,
    /// What is wrong with the text.
    pub diagnostics: Vec<Diagnostic>,
    /// How many documents of other groups were passed over.
    pub skipped: usize,
    /// Those documents: a Namespace has labels, a Role says who may do what.
    pub others: Vec<Arc<Node>>,
    /// The inputs, in the order in which they were read.
    pub sources: Vec<Arc<Source>>,
}

impl Loaded {
    /// The document that defines an object.
    pub fn document(&self, id: &ObjectId) -> Option<&Document> {
        self.documents.iter().find(|document| document.id == *id)
    }
}

/// Reads files, directories (all `*.yaml`, `*.yml` and `*.json` below them, by name) and, for `-`, standard input.
/// `namespace` is that of documents which name none.
///
/// # Errors
/// When an input cannot be opened or a directory holds no manifest.
pub fn load(paths: &[PathBuf], namespace: &str) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new(namespace);
    for input in files::read(paths)? {
        let source = Arc::new(input.source);
        loader.loaded.sources.push(Arc::clone(&source));
        match input.problem {
            Some(problem) => loader.report(&source, problem, &Names::default(), None),
            None => loader.read(&source),
        }
    }
    Ok(loader.loaded)
}

/// Reads one text, as [`load`] reads a file.
pub fn load_text(source: Source, namespace: &str) -> Loaded {
    let mut loader = Loader::new(namespace);
    loader.read(&Arc::new(source));
    loader.loaded
}

struct Loader<'a> {
    namespace: &'a str,
    loaded: Loaded,
    /// Where each object stands first.
    first: HashMap<ObjectId, Located>,
}

impl<'a> Loader<'a> {
    fn new(namespace: &'a str) -> Self {
        Self {
            namespace,
            loaded: Loaded::default(),
            first: HashMap::new(),
        }
    }

    fn read(&mut self, source: &Arc<Source>) {
        let (documents, problems) = text::read(source);
        for problem in problems {
            self.report(source, problem, &Names::default(), None);
        }
        for document in documents {
            self.take(source, &document.root, document.problems);
        }
    }

    /// Takes a document, or the items of a list.
    fn take(&mut self, source: &Arc<Source>, root: &Arc<Node>, problems: Vec<Problem>) {
        match object::identify(root, self.namespace) {
            Identified::Nothing => {}
            Identified::Other => {
                self.loaded.skipped += 1;
                self.loaded.others.push(Arc::clone(root));
            }
            Identified::List(items) => {
                let mut problems = problems;
                for item in &items {
                    let own = problems
                        .extract_if(.., |problem| item.span.contains(problem.span.start))
                        .collect();
                    self.take(source, item, own);
                }
                for problem in problems {
                    self.report(source, problem, &Names::default(), Some(root));
                }
            }
            Identified::Faulty { names, faults } => {
                for problem in problems {
                    self.report(source, problem, &names, Some(root));
                }
                for fault in faults {
                    let located = Located {
                        source: Arc::clone(source),
                        span: fault.span,
                    };
                    self.loaded
                        .diagnostics
                        .push(fault.into_diagnostic(&names, located));
                }
            }
            Identified::Ours(id) => {
                let names = Names::of(&id);
                for problem in problems {
                    self.report(source, problem, &names, Some(root));
                }
                self.keep(source, root, id);
            }
        }
    }

    fn keep(&mut self, source: &Arc<Source>, root: &Arc<Node>, id: ObjectId) {
        let span = locate(root, &FieldPath::parse("metadata.name"), Part::Value).span;
        let located = Located {
            source: Arc::clone(source),
            span,
        };
        let first = self.first.get(&id).cloned();
        let duplicate = first.is_some();
        match first {
            Some(first) => {
                let message = format!(
                    "`{}` is defined twice, first at {}:{}; keep one",
                    quote(&id.to_string()),
                    first.source.name(),
                    first.span.start
                );
                let names = Names::of(&id);
                let field = "metadata.name".to_owned();
                self.push(names.diagnostic(Reason::Duplicate, field, located, message));
            }
            None => {
                self.first.insert(id.clone(), located);
            }
        }
        self.loaded.documents.push(Document {
            id,
            source: Arc::clone(source),
            root: Arc::clone(root),
            duplicate,
        });
    }

    fn report(&mut self, source: &Arc<Source>, problem: Problem, names: &Names, root: Option<&Arc<Node>>) {
        let reason = match problem.kind {
            ProblemKind::Syntax | ProblemKind::TooLarge => Reason::InvalidSyntax,
            ProblemKind::DuplicateKey => Reason::DuplicateKey,
            ProblemKind::InvalidValue => Reason::InvalidField,
        };
        let field = root
            .map(|root| path_at(root, problem.span.start).to_string())
            .unwrap_or_default();
        let located = Located {
            source: Arc::clone(source),
            span: problem.span,
        };
        self.push(names.diagnostic(reason, field, located, problem.message));
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.loaded.diagnostics.push(diagnostic);
    }
}

impl Names {
    fn diagnostic(&self, reason: Reason, field: String, place: Located, message: String) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            reason,
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            field,
            place: Some(place),
            message,
            suggestion: None,
        }
    }
}

#[cfg(test)]
mod tests;
