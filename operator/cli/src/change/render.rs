//! Changes for a person, and for a program.

use std::fmt::Write as _;

use serde_json::json;

use super::{CellCounts, Change, Moves};

/// The most moves that a person is shown.
const MAX_SHOWN: usize = 40;

/// Changes as lines.
pub(crate) fn text(change: &Change, moves: Option<&Moves>) -> String {
    let mut text = String::new();
    if !change.is_any() {
        text.push_str("nothing changes\n");
    }
    let mut lines = |sign: char, all: Vec<String>| {
        for line in all {
            let _ = writeln!(text, "{sign} {line}");
        }
    };
    lines('+', change.added.iter().map(ToString::to_string).collect());
    lines('-', change.removed.iter().map(ToString::to_string).collect());
    let changed = change.changed.iter();
    lines(
        '~',
        changed
            .map(|one| format!("{} changes {}", one.rule, one.what.join(", ")))
            .collect(),
    );
    lines('~', change.others.clone());
    let [before, after] = change.rules;
    let _ = writeln!(
        text,
        "\nrules: {} declared, {} live; were {} and {}",
        after.declared, after.live, before.declared, before.live
    );
    for one in &change.coverage {
        let said = |cells: Option<CellCounts>| {
            cells.map_or_else(
                || "not there".to_owned(),
                |cells| {
                    let share = (cells.covered_bp / 100, cells.covered_bp % 100);
                    format!(
                        "{} of {} cells ({}.{:02} %)",
                        cells.covered, cells.all, share.0, share.1
                    )
                },
            )
        };
        let _ = writeln!(
            text,
            "coverage of {}: {}; was {}",
            one.program,
            said(one.after),
            said(one.before)
        );
    }
    if let Some(moves) = moves {
        let _ = writeln!(
            text,
            "\n{} of {} people get another message",
            moves.moved, moves.people
        );
        let list = moves.list();
        for one in list.iter().take(MAX_SHOWN) {
            let _ = writeln!(
                text,
                "{:>8}  {}/{}/{}: {} -> {}",
                one.people, one.namespace, one.channel, one.touchpoint, one.from, one.to
            );
        }
        if list.len() > MAX_SHOWN {
            let _ = writeln!(
                text,
                "          and {} more moves, see `-o json`",
                list.len() - MAX_SHOWN
            );
        }
    }
    text
}

/// Changes as one JSON object.
pub(crate) fn json(change: &Change, moves: Option<&Moves>) -> anyhow::Result<String> {
    let people =
        moves.map(|moves| json!({"sampled": moves.people, "moved": moves.moved, "moves": moves.list()}));
    let mut value = serde_json::to_value(change)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("changes".to_owned(), change.is_any().into());
        object.insert("people".to_owned(), people.into());
    }
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}
