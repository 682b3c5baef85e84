//! What rules ask after having been shown is there.
//!
//! It may be gone on purpose while what it showed still counts, so that nothing is kept from being served.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_core::bundle::Rule;
use attune_core::history::ShownKind;

use super::closest;
use crate::Model;
use crate::finding::{Finding, Severity};
use crate::report::Report;
use crate::snapshot::Snapshot;

/// Looks up what the rules of audiences and candidates ask `history` for.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    for (name, rule) in &model.rules.audiences {
        check_rule(model.snapshot, rule, (Kind::Audience, name, "spec.match"), report);
    }
    for ((name, index), rules) in &model.rules.candidates {
        for (part, rule) in [("when", &rules.when), ("score", &rules.score)] {
            if let Some(rule) = rule {
                let field = format!("spec.candidates[{index}].{part}");
                check_rule(model.snapshot, rule, (Kind::ChannelBinding, name, &field), report);
            }
        }
    }
}

fn check_rule(
    snapshot: &Snapshot,
    rule: &Rule,
    (kind, name, field): (Kind, &str, &str),
    report: &mut Report,
) {
    for (shown, wanted) in rule.expression.shown() {
        let (wanted_kind, known) = match shown {
            ShownKind::Binding => (Kind::ChannelBinding, names(&snapshot.bindings)),
            ShownKind::Module => (Kind::ContentModule, names(&snapshot.modules)),
            ShownKind::Program => (Kind::Program, names(&snapshot.programs)),
            ShownKind::Channel => (Kind::Channel, names(&snapshot.channels)),
        };
        if known.contains(&wanted) || snapshot.is_unreadable(wanted_kind, wanted) {
            continue;
        }
        let message = format!(
            "`history` asks for {wanted_kind} `{wanted}`, which namespace `{}` does not have: correct the name, or leave it \
             for as long as what it showed is to count",
            snapshot.namespace
        );
        report.add(Finding {
            object: snapshot.id(kind, name),
            severity: Severity::Warning,
            reason: Reason::RefNotFound,
            field: field.to_owned(),
            message,
            offset: None,
            suggestion: closest(wanted, &known).map(str::to_owned),
        });
    }
}

fn names<T>(objects: &BTreeMap<String, T>) -> Vec<&str> {
    objects.keys().map(String::as_str).collect()
}
