//! `Channel`: where people are met, what may be said there and how the rules get there.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Cap, Owner, distinct_caps, is_false};
use crate::delivery::Delivery;
use crate::number::BasisPoints;
use crate::rules::{self, must_at};
use crate::text::{AttributeName, Locale, TimeZoneName};
use crate::time::{Instant, Span, TimeOfDay};

mod state;
mod touchpoint;

pub use state::{OnFailure, RedisState, State};
pub use touchpoint::{Campaign, Links, SlotFormat, Touchpoint, TouchpointBaseline, TouchpointSlot};

/// Where: touchpoints with their slots, who is met there, how often, and how the rules get there.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "Channel",
    plural = "channels",
    namespaced,
    doc = "Where people are met: touchpoints with their slots, how often, and how the rules get there.",
    status = "ChannelStatus",
    derive = "PartialEq",
    shortname = "attchan",
    category = "attune"
)]
#[x_kube(
    validation = must_at(
        "delivery.batch.touchpoints",
        "!has(self.delivery.batch) || !has(self.delivery.batch.touchpoints) \
         || self.delivery.batch.touchpoints.all(t, self.touchpoints.exists(x, x.name == t))",
        "let the batch decide only for touchpoints of this channel"
    ),
    validation = must_at(
        "state",
        "!has(self.state) || has(self.delivery.sidecar) || has(self.delivery.service)",
        "only deciders share a state: choose delivery `sidecar` or `service`, or leave `state` out"
    ),
    validation = must_at(
        "replay",
        "!has(self.replay) || has(self.delivery.sidecar) || has(self.delivery.service)",
        "only deciders keep decisions: choose delivery `sidecar` or `service`, or leave `replay` out"
    ),
    validation = must_at(
        "localeFallback",
        "!has(self.localeFallback) || self.localeFallback.all(l, self.localeFallback[l].all(f, has(self.locales) && f in self.locales))",
        "fall back on locales that `locales` lists"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ChannelSpec {
    /// Who answers for the channel.
    pub owner: Owner,
    /// What kind of channel it is.
    #[serde(rename = "type")]
    pub type_: ChannelType,
    /// Where a request says who it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Attributes that the channel's clients may supply; absent: all. Anything else in a request is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = rules::unique("list each attribute of the channel once"))]
    pub attributes: Option<Vec<ClientAttribute>>,
    /// Locales that the channel speaks; the first serves those who speak none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each locale of the channel once"))]
    pub locales: Vec<Locale>,
    /// What serves a locale that nothing is written in, in order, after what is more general than it (`de` for `de-AT`) and before
    /// words of no locale. The locale need not be listed and is then served as the first of those after it, which must be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::any_map::<64>)]
    pub locale_fallback: BTreeMap<Locale, Fallbacks>,
    /// Places where content is shown.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique_by("name", "give each touchpoint a name of its own"))]
    pub touchpoints: Vec<Touchpoint>,
    /// Labels of modules by which a page may ask for diversity; deciders know no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each label of the channel once"))]
    pub diversity: Vec<String>,
    /// How often a unit may be addressed on the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<Frequency>,
    /// When nobody is addressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// How unit ids are stored; absent: `Hashed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_ids: Option<UnitIds>,
    /// How much an answer says about itself; absent: `Reason` for `Web` and `App`, else `Full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataLevel>,
    /// Where the channel's deciders keep together what units were shown and did; absent: each keeps its own in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Which decisions are kept so that they can be explained later; with delivery `sidecar` and `service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// How the rules get to the channel.
    pub delivery: Delivery,
    /// Baselines everywhere while this is `true`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
}

impl ChannelSpec {
    /// How unit ids are stored.
    pub fn unit_ids(&self) -> UnitIds {
        self.unit_ids.unwrap_or(UnitIds::Hashed)
    }

    /// How much an answer says about itself: unless the channel says otherwise, a browser or an app is not told which
    /// audience it is in. A sidecar answers its own pod only.
    pub fn metadata(&self) -> MetadataLevel {
        let faces_people = matches!(self.type_, ChannelType::Web | ChannelType::App);
        let is_private = matches!(self.delivery, Delivery::Sidecar(_));
        self.metadata.unwrap_or(if faces_people && !is_private {
            MetadataLevel::Reason
        } else {
            MetadataLevel::Full
        })
    }
}

/// Locales that serve another one, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Fallbacks(#[schemars(length(min = 1, max = 8))] pub Vec<Locale>);

/// Kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ChannelType {
    /// Web pages.
    Web,
    /// Mobile and desktop applications.
    App,
    /// E-mail.
    Email,
    /// Push notifications.
    Push,
    /// Text messages.
    Sms,
    /// Advertising.
    Ads,
    /// A call centre's desktop.
    CallCentre,
    /// Shops and branches.
    InStore,
    /// Anything else.
    Other,
}

