//! Bindings of one priority at one touchpoint can take units from each other.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::Reason;

use crate::Model;
use crate::report::Report;

/// Names the winner to every binding that shares its touchpoint and priority with another.
///
/// Audiences of different names count as able to share a unit.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut places: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (name, binding) in &model.snapshot.bindings {
        let spec = &binding.spec;
        if spec.suspend || !report.is_sound(&model.snapshot.id(Kind::ChannelBinding, name)) {
            continue;
        }
        let place = (
            spec.channel_ref.name.as_str(),
            spec.touchpoint.as_str(),
            spec.priority(),
        );
        places.entry(place).or_default().push(name);
    }
    for ((_, touchpoint, priority), names) in places {
        let [winner, _, ..] = names.as_slice() else {
            continue;
        };
        for name in &names {
            let others: Vec<_> = names
                .iter()
                .filter(|other| other != &name)
                .map(|other| format!("`{other}`"))
                .collect();
            let message = format!(
                "{} has priority {priority} at touchpoint `{touchpoint}` too: where both admit a unit, `{winner}` wins, the \
                 first by name; give each a priority of its own",
                others.join(", ")
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
