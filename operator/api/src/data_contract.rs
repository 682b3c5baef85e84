//! `DataContract`: what is known about a person or a session, where it comes from and what it may be used for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::Owner;
use crate::rules::{self, must_at};
use crate::text::{AttributeName, Purpose};
use crate::time::{Day, Instant, Span};

/// What is known: attributes with their type, source, sensitivity and purpose, and the audit behind them.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "DataContract",
    plural = "datacontracts",
    namespaced,
    doc = "What is known about a person or a session: attributes, where they come from and what they may be used for.",
    status = "DataContractStatus",
    derive = "PartialEq",
    shortname = "attdata",
    category = "attune"
)]
#[x_kube(
    validation = must_at(
        "audit.covers",
        "!has(self.audit) || !has(self.audit.covers) \
         || self.audit.covers.all(c, self.attributes.exists(a, a.name == c))",
        "let the audit cover only attributes of this contract"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct DataContractSpec {
    /// Who answers for the data.
    pub owner: Owner,
    /// Attributes that requests carry and expressions read.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(
        validation = rules::unique_by("name", "describe each attribute once"),
        validation = rules::must(
            "self.all(x, self.all(y, !y.name.startsWith(x.name + '.')))",
            "an attribute cannot be the parent of another: give it a name of its own below that parent"
        ),
        validation = rules::must(
            "self.all(x, !has(x.asOf) || self.exists(y, y.name == x.asOf && y.type == 'Timestamp'))",
            "let `asOf` name an attribute of this contract of type Timestamp"
        )
    )]
    pub attributes: Vec<Attribute>,
    /// The last audit of these attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// Day by which somebody looks at the contract again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<Day>,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "values",
        "!has(self.values) || self.values.size() == 0 || self.type in ['String', 'StringList']",
        "list values only for String and StringList"
    ),
    validation = must_at(
        "name",
        "self.name != 'now' && !self.name.startsWith('now.')",
        "`now` is the time of the decision: choose another name"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Its name in expressions and in requests.
    pub name: AttributeName,
    /// The type that decides how a value is read.
    #[serde(rename = "type")]
    pub type_: AttributeType,
    /// All values it takes; absent: any. Strings and lists of strings only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub values: Vec<String>,
    /// System it comes from.
    #[schemars(length(min = 1, max = 128))]
    pub source: String,
    /// What kind of signal it is; absent: `Profile` for `user.*`, `Context` for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// How carefully it must be used.
    pub sensitivity: Sensitivity,
    /// What it may be used for.
    pub purpose: Purpose,
    /// Age from which a value is stale; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
    /// Attribute of type `Timestamp` that says when the value was right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AttributeName>,
}

/// Type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AttributeType {
    /// Text.
    String,
    /// An integral number within 64 bits.
    Int,
    /// Any number.
    Double,
    /// True or false.
    Bool,
    /// An RFC 3339 text.
    Timestamp,
    /// A list of texts.
    StringList,
}

/// What kind of signal an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Signal {
    /// What is known about the person.
    Profile,
    /// What the person is about to do.
    Intent,
    /// Where and how the person is met.
    Context,
}

/// How carefully an attribute must be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Sensitivity {
    /// Says nothing about a person.
    None,
    /// Says something about a person.
    Personal,
    /// A special category, such as health or belief: needs explicit consent.
    Sensitive,
}

/// An audit of attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Audit {
    /// When it was made.
    pub at: Instant,
    /// Who made it.
    #[schemars(length(min = 1, max = 256))]
    pub by: String,
    /// How it ended.
    pub result: AuditResult,
    /// Where it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub evidence: Option<String>,
    /// Attributes that were audited; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each audited attribute once"))]
    pub covers: Option<Vec<AttributeName>>,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 512)))]
    pub findings: Option<Vec<String>>,
}

/// How an audit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AuditResult {
    /// The attributes may be built on.
    Passed,
    /// They may not.
    Failed,
}

/// What is known about a contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataContractStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the contract, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What deciders saw of each attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub attributes: Vec<AttributeFigures>,
}

/// What deciders saw of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttributeFigures {
    /// The attribute.
    pub name: AttributeName,
    /// Requests that deciders looked at for it, yesterday and today in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<i64>,
    /// Share of requests that carried it, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present_bp: Option<i32>,
    /// Requests in which it had another type than the contract says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_clashes: Option<i64>,
    /// Requests in which it had a value that the contract does not list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_values: Option<i64>,
    /// Median age of its values in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
}
