//! Findings for a person, each with its line and a caret.

use attune_compile::finding::Severity;

use crate::diagnostic::{Diagnostic, Located};
use crate::lint::LintReport;

/// Of a longer line, a window around the finding is shown.
const WIDTH: usize = 140;
/// How much of the window lies before the finding.
const BEFORE: usize = 60;

pub(super) fn render(report: &LintReport, color: bool) -> String {
    let paint = Paint { color };
    let findings = report
        .diagnostics
        .iter()
        .map(|diagnostic| finding(diagnostic, paint));
    findings.chain([summary(report)]).collect::<Vec<_>>().join("\n")
}

/// Escape sequences, where they are wanted.
#[derive(Clone, Copy)]
struct Paint {
    color: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Error => self.with("1;31", text),
            Severity::Warning => self.with("1;33", text),
        }
    }

    fn margin(self, text: &str) -> String {
        self.with("1;34", text)
    }
}

fn finding(diagnostic: &Diagnostic, paint: Paint) -> String {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let head = paint.severity(diagnostic.severity, &format!("{level}[{}]", diagnostic.reason));
    let mut lines = vec![format!("{head}: {}", printable(&diagnostic.message))];
    let mut margin = 1;
    if let Some(place) = &diagnostic.place {
        margin = place.span.start.line.to_string().len();
        lines.extend(excerpt(place, diagnostic.severity, margin, paint));
    }
    let indent = " ".repeat(margin);
    let about = diagnostic.about();
    if !about.is_empty() {
        lines.push(format!("{indent} {} in {}", paint.margin("="), printable(&about)));
    }
    if let Some(help) = diagnostic.help() {
        lines.push(format!(
            "{indent} {} help: {}",
            paint.margin("="),
            printable(&help)
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Where it is, and the line with a caret under it.
fn excerpt(place: &Located, severity: Severity, margin: usize, paint: Paint) -> Vec<String> {
    let start = place.span.start;
    let indent = " ".repeat(margin);
    let bar = paint.margin("|");
    let mut lines = vec![format!(
        "{indent}{} {}:{start}",
        paint.margin("-->"),
        printable(place.source.name())
    )];
    let Some(text) = place.source.line(start.line) else {
        return lines;
    };
    let length = if place.span.end.line == start.line {
        place.span.end.column.saturating_sub(start.column)
    } else {
        text.trim_end().chars().count().saturating_sub(start.column - 1)
    };
    let (shown, column) = window(text, start.column);
    let room = shown.chars().count().saturating_sub(column - 1);
    let carets = "^".repeat(length.min(room).max(1));
    let number = paint.margin(&start.line.to_string());
    lines.push(format!("{indent} {bar}"));
    lines.push(format!("{number} {bar} {shown}").trim_end().to_owned());
    lines.push(format!(
        "{indent} {bar} {}{}",
        " ".repeat(column - 1),
        paint.severity(severity, &carets)
    ));
    lines
}

/// The part of a line around a column, and the column within that part.
fn window(line: &str, column: usize) -> (String, usize) {
    let length = line.chars().count();
    if length <= WIDTH {
        return (printable(line), column);
    }
    let skipped = column.saturating_sub(BEFORE).min(length.saturating_sub(WIDTH));
    let part: String = line.chars().skip(skipped).take(WIDTH).collect();
    let (left, right) = (
        if skipped > 0 { "…" } else { "" },
        if skipped + WIDTH < length { "…" } else { "" },
    );
    (
        format!("{left}{}{right}", printable(&part)),
        column - skipped + left.chars().count(),
    )
}

/// Text that moves no cursor: a character for each, tabs as one blank.
fn printable(text: &str) -> String {
    let safe = |character: char| match character {
        '\t' => ' ',
        character if character.is_control() => '\u{fffd}',
        character => character,
    };
    text.chars().map(safe).collect()
}

fn summary(report: &LintReport) -> String {
    let plural = |count: usize, one: &str| {
        if count == 1 {
            format!("1 {one}")
        } else {
            format!("{count} {one}s")
        }
    };
    let resources = plural(report.resources, "resource");
    let found = match (report.errors(), report.warnings()) {
        (0, 0) => format!("{resources}, no findings"),
        (0, warnings) => format!("{resources}, {}", plural(warnings, "warning")),
        (errors, 0) => format!("{resources}, {}", plural(errors, "error")),
        (errors, warnings) => format!(
            "{resources}, {}, {}",
            plural(errors, "error"),
            plural(warnings, "warning")
        ),
    };
    match report.skipped {
        0 => format!("{found}\n"),
        skipped => format!(
            "{found}; {} of other groups passed over\n",
            plural(skipped, "document")
        ),
    }
}
