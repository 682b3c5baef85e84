//! Findings as workflow commands
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>).

use std::fmt::Write as _;

use attune_compile::finding::Severity;

use crate::diagnostic::Diagnostic;
use crate::lint::LintReport;

pub(super) fn render(report: &LintReport) -> String {
    report.diagnostics.iter().map(command).collect()
}

fn command(diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut command = format!("::{level} ");
    if let Some(place) = &diagnostic.place {
        let start = place.span.start;
        let file = property(place.source.name());
        // Writing to a string cannot fail.
        let _ = write!(command, "file={file},line={},col={},", start.line, start.column);
    }
    let about = diagnostic.about();
    let title = if about.is_empty() {
        diagnostic.reason.to_string()
    } else {
        format!("{}: {about}", diagnostic.reason)
    };
    let _ = writeln!(
        command,
        "title={}::{}",
        property(&title),
        data(&diagnostic.full_message())
    );
    command
}

/// Escapes what would end a message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes what would end a property too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
