//! `attune lint`: reads manifests, checks each object by its definition, and all of them together.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::manifest::{Document, Loaded, Node, Position, Source};
use crate::schema::Schemas;
use attune_api::Resource;
use attune_api::conditions::Reason;
use attune_compile::finding::{Finding, ObjectId, Severity};

/// What lint found.
#[derive(Debug, Default)]
pub struct LintReport {
    /// In the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// Objects of our group that were read.
    pub resources: usize,
    /// Documents of other groups that were passed over.
    pub skipped: usize,
}

impl LintReport {
    /// How many findings are errors.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many findings are warnings.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }

    /// The process's exit code: 0 clean or warnings only, 1 errors. Unreadable input is 2 and gives no report.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.errors() > 0)
    }
}

/// Documents after each was checked by its definition.
#[derive(Debug)]
pub struct Read {
    loaded: Loaded,
    diagnostics: Vec<Diagnostic>,
    readable: Vec<(Resource, Soundness)>,
}

/// Whether an API server would take a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Soundness {
    Sound,
    Refused,
}

impl Read {
    /// Checks each document by its definition.
    pub fn new(loaded: Loaded) -> Self {
        let mut schemas = Schemas::default();
        let mut diagnostics = Vec::new();
        let mut readable = Vec::new();
        for document in &loaded.documents {
            let findings = schemas.check(document);
            let is_error = |finding: &Finding| finding.severity == Severity::Error;
            let soundness = if findings.iter().any(is_error) {
                Soundness::Refused
            } else {
                Soundness::Sound
            };
            diagnostics.extend(
                findings
                    .into_iter()
                    .map(|finding| Diagnostic::of(finding, Some(document))),
            );
            match Resource::decode(document.to_json()) {
                Ok(resource) if !document.duplicate => readable.push((resource, soundness)),
                // What the schema refuses has been explained.
                Ok(_) => {}
                Err(_) if soundness == Soundness::Refused => {}
                Err(error) => diagnostics.push(undecodable(document, error.field(), error.message())),
            }
        }
        Self {
            loaded,
            diagnostics,
            readable,
        }
    }

    /// Objects that an API server would take.
    pub fn accepted(&self) -> impl Iterator<Item = &Resource> {
        self.readable
            .iter()
            .filter(|(_, soundness)| *soundness == Soundness::Sound)
            .map(|(resource, _)| resource)
    }

    /// Objects that can be read at all: findings of one do not hide those of the others.
    pub fn readable(&self) -> impl Iterator<Item = &Resource> {
        self.readable.iter().map(|(resource, _)| resource)
    }

    /// Whether every input could be read as YAML.
    pub fn is_readable(&self) -> bool {
        self.loaded
            .diagnostics
            .iter()
            .all(|diagnostic| diagnostic.severity != Severity::Error)
    }

    /// Objects that are there and that an API server would not take.
    pub fn refused_ids(&self) -> BTreeSet<ObjectId> {
        self.ids_but(self.accepted())
    }

    /// Objects that are there and cannot be read at all.
    pub fn unreadable_ids(&self) -> BTreeSet<ObjectId> {
        self.ids_but(self.readable())
    }

    fn ids_but<'r>(&'r self, known: impl Iterator<Item = &'r Resource>) -> BTreeSet<ObjectId> {
        let known: BTreeSet<_> = known.map(ObjectId::of).collect();
        let all = self.loaded.documents.iter().map(|document| document.id.clone());
        all.filter(|id| !known.contains(id)).collect()
    }

    /// Documents of other groups.
    pub fn foreign(&self) -> &[Arc<Node>] {
        &self.loaded.others
    }

    /// Every object of ours with the input that it stands in.
    pub fn places(&self) -> impl Iterator<Item = (&ObjectId, &Source)> {
        let documents = self.loaded.documents.iter();
        documents.map(|document| (&document.id, document.source.as_ref()))
    }

    /// The inputs.
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.loaded.sources
    }

    /// The document that defines an object.
    pub fn document(&self, id: &ObjectId) -> Option<&Document> {
        self.loaded.document(id)
    }

    /// What is wrong with the files and with the documents one by one.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.loaded.diagnostics.iter().chain(&self.diagnostics)
    }

    /// All findings, those about all objects together included.
    pub fn report(self, together: Vec<Finding>) -> LintReport {
        let Self {
            loaded,
            mut diagnostics,
            ..
        } = self;
        diagnostics.extend(together.into_iter().map(|finding| {
            let document = loaded.document(&finding.object);
            Diagnostic::of(finding, document)
        }));
        report(loaded, diagnostics)
    }
}

fn undecodable(document: &Document, field: &str, message: String) -> Diagnostic {
    let finding = Finding {
        object: document.id.clone(),
        severity: Severity::Error,
        reason: Reason::Undecodable,
        field: field.to_owned(),
        message,
        offset: None,
        suggestion: None,
    };
    Diagnostic::of(finding, Some(document))
}

/// Sorts by place; an aliased value says the same thing once, however often it is used.
fn report(loaded: Loaded, found: Vec<Diagnostic>) -> LintReport {
    let mut diagnostics = loaded.diagnostics;
    diagnostics.extend(found);
    diagnostics.sort_by(|a, b| order(a).cmp(&order(b)));
    diagnostics.dedup_by(|a, b| order(a) == order(b));
    LintReport {
        diagnostics,
        resources: loaded.documents.len(),
        skipped: loaded.skipped,
    }
}

/// Findings without a place come last.
fn order(diagnostic: &Diagnostic) -> (bool, Option<(&str, Position)>, Severity, &str, &str) {
    let place = diagnostic.place.as_ref().map(crate::diagnostic::Located::order);
    (
        place.is_none(),
        place,
        diagnostic.severity,
        diagnostic.reason.as_str(),
        &diagnostic.message,
    )
}

#[cfg(test)]
mod tests;
