//! A Channel's own settings in a bundle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cap, QuietHours, is_false};

/// A Channel's settings that matter to a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChannelSettings {
    /// Where the context holds who is asking.
    pub identity: Identity,
    /// What clients of the Channel may supply; `None` allows every attribute. `session.*` allows a whole root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_attributes: Option<Vec<String>>,
    /// The Channel's locales; the first one serves whoever asks for none or for an unlisted one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locales: Vec<String>,
    /// Locales that serve another one, in order, after what is more general than it; one that is not listed is served as the first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub locale_fallback: BTreeMap<String, Vec<String>>,
    /// Labels by which a page may ask for diversity; modules carry no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diversity: Vec<String>,
    /// How much metadata an answer carries.
    pub metadata: Metadata,
    /// Whether the whole Channel serves baselines.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
    /// Frequency caps over everything that the Channel shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// Least time between two shows to one unit, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_gap_seconds: Option<i64>,
    /// When nothing is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Whether unit ids leave the decider as they are.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plain_unit_ids: bool,
    /// Which decisions are kept; `None` keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// How the deciders of the namespace agree on what units were shown and did; absent: each by its own memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SharedState>,
}

/// How deciders go by a memory that they share. Where it is, and what opens it, each finds beside itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SharedState {
    /// What is decided while the memory does not answer.
    pub on_failure: OnFailure,
    /// How long one decision waits for it, in milliseconds.
    pub timeout_millis: u32,
    /// How far back any rule of the namespace looks, on Channels that share it, in seconds; 0 where none does.
    pub window_seconds: i64,
}

/// What is decided while a shared memory does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OnFailure {
    /// By what the decider remembers itself.
    Open,
    /// Nothing that has a cap, a gap or a stop, or that asks for history.
    Closed,
}

impl ChannelSettings {
    /// Whether the Channel's clients may supply an attribute: its name is listed, or its root as `root.*`, or nothing is.
    pub fn supplies(&self, attribute: &str) -> bool {
        let covers = |entry: &String| match entry.strip_suffix(".*") {
            Some(root) => attribute
                .strip_prefix(root)
                .is_some_and(|rest| rest.starts_with('.')),
            None => entry == attribute,
        };
        self.client_attributes
            .as_ref()
            .is_none_or(|list| list.iter().any(covers))
    }
}

/// Paths into the context: one to three dotted segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Identity {
    /// The unit of randomization.
    pub unit: String,
    /// Used before `unit` where present, so that a visitor who logs in keeps the arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Which purposes the unit grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// The unit's locale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The unit's IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

impl Identity {
    /// Where OFREP's clients put the unit.
    pub const TARGETING_KEY: &str = "targetingKey";
}

/// Which decisions are kept, so that they can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replay {
    /// How long, in seconds.
    pub retention_seconds: i64,
    /// Those of which share of the units, of 10,000.
    pub sample_bp: u32,
}

/// How much metadata an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Metadata {
    /// Everything that applies.
    Full,
    /// Reason, revision and decision only: nothing that tells a browser which audience it is in.
    Reason,
}
