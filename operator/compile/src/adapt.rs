//! Words in the form that a touchpoint asks for.
//!
//! Content is written once, in the type of its slot; a touchpoint's slot may name a format, and what does not fit it safely is
//! refused. This happens when a bundle is made, so that every way of delivery has the same words. Without a format content
//! stays as it was written, byte for byte.

use attune_api::channel::{SlotFormat, Touchpoint, TouchpointSlot};
use attune_api::conditions::Reason;
use attune_api::content_module::SlotType;

mod characters;
mod error;
mod html;
mod links;
mod markdown;
#[cfg(test)]
mod tests;

pub(crate) use error::AdaptError;
pub(crate) use html::visible;
use links::LinkRules;

/// Where words are shown, and for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The Channel's name.
    pub channel: &'a str,
    /// The touchpoint.
    pub touchpoint: &'a Touchpoint,
    /// The binding that leads there; `None` for a baseline.
    pub binding: Option<Bound<'a>>,
}

/// A binding by its name, and its program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub binding: &'a str,
    pub program: &'a str,
}

/// Whose words they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author<'a> {
    pub module: &'a str,
    /// `None` for what is the same in every variant.
    pub variant: Option<&'a str>,
}

/// Words in their form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adapted {
    /// What clients get.
    pub text: String,
    /// How many code points of it a person sees.
    pub length: usize,
}

impl Place<'_> {
    /// Whether anything here is in another form than it was written in.
    pub(crate) fn is_adapted(&self) -> bool {
        self.touchpoint.slots.iter().any(|slot| slot.format.is_some())
    }

    /// The slot of the touchpoint by this name, where it has a format.
    pub(crate) fn format(&self, slot: &str) -> Option<SlotFormat> {
        let mut slots = self.touchpoint.slots.iter();
        slots.find(|known| known.name == slot)?.format
    }

    /// Whether links here tell something by this name (`binding`, `variant`).
    pub(crate) fn tells(&self, placeholder: &str) -> bool {
        let links = self.touchpoint.links.iter();
        let mut campaign = links.flat_map(|links| &links.campaign);
        campaign.any(|parameter| parameter.value.names(placeholder))
    }

    /// Words of a type as a slot with this format shows them.
    ///
    /// # Errors
    /// When they have no such form, or none that is safe.
    pub(crate) fn adapt(
        &self,
        (type_, format): (SlotType, SlotFormat),
        text: &str,
        author: Author<'_>,
    ) -> Result<Adapted, AdaptError> {
        if text.is_empty() {
            return Ok(Adapted::as_written(text));
        }
        let links = LinkRules::new(self, author);
        characters::check(text)?;
        match (type_, format) {
            (SlotType::Text, SlotFormat::Text) => {
                characters::check_markers(text)?;
                Ok(Adapted::plain(text.to_owned()))
            }
            (SlotType::Text, SlotFormat::Html) => Ok(Adapted {
                text: html::of_text(text),
                length: text.chars().count(),
            }),
            (SlotType::Markdown, SlotFormat::Text) => {
                let text = markdown::plain(&markdown::read(text, &links)?, true);
                characters::check(&text)?;
                characters::check_markers(&text)?;
                Ok(Adapted::plain(text))
            }
            (SlotType::Markdown, SlotFormat::Html) => {
                let events = markdown::read(text, &links)?;
                let seen = markdown::plain(&events, false);
                characters::check(&seen)?;
                Ok(Adapted {
                    text: html::of_events(events),
                    length: seen.chars().count(),
                })
            }
            (SlotType::Url, SlotFormat::Html) => {
                let url = links.adapt(text)?;
                Ok(Adapted {
                    text: html::of_text(&url),
                    length: url.chars().count(),
                })
            }
            (SlotType::Url, SlotFormat::Text | SlotFormat::Url) => {
                let url = links.adapt(text)?;
                characters::check_markers(&url)?;
                Ok(Adapted::plain(url))
            }
            (SlotType::Text | SlotType::Markdown, SlotFormat::Url) => Err(AdaptError::NoUrl { type_ }),
        }
    }
}

impl Adapted {
    /// Words of which a person sees every character.
    fn plain(text: String) -> Self {
        Self {
            length: text.chars().count(),
            text,
        }
    }

    /// Words as they were written.
    pub(crate) fn as_written(text: &str) -> Self {
        Self::plain(text.to_owned())
    }
}

/// The value of a touchpoint's slot in the form that it asks for.
///
/// # Errors
/// As [`Place::adapt`].
pub(crate) fn adapt_slot(
    place: &Place<'_>,
    slot: &TouchpointSlot,
    (type_, text): (SlotType, &str),
    author: Author<'_>,
) -> Result<Adapted, AdaptError> {
    match slot.format {
        None => Ok(Adapted::as_written(text)),
        Some(format) => place.adapt((type_, format), text, author),
    }
}

impl AdaptError {
    /// The reason of a finding about it.
    pub(crate) const fn reason(&self) -> Reason {
        match self {
            Self::NoUrl { .. } => Reason::SlotContract,
            _ => Reason::UnsafeContent,
        }
    }
}
