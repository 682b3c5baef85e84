//! Shares for a person, and for a program.

use std::fmt::Write as _;

use serde_json::json;

use super::{Line, Tally};

/// What an audit is about.
pub(crate) struct Audit<'a> {
    pub(crate) attribute: &'a str,
    pub(crate) bound: f64,
    /// Expressions that read the attribute, as `audience lapsed`.
    pub(crate) readers: &'a [String],
    pub(crate) people: usize,
}

/// Shares as lines, the flagged ones marked.
pub(crate) fn text(audit: &Audit<'_>, tally: &Tally, lines: &[Line<'_>]) -> String {
    let groups: Vec<_> = tally
        .groups()
        .iter()
        .map(|(group, people)| format!("{group} {people}"))
        .collect();
    let mut text = format!(
        "{} people by `{}`: {}\n",
        audit.people,
        audit.attribute,
        groups.join(", ")
    );
    for reader in audit.readers {
        let _ = writeln!(
            text,
            "`{}` is read by {reader}: a difference follows from that rule",
            audit.attribute
        );
    }
    let mut place = String::new();
    for line in lines {
        let here = format!(
            "{}/{}/{} {}",
            line.namespace, line.channel, line.touchpoint, line.gets
        );
        if here != place {
            let _ = writeln!(text, "\n{here}");
            place = here;
        }
        let percent = |share: f64| share * 100.0;
        let _ = writeln!(
            text,
            "{} {:<20} {:>6.2} % [{:.2}, {:.2}]   {:+.2} against the others [{:+.2}, {:+.2}]",
            if line.is_flagged { "!" } else { " " },
            line.group,
            percent(line.share),
            percent(line.interval[0]),
            percent(line.interval[1]),
            percent(line.difference),
            percent(line.difference_interval[0]),
            percent(line.difference_interval[1]),
        );
    }
    let flagged = lines.iter().filter(|line| line.is_flagged).count();
    let _ = writeln!(
        text,
        "\n{flagged} differences beyond {} points",
        audit.bound * 100.0
    );
    text
}

/// Shares as one JSON object.
pub(crate) fn json(audit: &Audit<'_>, tally: &Tally, lines: &[Line<'_>]) -> anyhow::Result<String> {
    let value = json!({
        "attribute": audit.attribute, "bound": audit.bound, "people": audit.people, "groups": tally.groups(),
        "readBy": audit.readers, "shares": lines, "flagged": lines.iter().filter(|line| line.is_flagged).count(),
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}
