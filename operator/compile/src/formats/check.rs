//! What the format of a Channel's delivery cannot carry, as findings.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::Reason;

use super::write;
use crate::report::Report;
use crate::{Model, Publication};

/// Tells every binding, and every Channel, what is not in what is sent for it.
///
/// It is told of what is published, and so also of a form that is carried: whoever receives it is served a baseline.
pub(crate) fn check(model: &Model<'_>, channels: &BTreeMap<String, Publication>, report: &mut Report) {
    let snapshot = model.snapshot;
    for (name, publication) in channels {
        let channel = snapshot.channels.get(name);
        let Some(format) = channel.and_then(|channel| channel.spec.delivery.format()) else {
            continue;
        };
        let refusals = match write(publication, format) {
            Ok(written) => written.refusals,
            Err(refusals) => refusals,
        };
        for refusal in refusals {
            let object = match &refusal.binding {
                Some(binding) => snapshot.id(Kind::ChannelBinding, binding),
                None => snapshot.id(Kind::Channel, name),
            };
            let message = format!(
                "format `{}` of channel `{name}`: {}",
                format.as_str(),
                refusal.message
            );
            report.error(&object, Reason::FormatUnsupported, refusal.field, message);
        }
    }
}