/// Where a request says who it is about: names of attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "fallback",
        "!has(self.fallback) || self.fallback != (has(self.unit) ? self.unit : 'targetingKey')",
        "let `fallback` name another attribute than `unit`"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Attribute with the unit's id; absent: `targetingKey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<AttributeName>,
    /// Attribute that goes before `unit` where it is present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<AttributeName>,
    /// Attribute with the purposes that were consented to; absent: only `service` is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<AttributeName>,
    /// Attribute with the language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<AttributeName>,
    /// Attribute with the time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<AttributeName>,
}

impl Identity {
    /// Attribute with the unit's id where none is named.
    pub const DEFAULT_UNIT: &str = "targetingKey";

    /// Attribute with the unit's id.
    pub fn unit(&self) -> &str {
        self.unit
            .as_ref()
            .map_or(Self::DEFAULT_UNIT, AttributeName::as_str)
    }
}

/// An attribute that clients may supply: a name, or all below a prefix (`session.*`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct ClientAttribute(
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}(\.\*)?$")
    )]
    String,
);

impl ClientAttribute {
    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it lets a client supply `attribute`.
    pub fn admits(&self, attribute: &str) -> bool {
        match self.0.strip_suffix(".*") {
            Some(prefix) => attribute
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('.')),
            None => self.0 == attribute,
        }
    }
}

impl<'de> Deserialize<'de> for ClientAttribute {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = text.strip_suffix(".*").unwrap_or(&text);
        name.parse::<AttributeName>().map_err(serde::de::Error::custom)?;
        Ok(Self(text))
    }
}

/// How often a unit may be addressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Frequency {
    /// At most so many in a window; all of them hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = distinct_caps())]
    pub caps: Vec<Cap>,
    /// Least time between two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_gap: Option<Span>,
}

/// When nobody is addressed; from a time of day until before another, over midnight where `to` is earlier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = must_at("to", "self.from != self.to", "let quiet hours end at another time than they begin"))]
#[serde(rename_all = "camelCase")]
pub struct QuietHours {
    /// First minute.
    pub from: TimeOfDay,
    /// First minute after.
    pub to: TimeOfDay,
    /// Zone for units whose own is not known; absent: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZoneName>,
}

/// How unit ids are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum UnitIds {
    /// As a keyed hash.
    Hashed,
    /// As they are.
    Plain,
}

/// How much an answer says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetadataLevel {
    /// Everything.
    Full,
    /// Reason, revision and decision id: for answers that a browser can read.
    Reason,
}

/// Which decisions are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// How long.
    pub retention: Span,
    /// Which share, in basis points; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_bp: Option<BasisPoints>,
}

/// What is known about a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the channel, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Where clients ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub endpoint: Option<String>,
    /// Revision that is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub revision: Option<String>,
    /// Rules that bindings list for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_rules: Option<i32>,
    /// Rules in that revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_rules: Option<i32>,
    /// Rules that are live and won somebody within seven days; absent until deciders have told of any decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_rules: Option<i32>,
    /// Deciders by state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deciders: Option<DeciderFigures>,
    /// The last delivery by `push` or `configMap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncFigures>,
    /// The last run of a batch that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchFigures>,
}

/// A run of a batch that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchFigures {
    /// Whether it came to its end: until it has, nobody sees any of its decisions.
    pub succeeded: bool,
    /// The pod that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub pod: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Instant>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    /// Revision that it decided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub revision: Option<String>,
    /// Units that it decided for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<i64>,
    /// Decisions: units times touchpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<i64>,
    /// Rows or lines that were no units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<i64>,
    /// Exposures that the collector has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposures: Option<i64>,
    /// Decisions that a holdout held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<i64>,
    /// Why it did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}

/// Deciders of a channel, by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeciderFigures {
    /// Pods that should have one.
    pub desired: i32,
    /// Pods that have one.
    pub injected: i32,
    /// Deciders with the published revision.
    pub current: i32,
    /// Deciders with an older one.
    pub stale: i32,
    /// Deciders without any.
    pub missing: i32,
}

/// A delivery to a receiver that runs no decider of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncFigures {
    /// Revision that the receiver acknowledged, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub revision: Option<String>,
    /// Hash of where and in which format that was: an acknowledgement of another receiver counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub target: Option<String>,
    /// When the receiver last acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Instant>,
    /// When the receiver was last found to have something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_drift: Option<Instant>,
    /// Attempts since the receiver last acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// HTTP status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_status: Option<i32>,
}
