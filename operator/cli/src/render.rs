//! Shows what lint found: to a person, to a program, to GitHub.

mod github;
mod json;
mod text;

pub(crate) use json::entry as lint_entry;

use std::io::IsTerminal;

use crate::lint::LintReport;

/// For whom to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LintFormat {
    /// A person: each finding with its line.
    #[default]
    Text,
    /// A program: one JSON object.
    Json,
    /// GitHub: one workflow command a finding, shown beside the lines of a change.
    Github,
}

/// Writes a report. `color` concerns text alone.
///
/// # Errors
/// None that can happen: every report can be written as JSON.
pub fn render(report: &LintReport, format: LintFormat, color: bool) -> serde_json::Result<String> {
    match format {
        LintFormat::Text => Ok(text::render(report, color)),
        LintFormat::Json => json::render(report),
        LintFormat::Github => Ok(github::render(report)),
    }
}

/// Whether a stream shows colour: on a terminal, unless `NO_COLOR` is set to anything (<https://no-color.org>).
pub fn shows_color(stream: &impl IsTerminal) -> bool {
    wants_color(stream.is_terminal(), std::env::var_os("NO_COLOR").as_deref())
}

fn wants_color(terminal: bool, no_color: Option<&std::ffi::OsStr>) -> bool {
    terminal && no_color.is_none_or(std::ffi::OsStr::is_empty)
}

#[cfg(test)]
mod tests;
