//! Bindings of one priority at one touchpoint can take units from each other.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::Reason;

use crate::Model;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// The most bindings that one message names.
const MAX_NAMED: usize = 5;

/// Names the winner to every binding that shares its touchpoint and priority with another.
///
/// Those of which it is shown that they never admit the same unit do not take any from each other.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut places: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (name, binding) in &model.snapshot.bindings {
        let spec = &binding.spec;
        if spec.suspend || !report.is_sound((Kind::ChannelBinding, name)) {
            continue;
        }
        let place = (
            spec.channel_ref.name.as_str(),
            spec.touchpoint.as_str(),
            spec.priority(),
        );
        places.entry(place).or_default().push(name);
    }
    for ((_, touchpoint, priority), all) in places {
        let meets = |name: &&str| {
            let mut others = all.iter().filter(|other| *other != name);
            others.any(|other| !model.portfolio.are_apart(name, other))
        };
        let rivals: Vec<&str> = all.iter().copied().filter(meets).collect();
        let [winner, _, ..] = rivals.as_slice() else {
            continue;
        };
        for name in &rivals {
            let others = rivals.iter().filter(|other| other != &name);
            let mut named: Vec<_> = others.take(MAX_NAMED).map(|other| format!("`{other}`")).collect();
            let unnamed = rivals.len() - 1 - named.len();
            if unnamed > 0 {
                named.push(format!("{unnamed} more"));
            }
            let has = if rivals.len() == 2 { "has" } else { "have" };
            let message = format!(
                "{} {has} priority {priority} at touchpoint `{touchpoint}` too: where several admit a unit, `{winner}` wins, \
                 the first by name; give each a priority of its own",
                named.join(", ")
            );
            report.warning(
                &model.snapshot.id(Kind::ChannelBinding, name),
                Reason::Conflicted,
                "spec.priority",
                message,
            );
        }
    }
}
