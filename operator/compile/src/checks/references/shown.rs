//! What rules ask after having been shown is there.
//!
//! It may be gone on purpose while what it showed still counts, so that nothing is kept from being served.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_core::history::ShownKind;

use super::closest;
use crate::Model;
use crate::finding::{Finding, Severity};
use crate::report::Report;
use crate::uses::Reader;

/// Looks up what the rules of audiences and candidates ask `history` for.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    for (reader, rule) in Reader::all(&model.rules) {
        for (shown, wanted) in rule.expression.shown() {
            let (kind, known) = match shown {
                ShownKind::Binding => (Kind::ChannelBinding, names(&snapshot.bindings)),
                ShownKind::Module => (Kind::ContentModule, names(&snapshot.modules)),
                ShownKind::Program => (Kind::Program, names(&snapshot.programs)),
                ShownKind::Channel => (Kind::Channel, names(&snapshot.channels)),
            };
            if known.contains(&wanted) || snapshot.is_unreadable(kind, wanted) {
                continue;
            }
            report.add(Finding {
                object: reader.object(snapshot),
                severity: Severity::Warning,
                reason: Reason::RefNotFound,
                field: reader.field(),
                message: format!(
                    "`history` asks for {kind} `{wanted}`, which namespace `{}` does not have: correct the name, or leave it \
                     for as long as what it showed is to count",
                    snapshot.namespace
                ),
                offset: None,
                suggestion: closest(wanted, &known).map(str::to_owned),
            });
        }
    }
}

fn names<T>(objects: &BTreeMap<String, T>) -> Vec<&str> {
    objects.keys().map(String::as_str).collect()
}
