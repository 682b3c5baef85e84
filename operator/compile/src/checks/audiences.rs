//! Audiences that are nobody, everybody, somebody else, or never reached.

use attune_api::Kind;
use attune_api::conditions::Reason;

use crate::Model;
use crate::coverage::reach;
use crate::overlap::reach::{Unreached, Why};
use crate::report::Report;

#[cfg(test)]
mod tests;

/// How much two reaches may differ for one audience to pass for the other, in hundredths.
const NEARLY: u64 = 10;

/// The most audiences that one message names.
const MAX_NAMED: usize = 5;

/// Looks at the expressions of audiences, and at the order of candidates.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    constants(model, report);
    copies(model, report);
    unreached(model, report);
}

fn constants(model: &Model<'_>, report: &mut Report) {
    for (name, form) in &model.portfolio.forms.by_name {
        let object = model.snapshot.id(Kind::Audience, name);
        if form.is_never() {
            let message = "the expression is never true, so that nobody is in the audience: its conditions exclude each other; \
                           correct it";
            report.error(&object, Reason::ConstantExpression, "spec.match", message);
        } else if form.is_always() {
            let message = "the expression is always true, so that everybody is in the audience: name no audience where everybody \
                           is meant, or say who these people are";
            report.warning(&object, Reason::ConstantExpression, "spec.match", message);
        }
    }
}

fn copies(model: &Model<'_>, report: &mut Report) {
    let near = &model.portfolio.near;
    for group in &near.equal {
        let Some((first, others)) = group.split_first() else {
            continue;
        };
        for other in others {
            let message = format!(
                "audience `{first}` has the same members, however it is written: keep one of the two, or say what makes them different"
            );
            let object = model.snapshot.id(Kind::Audience, other);
            report.warning(&object, Reason::DuplicateAudience, "spec.match", message);
        }
    }
    for (inner, outer) in &near.nested {
        let reaches = [inner, outer].map(|name| reach(model.snapshot, name));
        let [Some(small), Some(large)] = reaches else {
            continue;
        };
        // Nesting is a way to be specific; hardly anybody less is a way to count one audience twice.
        if small > 0 && large.abs_diff(small).saturating_mul(100) <= large.saturating_mul(NEARLY) {
            let message = format!(
                "all its members are in audience `{outer}`, and at {small} of {large} nearly all of those are in it: keep one of \
                 the two, or say what makes them different"
            );
            let object = model.snapshot.id(Kind::Audience, inner);
            report.warning(&object, Reason::DuplicateAudience, "spec.match", message);
        }
    }
}

fn unreached(model: &Model<'_>, report: &mut Report) {
    for (name, list) in &model.portfolio.reach {
        let object = model.snapshot.id(Kind::ChannelBinding, name);
        let Some(binding) = model.snapshot.bindings.get(name) else {
            continue;
        };
        for (index, found) in list.iter().enumerate() {
            let field = format!("spec.candidates[{index}]");
            if let (Some(why), true) = (&found.nobody, found.unreached.is_empty()) {
                let message = format!("nobody ever meets this candidate: {}", because(why));
                report.warning(&object, Reason::Unreachable, field.clone(), message);
            }
            let audiences = binding
                .spec
                .candidates
                .get(index)
                .map(|candidate| candidate.audiences.as_slice());
            for (why, places) in grouped(&found.unreached) {
                let names = places
                    .iter()
                    .filter_map(|place| audiences.and_then(|list| list.get(*place)));
                let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
                let (field, never) = match places.as_slice() {
                    [place] => (format!("{field}.audiences[{place}]"), "never meets"),
                    _ => (format!("{field}.audiences"), "never meet"),
                };
                let message = format!("{} {never} this candidate: {}", listed(&names), because(why));
                report.warning(&object, Reason::Unreachable, field, message);
            }
        }
    }
}

/// Positions by why they are not reached, in their order: one cause is told once.
fn grouped(unreached: &[Unreached]) -> Vec<(&Why, Vec<usize>)> {
    let mut groups: Vec<(&Why, Vec<usize>)> = Vec::new();
    for one in unreached {
        match groups.iter_mut().find(|(why, _)| **why == one.why) {
            Some((_, places)) => places.push(one.place),
            None => groups.push((&one.why, vec![one.place])),
        }
    }
    groups
}

/// Some names, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(MAX_NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Why somebody is not reached, and what to do.
fn because(why: &Why) -> String {
    match why {
        Why::Behind(other) => {
            format!(
                "all of them are in `{other}`, which comes first; put the narrower audience before the wider one"
            )
        }
        Why::BehindSeveral => {
            "all of them meet some candidate before it; put the narrower audience before the wider ones"
                .to_owned()
        }
        Why::BehindEverybody => {
            "a candidate before it is for everybody; put that one last, or give it audiences".to_owned()
        }
        Why::Excluded => "its condition and its audience exclude each other; correct one of them".to_owned(),
    }
}
