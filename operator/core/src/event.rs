//! The events that measurement rests on: who was exposed to what, what they did afterwards, and which ids are one unit.
//!
//! All are [`CloudEvents` 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md) in
//! JSON. [`Event::from_json`] reads one in structured mode, [`parse_batch`] a batch; binary mode is the business of the
//! HTTP layer, which puts the headers and the body together and calls [`Event::from_value`].
//!
//! Parsing is strict where a mistake would silently distort a measurement: a `data` field that this version does not
//! know is refused with a suggestion, because a misspelt `experiment` is an exposure that never counts. The envelope
//! follows the `CloudEvents` rules instead: extension attributes are allowed and ignored. A collector is therefore
//! upgraded before the deciders that report to it.
//!
//! ```
//! use attune_core::event::{Event, EventData};
//!
//! let event = Event::from_json(br#"{
//!     "specversion": "1.0", "type": "dev.attune.outcome.v1", "id": "order-4711", "source": "/shop/checkout",
//!     "time": "2026-12-01T00:00:00Z", "data": {"unit": "u1", "event": "purchase", "value": 12.5}
//! }"#)?;
//! assert!(matches!(event.data, EventData::Outcome(outcome) if outcome.value == Some(12.5)));
//! # Ok::<(), attune_core::event::EventError>(())
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::replay::Inputs;

mod error;
mod fields;
mod parse;
#[cfg(test)]
mod tests;

pub use error::{BatchError, EventError, RefusedEvent};
pub use parse::parse_batch;

/// The `CloudEvents` type of an [`Exposure`].
pub const EXPOSURE_TYPE: &str = "dev.attune.exposure.v1";
/// The `CloudEvents` type of an [`Outcome`].
pub const OUTCOME_TYPE: &str = "dev.attune.outcome.v1";
/// The `CloudEvents` type of an [`Alias`].
pub const ALIAS_TYPE: &str = "dev.attune.alias.v1";
/// The `CloudEvents` type of a [`Decided`].
pub const DECISION_TYPE: &str = "dev.attune.decision.v1";

/// Longest `id` of an event, in bytes.
pub const MAX_ID_BYTES: usize = 256;
/// Longest `source` of an event, in bytes.
pub const MAX_SOURCE_BYTES: usize = 1024;
/// Longest unit, in bytes.
pub const MAX_UNIT_BYTES: usize = 512;
/// Longest namespace, in bytes (an RFC 1123 label).
pub const MAX_NAMESPACE_BYTES: usize = 63;
/// Longest name of a resource, an arm or an outcome, in bytes (an RFC 1123 subdomain).
pub const MAX_NAME_BYTES: usize = 253;
/// Longest `<module>/<variant>`, in bytes.
pub const MAX_VARIANT_BYTES: usize = 2 * MAX_NAME_BYTES + 1;
/// Longest revision or decision id, in bytes.
pub const MAX_TOKEN_BYTES: usize = 128;
/// Most properties of one outcome.
pub const MAX_PROPERTIES: usize = 64;
/// Longest name of a property, in bytes.
pub const MAX_PROPERTY_NAME_BYTES: usize = 128;
/// Longest text of a property, in bytes.
pub const MAX_PROPERTY_TEXT_BYTES: usize = 1024;
/// Most entries of a property that is a list.
pub const MAX_PROPERTY_ENTRIES: usize = 64;
/// Most bytes that the names and texts of one outcome's properties may have together.
pub const MAX_PROPERTIES_BYTES: usize = 8 * 1024;
/// Largest magnitude of a number: squares and products of squares of it stay far inside a double, so that no sum of
/// them can overflow into a figure that is none.
pub const MAX_NUMBER: f64 = 1e18;
/// Largest [`Inputs`] of a decision that is kept, in bytes of JSON.
pub const MAX_INPUTS_BYTES: usize = 16 * 1024;

/// One event as the collector takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Unique within the source: the same id again is the same event again.
    pub id: String,
    /// Who sent it.
    pub source: String,
    /// When it happened, not when it was sent.
    pub time: Timestamp,
    /// The namespace that the event claims for itself, from `data.namespace`.
    pub namespace: Option<String>,
    /// What happened.
    pub data: EventData,
}

/// What an [`Event`] reports.
#[derive(Debug, Clone, PartialEq)]
pub enum EventData {
    /// A unit was shown something, or would have been if it were not held out.
    Exposure(Exposure),
    /// A unit did something.
    Outcome(Outcome),
    /// Two ids turned out to be one unit.
    Alias(Alias),
    /// A decision is to be kept, so that it can be explained later.
    Decision(Box<Decided>),
}

