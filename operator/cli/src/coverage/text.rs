//! The matrix as tables for a person.

use std::fmt::Write as _;

use attune_api::program::CellState;
use attune_compile::coverage::{Coverage, QUARTERS, Quarter, reach};

use super::{Covered, portfolio, relations};

/// How a state is written in a cell of the table.
const fn short(state: CellState) -> &'static str {
    match state {
        CellState::Differentiated => "own",
        CellState::Waived => "waived",
        CellState::Shared => "SHARED",
        CellState::Untranslated => "UNTRANSLATED",
        CellState::Baseline => "BASELINE",
        CellState::Missing => "MISSING",
    }
}

/// Every Program of every namespace.
pub(crate) fn text(all: &[Covered<'_>]) -> String {
    let mut text = String::new();
    for covered in all {
        for coverage in &covered.programs {
            text.push_str(&program(covered, coverage));
        }
        text.push_str(&debt(covered));
        let portfolio = portfolio(covered.space);
        let lines = relations(&portfolio.near);
        if !lines.is_empty() {
            text.push_str("AUDIENCES CLOSE TO EACH OTHER\n");
            for line in &lines {
                let _ = writeln!(text, "{line}");
            }
            text.push('\n');
        }
    }
    if text.is_empty() {
        return "no programs\n".to_owned();
    }
    text.trim_end().to_owned() + "\n"
}

fn program(covered: &Covered<'_>, coverage: &Coverage<'_>) -> String {
    let share = |bp: usize| format!("{}.{:02} %", bp / 100, bp % 100);
    let mut text = format!(
        "PROGRAM {}/{}: {} of {} cells covered or waived ({}, at least {})\n",
        covered.space.name(),
        coverage.name,
        coverage
            .cells
            .iter()
            .filter(|cell| cell.state.is_covered())
            .count(),
        coverage.cells.len(),
        share(coverage.covered_bp()),
        share(coverage.minimum_bp()),
    );
    let states = CellState::ALL
        .into_iter()
        .map(|state| format!("{} {}", coverage.count(state), state.as_str()));
    let _ = writeln!(text, "{}\n", states.collect::<Vec<_>>().join(", "));
    let mut header = vec!["AUDIENCE".to_owned(), "REACH".to_owned()];
    for spot in &coverage.spots {
        for locale in &spot.locales {
            let at = format!("{}/{}", spot.channel, spot.touchpoint.name);
            header.push(if locale.is_empty() {
                at
            } else {
                format!("{at} {locale}")
            });
        }
    }
    let mut rows = vec![header];
    for audience in &coverage.program.spec.audiences {
        let units = reach(&covered.space.snapshot, audience.as_str());
        let mut row = vec![
            audience.to_string(),
            units.map_or_else(|| "?".to_owned(), |units| units.to_string()),
        ];
        let cells = coverage
            .cells
            .iter()
            .filter(|cell| cell.audience == audience.as_str());
        row.extend(cells.map(|cell| short(cell.state).to_owned()));
        rows.push(row);
    }
    text.push_str(&table(&rows));
    text.push('\n');
    text
}

fn debt(covered: &Covered<'_>) -> String {
    if covered.debt.teams.is_empty() {
        return String::new();
    }
    let now = Quarter::of(covered.space.at);
    let mut header: Vec<_> = ["TEAM", "NEEDED", "PRESENT", "TO MAKE"].map(str::to_owned).into();
    header.extend((0..QUARTERS).map(|index| format!("{} RENEW+REVIEW", now.plus(index))));
    header.push("CAPACITY".to_owned());
    let mut rows = vec![header];
    for (group, load) in &covered.debt.teams {
        let mut row = vec![
            group.clone(),
            load.needed.to_string(),
            load.present.to_string(),
            load.missing().to_string(),
        ];
        row.extend(
            load.quarters
                .iter()
                .map(|quarter| format!("{}+{}", quarter.renew, quarter.review)),
        );
        row.push(
            covered
                .capacity(group)
                .map_or_else(|| "?".to_owned(), |most| format!("{most} a quarter")),
        );
        rows.push(row);
    }
    format!(
        "CONTENT DEBT OF {}, IN VERSIONS\n{}\n",
        covered.space.name(),
        table(&rows)
    )
}

/// Columns of equal width.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", cells.join("   ").trim_end());
    }
    text
}
