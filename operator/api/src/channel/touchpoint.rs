//! Where content is shown, and in which form.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{LocalRef, is_false};
use crate::number::Whole;
use crate::rules::{self, must_at};
use crate::text::{ItemName, LinkScheme, ParameterName, ParameterValue, SlotName};

/// A place where content is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "links",
        "!has(self.links) || (has(self.slots) && self.slots.exists(s, has(s.format)))",
        "give a slot a `format` or remove `links`: content as written keeps its links as they are"
    )
)]
pub struct Touchpoint {
    /// Its name; clients ask for it.
    pub name: ItemName,
    /// What it shows, in which form, and how much fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique_by("name", "list each slot of a touchpoint once"))]
    pub slots: Vec<TouchpointSlot>,
    /// What links in slots with a format may be, and what they tell whoever they lead to; absent: `https` alone, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
    /// What it shows to those whom no binding addresses; absent: the client's own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<TouchpointBaseline>,
}

/// A slot as a touchpoint shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TouchpointSlot {
    /// Name of the slot.
    pub name: SlotName,
    /// What clients get; absent: the content as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<SlotFormat>,
    /// Most characters (code points) that fit, as a person sees them: of `Html` without markup; absent: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<Whole<1, 65_536>>,
    /// Whether the touchpoint is broken without it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
}

/// The form in which a slot reaches clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SlotFormat {
    /// Plain text: of Markdown what it says, with addresses behind the words that link to them.
    Text,
    /// HTML that may stand in a page as it is: of Markdown its elements, of anything else its characters.
    Html,
    /// An absolute or rooted URL.
    Url,
}

impl SlotFormat {
    /// As it is written on a resource.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Html => "Html",
            Self::Url => "Url",
        }
    }
}

/// Links of a touchpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "schemes",
        "!has(self.schemes) || self.schemes.all(s, !(s in ['javascript', 'vbscript', 'data', 'blob', 'file', 'filesystem']))",
        "list only schemes that lead somewhere: a script, inline data or a file is no link"
    )
)]
pub struct Links {
    /// Schemes that a link may have besides `https`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each scheme of a touchpoint's links once"))]
    pub schemes: Vec<LinkScheme>,
    /// Query parameters that links of the web are given; a link that has one keeps its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique_by("name", "give each parameter of a touchpoint's links once"))]
    pub campaign: Vec<Campaign>,
}

/// A query parameter that links are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Campaign {
    /// Its name, such as `utm_source`.
    pub name: ParameterName,
    /// Its value. `{channel}`, `{touchpoint}`, `{program}`, `{binding}`, `{module}` and `{variant}` stand for names. A baseline has no
    /// program and no binding: a parameter that names one is left out there.
    pub value: ParameterValue,
}

/// What a touchpoint shows when nothing else does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TouchpointBaseline {
    /// Module whose baseline is shown.
    pub module_ref: LocalRef,
}
