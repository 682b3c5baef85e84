//! `attune lint`: reads manifests, checks each object by its definition, and all of them together.

use std::path::PathBuf;

use attune_api::Resource;
use attune_api::conditions::Reason;
use attune_compile::finding::{Finding, Severity};
use jiff::Timestamp;

use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Document, LoadError, Loaded, Position};
use crate::schema::Schemas;

/// How to judge.
#[derive(Debug, Clone)]
pub struct LintOptions {
    /// The namespace of documents that name none.
    pub namespace: String,
    /// The instant to judge at.
    pub at: Timestamp,
}

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

/// Lints files and directories. `check` judges all objects together; it is given every object that could be read.
///
/// # Errors
/// When an input cannot be opened.
pub fn lint(
    paths: &[PathBuf],
    options: &LintOptions,
    check: impl FnOnce(Vec<Resource>, Timestamp) -> Vec<Finding>,
) -> Result<LintReport, LoadError> {
    let loaded = manifest::load(paths, &options.namespace)?;
    Ok(lint_loaded(loaded, options.at, check))
}

/// Lints what was read already.
pub fn lint_loaded(
    loaded: Loaded,
    at: Timestamp,
    check: impl FnOnce(Vec<Resource>, Timestamp) -> Vec<Finding>,
) -> LintReport {
    let mut schemas = Schemas::default();
    let mut diagnostics = Vec::new();
    let mut resources = Vec::new();
    for document in &loaded.documents {
        let findings = schemas.check(document);
        let sound = findings
            .iter()
            .all(|finding| finding.severity == Severity::Warning);
        diagnostics.extend(
            findings
                .into_iter()
                .map(|finding| Diagnostic::of(finding, Some(document))),
        );
        match Resource::decode(document.to_json()) {
            Ok(resource) if !document.duplicate => resources.push(resource),
            // What the schema refuses has been explained.
            Ok(_) => {}
            Err(_) if !sound => {}
            Err(error) => diagnostics.push(undecodable(document, error.field(), error.message())),
        }
    }
    let findings = check(resources, at);
    diagnostics.extend(findings.into_iter().map(|finding| {
        let document = loaded.document(&finding.object);
        Diagnostic::of(finding, document)
    }));
    report(loaded, diagnostics)
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
