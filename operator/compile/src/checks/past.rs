//! What goes by a unit's past on a Channel whose delivery knows nobody's.
//!
//! A batch decides by a table of units as it is: it sees neither what they were shown nor what they did. What limits a
//! binding limits nobody there, and somebody who wrote it should know before the letters are sent.

use attune_api::channel::Frequency;
use attune_api::channel_binding::Candidate;
use attune_api::conditions::Reason;
use attune_api::delivery::Delivery;
use attune_api::{Channel, ChannelBinding, Kind};
use attune_core::bundle::Rule;

use crate::Model;
use crate::finding::ObjectId;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Looks at every Channel that is delivered in batch, and at what is bound there.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    for (name, channel) in &snapshot.channels {
        if let Some(frequency) = channel.spec.frequency.as_ref().filter(|_| is_blind(channel)) {
            let object = snapshot.id(Kind::Channel, name);
            for (field, is_set) in limits(frequency) {
                if is_set {
                    tell(report, &object, name, field);
                }
            }
        }
    }
    for (name, binding) in &snapshot.bindings {
        let channel = binding.spec.channel_ref.name.as_str();
        if snapshot
            .channels
            .get(channel)
            .is_some_and(|channel| is_blind(channel))
        {
            let object = snapshot.id(Kind::ChannelBinding, name);
            for field in asking(model, name, binding) {
                tell(report, &object, channel, &field);
            }
        }
    }
}

fn is_blind(channel: &Channel) -> bool {
    matches!(channel.spec.delivery, Delivery::Batch(_))
}

/// The limits of a Channel, and whether each is set.
fn limits(frequency: &Frequency) -> [(&'static str, bool); 2] {
    [
        ("spec.frequency.caps", !frequency.caps.is_empty()),
        ("spec.frequency.minimumGap", frequency.minimum_gap.is_some()),
    ]
}

/// The fields of a binding that go by the past.
fn asking(model: &Model<'_>, name: &str, binding: &ChannelBinding) -> Vec<String> {
    let limits = [
        ("spec.caps", !binding.spec.caps.is_empty()),
        ("spec.stopOn", !binding.spec.stop_on.is_empty()),
    ];
    let limits = limits.into_iter().filter(|(_, is_set)| *is_set);
    let mut fields: Vec<String> = limits.map(|(field, _)| field.to_owned()).collect();
    for (index, candidate) in binding.spec.candidates.iter().enumerate() {
        fields.extend(asking_of(model, (name, index), candidate));
    }
    fields
}

/// The fields of a candidate that go by the past.
fn asking_of(model: &Model<'_>, (name, index): (&str, usize), candidate: &Candidate) -> Vec<String> {
    let asks = |rule: Option<&Rule>| rule.is_some_and(|rule| rule.expression.history().is_some());
    let audiences = candidate.audiences.iter().enumerate();
    let audiences = audiences.filter(|(_, audience)| asks(model.rules.audiences.get(audience.as_str())));
    let mut fields: Vec<String> = audiences
        .map(|(place, _)| format!("spec.candidates[{index}].audiences[{place}]"))
        .collect();
    if let Some(rules) = model.rules.candidates.get(&(name.to_owned(), index)) {
        let own = [("when", rules.when.as_ref()), ("score", rules.score.as_ref())];
        let own = own.into_iter().filter(|(_, rule)| asks(*rule));
        fields.extend(own.map(|(part, _)| format!("spec.candidates[{index}].{part}")));
    }
    fields
}

fn tell(report: &mut Report, object: &ObjectId, channel: &str, field: &str) {
    let message = format!(
        "channel `{channel}` is delivered in batch, where nobody's past is known, so that this meets everybody as if nothing had \
         happened: leave out of the table of units whom it is to spare, or deliver the channel by `service` or `sidecar`"
    );
    report.warning(object, Reason::PastUnknown, field, message);
}
