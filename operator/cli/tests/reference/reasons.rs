//! The page of condition types and reasons.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use attune_api::{ConditionType, EventReason, Kind, Reason};
use attune_compile::finding::{FINDING_REASONS, condition_of};

use crate::markdown::{Table, code};

const INTRODUCTION: &str = "\
Both lists are closed, so that alerts and scripts may rely on them: a name keeps its meaning, and nothing else is ever written
as the type or the reason of a condition. A condition that could not be judged says `Unknown`; one that nothing judges yet has
the reason `Pending`.
";

const REASONS: &str = "\
`attune lint` gives the same reasons as the cluster. An error turns the condition named beside its reason to `False`, or
`Accepted` where the kind does not have it; `Conflicted` is turned to `True`. Of warnings, only those of `Conflicted` and
`Fresh` turn it. Reasons without one are reasons of conditions alone. Those marked with * are reserved: nothing gives them yet.
";

const EVENTS: &str = "\
Events are posted when something turns, not again and again while it lasts, and not because the operator was started anew.
Their reasons are a list of their own.
";

/// The whole page.
pub(crate) fn page() -> String {
    format!(
        "# Condition types and reasons\n\n{INTRODUCTION}\n## Condition types\n\n{}## Reasons\n\n{REASONS}\n{}\
         ## Events\n\n{EVENTS}\n{}",
        condition_types(),
        reasons(),
        events()
    )
}

fn condition_types() -> String {
    let mut table = Table::new(&["type", "meaning when true", "on"]);
    for type_ in ConditionType::ALL {
        let kinds: Vec<&str> = Kind::ALL
            .into_iter()
            .filter(|kind| kind.conditions().contains(type_))
            .map(Kind::name)
            .collect();
        // `Ready`, `Reconciling` and `Stalled` go without saying.
        let on = if kinds.is_empty() || kinds.len() == Kind::ALL.len() {
            "every kind".to_owned()
        } else {
            kinds.join(", ")
        };
        table.row([&code(type_.as_str()), type_.doc(), &on]);
    }
    table.finish()
}

fn reasons() -> String {
    let given = given();
    let mut table = Table::new(&["reason", "meaning", "finding turns"]);
    for reason in Reason::ALL {
        let reserved = if given.contains(reason.as_str()) { "" } else { " *" };
        let turns = if FINDING_REASONS.contains(reason) {
            code(condition_of(*reason).as_str())
        } else {
            String::new()
        };
        table.row([
            format!("{}{reserved}", code(reason.as_str())),
            reason.doc().to_owned(),
            turns,
        ]);
    }
    table.finish()
}

fn events() -> String {
    let mut table = Table::new(&["reason", "meaning", "type"]);
    for reason in EventReason::ALL {
        let type_ = if reason.is_normal() { "Normal" } else { "Warning" };
        table.row([&code(reason.as_str()), reason.doc(), type_]);
    }
    table.finish()
}

/// Crates that give reasons; the rest only passes them on.
const GIVERS: [&str; 4] = ["compile", "index", "runtime", "cli"];

/// Files that name reasons without giving them.
const NOT_GIVING: [&str; 2] = ["finding.rs", "tests.rs"];

/// Names of the reasons that the sources give somewhere outside of tests.
fn given() -> BTreeSet<String> {
    let name = regex::Regex::new(r"\bReason::([A-Z]\w*)").expect("the pattern is sound");
    let mut files = Vec::new();
    for giver in GIVERS {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(giver)
            .join("src");
        collect(&source, &mut files);
    }
    files
        .iter()
        .flat_map(|text| name.captures_iter(text).map(|found| found[1].to_owned()))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("sources can be read") {
        let path = entry.expect("sources can be read").path();
        let file = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && file != "tests" {
            collect(&path, files);
        } else if path.is_file() && !NOT_GIVING.contains(&file) {
            files.push(fs::read_to_string(&path).expect("sources can be read"));
        }
    }
}

#[test]
fn every_name_says_what_it_means_in_a_sentence() {
    let docs = ConditionType::ALL
        .iter()
        .map(|type_| type_.doc())
        .chain(Reason::ALL.iter().map(|reason| reason.doc()))
        .chain(EventReason::ALL.iter().map(|reason| reason.doc()));
    for doc in docs {
        assert!(doc.ends_with('.') && !doc.starts_with(' '), "`{doc}`");
    }
}
