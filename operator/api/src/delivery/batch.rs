//! Decisions are made in bulk on a schedule, from a table or file to another.

use std::borrow::Cow;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::push::SecretRef;
use super::{ItemName, ObjectName, TimeZoneName};
use crate::rules;

/// Decisions are made in bulk on a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::must(
    "!has(self.source.volume) || !has(self.sink.volume) || \
     self.source.volume.claimName != self.sink.volume.claimName || self.source.volume.path != self.sink.volume.path",
    "give the decisions another path than the units have",
))]
pub struct BatchDelivery {
    /// When, as cron's five fields (`0 4 * * *`).
    #[schemars(length(min = 9, max = 128), regex(pattern = r"^\S+( \S+){4}$"))]
    pub schedule: String,
    /// Zone of the schedule; absent: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZoneName>,
    /// Touchpoints to decide for; absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::unique("list each touchpoint of the batch once"))]
    pub touchpoints: Vec<ItemName>,
    /// Where the units come from.
    pub source: BatchSource,
    /// Where the decisions go.
    pub sink: BatchSink,
}

/// One end of a batch: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BatchEnd {
    /// A table of PostgreSQL.
    Postgres(BatchTable),
    /// A file on a volume.
    Volume(BatchVolume),
}

/// Where the units of a batch come from.
pub type BatchSource = BatchEnd;
/// Where the decisions of a batch go.
pub type BatchSink = BatchEnd;

/// The schema of [`BatchEnd`].
#[derive(Serialize, KubeSchema)]
#[x_kube(validation = rules::exactly_one(&["postgres", "volume"], "choose exactly one of postgres and volume"))]
struct BatchEndFields {
    /// A table of PostgreSQL.
    #[serde(default)]
    postgres: Option<BatchTable>,
    /// A file on a volume.
    #[serde(default)]
    volume: Option<BatchVolume>,
}

impl JsonSchema for BatchEnd {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "BatchEnd".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BatchEndFields::json_schema(generator)
    }
}

/// A table of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchTable {
    /// Secret with the connection `uri`.
    pub secret_ref: SecretRef,
    /// The table, with its schema where it is not `public`.
    #[schemars(
        length(min = 1, max = 127),
        regex(pattern = r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$")
    )]
    pub table: String,
}

/// A file on a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchVolume {
    /// PersistentVolumeClaim of the channel's namespace.
    pub claim_name: ObjectName,
    /// Path within the volume.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[^/\s][^\s]*$"))]
    pub path: String,
    /// How the file is written; absent: by its extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<BatchFormat>,
}

/// How a file of units or decisions is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum BatchFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}
