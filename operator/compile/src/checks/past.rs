//! What goes by a unit's past on a Channel whose delivery knows nobody's.
//!
//! A batch decides by a table of units as it is: it sees neither what they were shown nor what they did. What limits a
//! binding limits nobody there, and somebody who wrote it should know before the letters are sent.

use attune_api::conditions::Reason;
use attune_api::delivery::Delivery;
use attune_api::{Channel, ChannelBinding, Kind};
use attune_core::bundle::Rule;

use crate::Model;
use crate::finding::ObjectId;
use crate::report::Report;
use crate::rules::CandidateRules;

#[cfg(test)]
mod tests;

/// Looks at every Channel that is delivered in batch, and at what is bound there.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    let blind = |name: &str| snapshot.channels.get(name).filter(|channel| is_blind(channel));
    for name in snapshot.channels.keys() {
        if let Some(frequency) = blind(name).and_then(|channel| channel.spec.frequency.as_ref()) {
            let limits = [
                ("spec.frequency.caps", !frequency.caps.is_empty()),
                ("spec.frequency.minimumGap", frequency.minimum_gap.is_some()),
            ];
            for (field, _) in limits.into_iter().filter(|(_, is_set)| *is_set) {
                tell(report, &snapshot.id(Kind::Channel, name), name, field);
            }
        }
    }
    for (name, binding) in &snapshot.bindings {
        let channel = binding.spec.channel_ref.name.as_str();
        if blind(channel).is_some() {
            for field in asking(model, name, binding) {
                tell(report, &snapshot.id(Kind::ChannelBinding, name), channel, &field);
            }
        }
    }
}

fn is_blind(channel: &Channel) -> bool {
    matches!(channel.spec.delivery, Delivery::Batch(_))
}

/// The fields of a binding that go by the past.
fn asking(model: &Model<'_>, name: &str, binding: &ChannelBinding) -> Vec<String> {
    let rules = &model.rules;
    let asks = |rule: &Rule| rule.expression.history().is_some();
    let limits = [
        ("spec.caps", !binding.spec.caps.is_empty()),
        ("spec.stopOn", !binding.spec.stop_on.is_empty()),
    ];
    let limits = limits.into_iter().filter(|(_, is_set)| *is_set);
    let mut fields: Vec<String> = limits.map(|(field, _)| field.to_owned()).collect();
    for (index, candidate) in binding.spec.candidates.iter().enumerate() {
        let field = format!("spec.candidates[{index}]");
        for (place, audience) in candidate.audiences.iter().enumerate() {
            if rules.audiences.get(audience.as_str()).is_some_and(asks) {
                fields.push(format!("{field}.audiences[{place}]"));
            }
        }
        let own = rules.candidates.get(&(name.to_owned(), index));
        let own = own.into_iter().flat_map(CandidateRules::each);
        let own = own.filter(|(_, rule)| asks(rule));
        fields.extend(own.map(|(part, _)| format!("{field}.{part}")));
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
