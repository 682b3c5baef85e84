//! Why words have no safe form.

use attune_api::content_module::SlotType;

/// How much of what somebody wrote is quoted, in characters.
const QUOTED: usize = 48;

/// Why words cannot be shown in a format, as what a variant has in a slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdaptError {
    #[error("has {} where an address is shown", name(*.type_))]
    NoUrl { type_: SlotType },
    #[error("has the invisible character U+{:04X}", u32::from(*.character))]
    Control { character: char },
    #[error("changes the direction of writing by U+{:04X}", u32::from(*.character))]
    Direction { character: char },
    #[error("has the template marker `{marker}`")]
    Marker { marker: &'static str },
    #[error("has the HTML `{html}` in its Markdown")]
    RawHtml { html: String },
    #[error("has a link with the scheme `{scheme}`")]
    Scheme { scheme: String },
    #[error("has the link `{url}`, which is neither absolute nor rooted")]
    Relative { url: String },
    #[error("has the link `{url}`, which is no address")]
    Malformed { url: String },
    #[error("has the link `{url}`, which names a user in front of its host")]
    UserInfo { url: String },
}

impl AdaptError {
    /// What to do about it.
    pub(crate) const fn remedy(&self) -> &'static str {
        match self {
            Self::NoUrl { .. } => {
                "make it a slot of type `Url`, or give the touchpoint's slot another format"
            }
            Self::Control { .. } => "remove it",
            Self::Direction { .. } => {
                "remove it, or close each isolate (U+2066 to U+2068) that is opened by U+2069"
            }
            Self::Marker { .. } => {
                "say it otherwise, or remove the touchpoint's format to show it as written"
            }
            Self::RawHtml { .. } => "say it in Markdown, or put it into a code span",
            Self::Scheme { .. } => {
                "link with `https`, or list the scheme in `links.schemes` of the touchpoint where it leads somewhere"
            }
            Self::Relative { .. } => "begin it with `https://` or `/`",
            Self::Malformed { .. } => "write it as a browser shows it, blanks and quotes as `%20` and `%22`",
            Self::UserInfo { .. } => "remove what stands in front of `@`",
        }
    }
}

fn name(type_: SlotType) -> &'static str {
    match type_ {
        SlotType::Text => "text",
        SlotType::Markdown => "Markdown",
        SlotType::Url => "a URL",
    }
}

/// What somebody wrote, on one line and not longer than it takes to find it.
pub(super) fn quoted(text: &str) -> String {
    let line = text.trim();
    let mut quoted: String = line
        .chars()
        .take(QUOTED)
        .map(|character| {
            if character.is_control() || character.is_whitespace() || character == '`' {
                ' '
            } else {
                character
            }
        })
        .collect();
    if line.chars().count() > QUOTED {
        quoted.push('…');
    }
    quoted
}
