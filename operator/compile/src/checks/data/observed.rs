//! What deciders saw of attributes, against what contracts say about them.

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_api::data_contract::Attribute;

use crate::Model;
use crate::checks::depth::percent;
use crate::observed::{MIN_REQUESTS, Observed};
use crate::report::Report;
use crate::uses::Reader;

/// Least share of requests that carry an attribute, in basis points.
const MIN_PRESENT_BP: u64 = 5000;
/// Largest share of carried values that may be of another type, in basis points.
const MAX_CLASHES_BP: u64 = 100;
/// Largest share of carried values that the contract does not list, in basis points.
const MAX_OUTSIDE_BP: u64 = 500;
/// Largest share of carried values that may be too old, in basis points.
const MAX_STALE_BP: u64 = 500;
/// The most audiences that a message names.
const MAX_NAMED: usize = 5;

/// Warns of attributes that are in use and that deciders do not see as their contract says. Traffic is no decision of
/// the people whom policies bind, so that it is a warning whatever they say.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    for (name, contract) in &model.snapshot.contracts {
        let object = model.snapshot.id(Kind::DataContract, name);
        for (index, attribute) in contract.spec.attributes.iter().enumerate() {
            let name = attribute.name.as_str();
            let Some(seen) = model.snapshot.observed.get(name) else {
                continue;
            };
            if seen.requests < MIN_REQUESTS || model.uses.readers(name).is_empty() {
                continue;
            }
            for fault in faults(attribute, seen) {
                let message = format!("{fault}{}", endangered(model.uses.readers(name)));
                let field = format!("spec.attributes[{index}]");
                report.warning(&object, Reason::AttributeGaps, field, message);
            }
        }
    }
}

/// What is wrong with an attribute as it was seen.
fn faults(attribute: &Attribute, seen: &Observed) -> Vec<String> {
    let name = attribute.name.as_str();
    let carried = seen.present.saturating_add(seen.type_clashes);
    let present = share(seen.present, seen.requests);
    let clashes = share(seen.type_clashes, carried);
    let outside = share(seen.outside_values, seen.present);
    let stale = share(seen.stale, seen.present);
    let table = [
        (
            present < MIN_PRESENT_BP,
            format!(
                "only {} of requests carry `{name}`: send it, or ask for less",
                words(present)
            ),
        ),
        (
            clashes > MAX_CLASHES_BP,
            format!(
                "{} of the values of `{name}` are no {:?}, and count as absent: correct the source or the type",
                words(clashes),
                attribute.type_
            ),
        ),
        (
            outside > MAX_OUTSIDE_BP,
            format!(
                "{} of the values of `{name}` are not among `values`: correct the source, or list them",
                words(outside)
            ),
        ),
        (
            stale > MAX_STALE_BP,
            format!(
                "{} of the values of `{name}` are older than `maxAge`: refresh the source",
                words(stale)
            ),
        ),
    ];
    let wrong = table.into_iter().filter(|(is_wrong, _)| *is_wrong);
    wrong.map(|(_, fault)| fault).collect()
}

/// A part of a whole in basis points; nothing of nothing is nothing.
fn share(part: u64, whole: u64) -> u64 {
    let share = u128::from(part) * 10_000 / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// In whole percent: traffic never stands still, and a condition that says something new every few minutes says nothing.
fn words(basis_points: u64) -> String {
    match basis_points {
        1..100 => "less than 1 %".to_owned(),
        basis_points => percent(usize::try_from(basis_points / 100 * 100).unwrap_or(usize::MAX)),
    }
}

/// The audiences that depend on an attribute, as the end of a message.
fn endangered(readers: &[Reader]) -> String {
    let audiences = readers.iter().filter_map(|reader| match reader {
        Reader::Audience(name) => Some(format!("`{name}`")),
        Reader::Candidate { .. } => None,
    });
    let audiences: Vec<_> = audiences.collect();
    if audiences.is_empty() {
        return String::new();
    }
    let shown = audiences.get(..MAX_NAMED).unwrap_or(&audiences);
    let more = match audiences.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("; audiences that depend on it: {}{more}", shown.join(", "))
}
