//! What several kinds share.

use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::Whole;
use crate::rules;
use crate::text::{EventName, Expression, GroupName, ObjectName, PropertyName};
use crate::time::{Instant, Span};

/// Who answers for a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// Group that owns it, as the governance policy lists it.
    pub group: GroupName,
    /// How to reach the group: an address, a channel or a link.
    #[schemars(length(min = 1, max = 256))]
    pub contact: String,
}

/// A reference to another resource of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct LocalRef {
    /// Name of the resource, in the same namespace.
    pub name: ObjectName,
}

/// At most so many in a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cap {
    /// Whom the count is kept for.
    pub per: CapScope,
    /// The most that one unit may see in the window.
    pub max: Whole<1, 1_000_000>,
    /// Length of the sliding window.
    pub window: Span,
}

/// Which shows to one unit a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CapScope {
    /// Shows of whatever declares the cap: the binding's, or the channel's.
    Unit,
    /// Shows of the same module.
    Module,
    /// Shows of the same program.
    Program,
    /// Shows on the channel.
    Channel,
}

/// Which outcome events count, and what of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventSelector {
    /// Name of the event.
    pub name: EventName,
    /// Property that holds the value; absent: the event's own `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<PropertyName>,
    /// CEL over `value` and `properties.*`; absent: every event of that name.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Expression>,
}

/// From an instant until before another; an open end is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = rules::before("from", "until", "let the validity end after it begins"))]
pub struct Validity {
    /// First instant that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// First instant that does not belong to it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
}

/// From an instant until before another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = rules::must_at("until", "self.from < self.until", "let the period end after it begins"))]
pub struct Period {
    /// First instant that belongs to it.
    pub from: Instant,
    /// First instant that does not belong to it any more.
    pub until: Instant,
}

/// Dimension of success that a metric belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Dimension {
    /// Quality of engagement.
    Engagement,
    /// The relationship with the person.
    Relationship,
    /// What the business earns.
    Business,
    /// Whether the journey fits together.
    Coherence,
    /// Consent, law and the organisation's own rules.
    Compliance,
}

/// Caps of one resource differ in window or in whom they count for.
pub(crate) fn distinct_caps() -> Rule {
    rules::unique_where(
        "y.per == x.per && y.window == x.window",
        "keep one cap for each window",
    )
}

/// Skips what is `false` when writing.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}
