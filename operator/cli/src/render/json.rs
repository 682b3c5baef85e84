//! Findings as data.

use attune_compile::finding::Severity;
use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::lint::LintReport;

#[derive(Serialize)]
struct Report<'a> {
    findings: Vec<Entry<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
pub(crate) struct Entry<'a> {
    severity: Severity,
    reason: &'static str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    field: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    resources: usize,
    skipped: usize,
}

pub(super) fn render(report: &LintReport) -> serde_json::Result<String> {
    let document = Report {
        findings: report.diagnostics.iter().map(entry).collect(),
        summary: Summary {
            errors: report.errors(),
            warnings: report.warnings(),
            resources: report.resources,
            skipped: report.skipped,
        },
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

pub(crate) fn entry(diagnostic: &Diagnostic) -> Entry<'_> {
    let place = diagnostic.place.as_ref();
    Entry {
        severity: diagnostic.severity,
        reason: diagnostic.reason.as_str(),
        kind: &diagnostic.kind,
        namespace: &diagnostic.namespace,
        name: &diagnostic.name,
        field: &diagnostic.field,
        file: place.map(|place| place.source.name()),
        line: place.map(|place| place.span.start.line),
        column: place.map(|place| place.span.start.column),
        message: diagnostic.full_message(),
    }
}
