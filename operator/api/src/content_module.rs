//! `ContentModule`: what is said, as a constant core and variants by audience, channel and locale.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Owner, Validity, is_false};
use crate::rules::{self, must_at};
use crate::text::{ItemName, Locale, ObjectName, SlotName, Tactic};
use crate::time::Instant;

/// Values of slots.
pub type Content = BTreeMap<SlotName, String>;

/// With what: slots, what they hold for everybody, and variants for somebody.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "ContentModule",
    plural = "contentmodules",
    namespaced,
    doc = "What is said: slots with a constant core, and variants by audience, channel and locale.",
    status = "ContentModuleStatus",
    derive = "PartialEq",
    shortname = "attmod",
    category = "attune"
)]
#[x_kube(
    validation = must_at(
        "baseline",
        "self.variants.exists(v, v.name == self.baseline)",
        "name one of the variants as the baseline"
    ),
    validation = must_at(
        "baseline",
        "self.variants.all(v, v.name != self.baseline || (!has(v.validity) && (!has(v.audiences) || v.audiences.size() == 0) \
         && (!has(v.channels) || v.channels.size() == 0) && (!has(v.locales) || v.locales.size() == 0)))",
        "the baseline is for everybody, always: remove its audiences, channels, locales and validity"
    ),
    validation = must_at(
        "core",
        "!has(self.core) || self.core.all(k, self.slots.exists(s, s.name == k))",
        "set only slots that `slots` lists"
    ),
    validation = must_at(
        "localizedCore",
        "!has(self.localizedCore) || self.localizedCore.all(l, self.localizedCore[l].all(k, has(self.core) && k in self.core))",
        "give each slot of `localizedCore` a value in `core` too, for the other locales"
    ),
    validation = must_at(
        "variants",
        "self.variants.all(v, !has(v.content) || v.content.all(k, self.slots.exists(s, s.name == k)))",
        "set only slots that `slots` lists in a variant"
    ),
    validation = must_at(
        "variants",
        "!has(self.core) || self.variants.all(v, !has(v.content) || v.content.all(k, !(k in self.core)))",
        "a variant may not set a slot of the core: remove the slot from the variant or from `core`"
    ),
    validation = must_at(
        "variants",
        "self.slots.all(s, !has(s.required) || !s.required || (has(self.core) && s.name in self.core) \
         || self.variants.all(v, has(v.content) && s.name in v.content))",
        "fill each required slot in `core` or in every variant"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ContentModuleSpec {
    /// Who answers for the content.
    pub owner: Owner,
    /// Labels of the content, for reports and rules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::text_map::<32, 256>)]
    pub labels: BTreeMap<String, String>,
    /// What the content consists of.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique_by("name", "give each slot a name of its own"))]
    pub slots: Vec<Slot>,
    /// The constant part, in every variant; a variant may not set these slots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::text_map::<32, 8192>)]
    pub core: Content,
    /// The constant part by locale, in place of `core`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::any_map::<64>)]
    pub localized_core: BTreeMap<Locale, LocalizedContent>,
    /// Name of the variant that is for everybody.
    pub baseline: ItemName,
    /// The versions, in the order that decides between equally specific ones.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique_by("name", "give each variant a name of its own"))]
    pub variants: Vec<Variant>,
    /// Only the baseline variant is served while this is `true`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
}

/// Values of slots in one locale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LocalizedContent(#[schemars(transform = rules::text_map::<32, 8192>)] pub Content);

/// A part of the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slot {
    /// Its name; a key of the decision's value.
    pub name: SlotName,
    /// What it holds.
    #[serde(rename = "type")]
    pub type_: SlotType,
    /// Whether the core or every variant must fill it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SlotType {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// An absolute or rooted URL.
    Url,
}

/// A version of the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Variant {
    /// Its name within the module.
    pub name: ItemName,
    /// Audiences it is written for; absent: everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = rules::unique("list each audience of a variant once"))]
    pub audiences: Vec<ObjectName>,
    /// Channels it is written for; absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = rules::unique("list each channel of a variant once"))]
    pub channels: Vec<ObjectName>,
    /// Locales it is written in; absent: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = rules::unique("list each locale of a variant once"))]
    pub locales: Vec<Locale>,
    /// Values of the slots that the core does not set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::text_map::<32, 8192>)]
    pub content: Content,
    /// When it may be served; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Validity>,
    /// Who wrote it; absent: `Authored`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Tactics of persuasion that it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(validation = rules::unique("list each tactic of a variant once"))]
    pub tactics: Vec<Tactic>,
}

impl Variant {
    /// Who wrote it.
    pub fn origin(&self) -> Origin {
        self.origin.unwrap_or(Origin::Authored)
    }
}

/// Who wrote a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Origin {
    /// A person.
    Authored,
    /// A model; it is never served without an approval.
    Generated,
}

/// That somebody approved a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Who.
    #[schemars(length(min = 1, max = 256))]
    pub by: String,
    /// When.
    pub at: Instant,
    /// Hash of what was approved, `sha256:` and 64 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71), regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub content_hash: Option<String>,
}

/// What is known about a module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentModuleStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the module, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Variants by state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variants: Option<VariantFigures>,
    /// Touchpoints that show the module, as `<channel>/<touchpoint>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub touchpoints: Vec<String>,
}

/// Variants of a module, by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariantFigures {
    /// In bundles and within their validity.
    pub live: i32,
    /// Past their validity.
    pub expired: i32,
    /// Without the approval that they need.
    pub unapproved: i32,
}
