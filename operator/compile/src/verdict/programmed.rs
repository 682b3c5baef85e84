//! Whether Channels and bindings are published, and in which form.

use attune_api::conditions::{ConditionType, Reason};
use attune_api::labels::bundle_config_map;

use super::{Judge, MAX_MESSAGE, Programmed, message};
use crate::finding::{ObjectId, Severity, condition_of};

impl Judge<'_> {
    pub(super) fn channel_programmed(&self, id: &ObjectId) -> Programmed {
        if let Some(held) = self.held(&id.name) {
            return held;
        }
        match self.channels.get(&id.name) {
            Some(publication) if self.report.is_usable(id) => Programmed::Live {
                channel: id.name.clone(),
                revision: publication.revision.clone(),
                note: self.note(id),
            },
            Some(_) => Programmed::Previous {
                message: self.why(id),
            },
            None => Programmed::Not {
                message: self.why(id),
            },
        }
    }

    pub(super) fn binding_programmed(&self, id: &ObjectId) -> Programmed {
        let binding = self.model.snapshot.bindings.get(&id.name);
        let channel = binding
            .map(|binding| binding.spec.channel_ref.name.as_str().to_owned())
            .unwrap_or_default();
        if let Some(held) = self.held(&channel) {
            return held;
        }
        let publication = self.channels.get(&channel);
        let published = publication.filter(|publication| publication.bundle.bindings.contains_key(&id.name));
        match published {
            Some(publication) if self.report.is_sound(id) => Programmed::Live {
                channel,
                revision: publication.revision.clone(),
                note: self.note(id),
            },
            Some(_) if self.was_published(&channel, &id.name) => Programmed::Previous {
                message: self.why(id),
            },
            _ if publication.is_some() && self.report.is_sound(id) => Programmed::Not {
                message: "nothing of it is left after what policies stop: see the findings about its audiences, rules and \
                          modules"
                    .to_owned(),
            },
            _ => Programmed::Not {
                message: self.why(id),
            },
        }
    }

    /// Whether the last form of a Channel stands and cannot be read, so that nothing is published over it.
    fn held(&self, channel: &str) -> Option<Programmed> {
        let why = self.previous.unreadable(channel)?;
        let config_map = bundle_config_map(channel);
        let message = format!(
            "the last published bundle, ConfigMap `{config_map}`, cannot be read: {why}; restore it, or delete it to \
             publish without what it carries"
        );
        let message = message.chars().take(MAX_MESSAGE).collect();
        Some(Programmed::Held { message })
    }

    fn was_published(&self, channel: &str, binding: &str) -> bool {
        self.previous
            .get(channel)
            .is_some_and(|bundle| bundle.bindings.contains_key(binding))
    }

    /// What of it is served otherwise than written, where a policy stops a part of it or a format cannot carry it.
    fn note(&self, id: &ObjectId) -> Option<(Reason, String)> {
        let errors = self.report.about(id).filter(|finding| {
            let is_part = condition_of(finding.reason) == ConditionType::Programmed;
            finding.severity == Severity::Error && is_part
        });
        let errors: Vec<_> = errors.collect();
        Some((errors.first()?.reason, message(&errors)))
    }

    fn why(&self, id: &ObjectId) -> String {
        let errors: Vec<_> = self
            .report
            .about(id)
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        message(&errors)
    }
}
