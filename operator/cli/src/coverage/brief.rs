//! The brief of a content team: every cell that is open, with who these people are and what fits, as CSV (RFC 4180).

use std::cmp::Reverse;

use attune_api::channel::TouchpointSlot;
use attune_compile::coverage::{Cell, Coverage, reach};

use super::{Covered, find_module, owner, twin};

const HEADER: [&str; 16] = [
    "reach",
    "namespace",
    "program",
    "audience",
    "who",
    "believes",
    "needs",
    "shifts",
    "channel",
    "touchpoint",
    "locale",
    "state",
    "now shown to",
    "slots",
    "module",
    "team",
];

/// One row a cell that is neither covered nor waived: what reaches the most people first.
pub(crate) fn brief(all: &[Covered<'_>]) -> String {
    let mut rows = Vec::new();
    for covered in all {
        for coverage in &covered.programs {
            let open = coverage.open(&covered.space.snapshot);
            rows.extend(open.into_iter().map(|cell| row(covered, coverage, cell)));
        }
    }
    rows.sort_by_key(|(reach, _)| Reverse(*reach));
    let header = HEADER.map(str::to_owned);
    let lines = std::iter::once(header.to_vec()).chain(rows.into_iter().map(|(_, row)| row));
    lines
        .map(|row| row.iter().map(|cell| field(cell)).collect::<Vec<_>>().join(",") + "\r\n")
        .collect()
}

fn row(covered: &Covered<'_>, coverage: &Coverage<'_>, cell: &Cell<'_>) -> (u64, Vec<String>) {
    let audience = covered.space.snapshot.audiences.get(cell.audience);
    let insight = audience.and_then(|audience| audience.spec.insight.as_ref());
    let spot = coverage.spots.get(cell.spot);
    let units = reach(&covered.space.snapshot, cell.audience);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let slots = spot.map(|spot| {
        spot.touchpoint
            .slots
            .iter()
            .map(limit)
            .collect::<Vec<_>>()
            .join("; ")
    });
    let row = vec![
        units.map(|units| units.to_string()).unwrap_or_default(),
        covered.space.name().to_owned(),
        coverage.name.to_owned(),
        cell.audience.to_owned(),
        text(audience.map(|audience| audience.spec.description.as_str())),
        text(insight.map(|insight| insight.believes.as_str())),
        text(insight.map(|insight| insight.needs.as_str())),
        text(insight.map(|insight| insight.shifts.as_str())),
        text(spot.map(|spot| spot.channel)),
        text(spot.map(|spot| spot.touchpoint.name.as_str())),
        cell.locale.to_owned(),
        cell.state.as_str().to_owned(),
        twin(cell).unwrap_or_default(),
        slots.unwrap_or_default(),
        find_module(coverage, cell).unwrap_or_default(),
        text(owner(covered, coverage, cell)),
    ];
    (units.unwrap_or(0), row)
}

/// A slot with what fits: `headline (required, at most 40 characters)`.
fn limit(slot: &TouchpointSlot) -> String {
    let most = slot
        .max_length
        .as_ref()
        .map(|most| format!("at most {most} characters"));
    let required = slot.required.then(|| "required".to_owned());
    let limits: Vec<_> = required.into_iter().chain(most).collect();
    if limits.is_empty() {
        slot.name.to_string()
    } else {
        format!("{} ({})", slot.name, limits.join(", "))
    }
}

/// A field in quotes where it needs them. What a spreadsheet would take for a formula begins with an apostrophe.
fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', '\n', '\r', '\'']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn quotes_what_would_break_a_row_and_disarms_formulas() {
        assert_eq!(field("plain words"), "plain words");
        assert_eq!(field("a, b"), "\"a, b\"");
        assert_eq!(field("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(field("two\nlines"), "\"two\nlines\"");
        assert_eq!(field("=1+2"), "\"'=1+2\"");
        assert_eq!(field("@cmd"), "\"'@cmd\"");
    }
}
