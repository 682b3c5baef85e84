//! Tables, anchors and code, as GitHub renders them.

use std::fmt::Write;

/// A table, written without padding: a changed cell changes one line.
pub(crate) struct Table {
    columns: usize,
    text: String,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = Self {
            columns: header.len(),
            text: String::new(),
        };
        table.row(header.iter().copied());
        table.text.push('|');
        table.text.push_str(&"---|".repeat(header.len()));
        table.text.push('\n');
        table
    }

    pub(crate) fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells: Vec<String> = cells.into_iter().map(|text| cell(text.as_ref())).collect();
        assert_eq!(cells.len(), self.columns, "a row has a cell a column: {cells:?}");
        writeln!(self.text, "| {} |", cells.join(" | ")).expect("a string takes everything");
    }

    /// The table and the empty line after it.
    pub(crate) fn finish(mut self) -> String {
        self.text.push('\n');
        self.text
    }
}

/// A text within a table: bars would end the cell, in code too.
fn cell(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.replace('|', "\\|")
}

/// The cells of a row that [`cell`] wrote or a person did; `None` for what is no row.
pub(crate) fn cells(line: &str) -> Option<Vec<String>> {
    const BAR: &str = "\u{0}";
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    let hidden = inner.replace("\\|", BAR);
    Some(
        hidden
            .split('|')
            .map(|cell| cell.trim().replace(BAR, "|"))
            .collect(),
    )
}

pub(crate) fn code(text: &str) -> String {
    format!("`{text}`")
}

/// The anchor that GitHub gives a heading.
pub(crate) fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            other if other.is_alphanumeric() => Some(other.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// A link to a heading of the same page.
pub(crate) fn link(text: &str, heading: &str) -> String {
    format!("[{text}](#{})", anchor(heading))
}

/// The paragraphs of a page by their headings.
pub(crate) fn headings(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter_map(move |line| {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let text = line.trim_start_matches('#');
        (!fenced && text.len() < line.len()).then(|| text.trim())
    })
}

#[test]
fn keeps_bars_within_their_cell() {
    let mut table = Table::new(&["expression"]);
    table.row(["`a || b`"]);
    assert_eq!(table.finish(), "| expression |\n|---|\n| `a \\|\\| b` |\n\n");
    assert_eq!(cells("| `a \\|\\| b` | c |").unwrap(), ["`a || b`", "c"]);
}

#[test]
fn names_anchors_as_github_does() {
    assert_eq!(
        anchor("Channel `spec.delivery.batch`"),
        "channel-specdeliverybatch"
    );
    assert_eq!(anchor("Differences from CEL"), "differences-from-cel");
}