/// Whether an event can carry a unit's id: 1 to [`MAX_UNIT_BYTES`] bytes without control characters.
pub fn is_unit(text: &str) -> bool {
    (1..=MAX_UNIT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl EventData {
    /// The `CloudEvents` type.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Exposure(_) => EXPOSURE_TYPE,
            Self::Outcome(_) => OUTCOME_TYPE,
            Self::Alias(_) => ALIAS_TYPE,
            Self::Decision(_) => DECISION_TYPE,
        }
    }

    /// Whom the event is about.
    pub fn unit(&self) -> &str {
        match self {
            Self::Exposure(exposure) => &exposure.unit,
            Self::Outcome(outcome) => &outcome.unit,
            Self::Alias(alias) => &alias.unit,
            Self::Decision(decided) => &decided.unit,
        }
    }
}

/// That a unit was shown a variant at a touchpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// Whom; the same text that the arms are assigned by.
    pub unit: String,
    /// The decision's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Name of the Channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Name of the touchpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// Name of the `ChannelBinding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// `<module>/<variant>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The bundle that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The experiment, its phase and the unit's arm in it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<Enrolment>,
    /// The holdout that was tested, and whether it held the unit back.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<HoldoutTest>,
}

/// A unit's place in an experiment, as an exposure carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enrolment {
    /// Name of the Experiment.
    pub experiment: String,
    /// The experiment's phase, 1 when the event does not say.
    pub phase: i32,
    /// Name of the arm.
    pub arm: String,
}

/// The outcome of a holdout's test, as an exposure carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldoutTest {
    /// Name of the Holdout.
    #[serde(rename = "holdout")]
    pub name: String,
    /// Whether the unit was held out: it would have been personalized here.
    pub held: bool,
}

/// That a unit did something.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Who; joined with exposures by this text.
    pub unit: String,
    /// What, as Metrics name it.
    pub event: String,
    /// How much, in the metric's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// More about it, for conditions and values of Metrics.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Property>,
}

/// That another id is the unit's too: whoever was a fallback id (a device, a session) signed in.
///
/// Whatever either id saw or did, before and after, is what the one unit saw and did. An id that names two units joins
/// them, so aliases are for ids that belong to one person, never for a shared device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alias {
    /// The id that is known.
    pub unit: String,
    /// The id that stood for the unit until now.
    pub alias: String,
}

/// That a decision was made; the event's id is the decision's.
///
/// What it came out as is there to be listed; the inputs are there to make it again.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// For whom.
    pub unit: String,
    /// Name of the Channel.
    pub channel: String,
    /// Name of the touchpoint.
    pub touchpoint: String,
    /// The bundle that decided.
    pub revision: String,
    /// Why it came out like this, as answers spell it.
    pub reason: String,
    /// `<module>/<variant>`; absent where the client's own default served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Name of the `ChannelBinding` that won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// Name of the Audience that it won with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// How long it is to be kept, in seconds.
    pub retention_seconds: i32,
    /// What it depended on.
    pub inputs: Inputs,
}

/// The value of one property.
#[derive(Debug, Clone, PartialEq)]
pub enum Property {
    /// A boolean.
    Bool(bool),
    /// A number written without fraction and exponent.
    Int(i64),
    /// Any other number; finite.
    Double(f64),
    /// A text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

// === impl Property ===

impl Serialize for Property {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Double(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(value) => value.serialize(serializer),
        }
    }
}

// === impl Event ===

/// The `data` of an event with the namespace beside its fields.
#[derive(Serialize)]
struct NamespacedData<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(flatten)]
    data: &'a T,
}

impl Serialize for Event {
    /// Writes the structured mode; a list of events is a batch.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let namespace = self.namespace.as_deref();
        let mut map = serializer.serialize_map(Some(7))?;
        map.serialize_entry("specversion", "1.0")?;
        map.serialize_entry("type", self.data.type_name())?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("datacontenttype", "application/json")?;
        match &self.data {
            EventData::Exposure(data) => map.serialize_entry("data", &NamespacedData { namespace, data })?,
            EventData::Outcome(data) => map.serialize_entry("data", &NamespacedData { namespace, data })?,
            EventData::Alias(data) => map.serialize_entry("data", &NamespacedData { namespace, data })?,
            EventData::Decision(data) => map.serialize_entry("data", &NamespacedData { namespace, data })?,
        }
        map.end()
    }
}
