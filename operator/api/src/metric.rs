//! `Metric`: how success is counted.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use crate::common::{Dimension, EventSelector, Owner};
use crate::delivery::SecretRef;
use crate::rules::{self, must_at};
use crate::time::{Instant, Span};

/// How success is counted: which events, in which window, which way is better.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "Metric",
    plural = "metrics",
    namespaced,
    doc = "How success is counted: which events, in which window, and which way is better.",
    status = "MetricStatus",
    derive = "PartialEq",
    shortname = "attmetric",
    category = "attune"
)]
#[x_kube(
    validation = must_at(
        "denominator",
        "self.type != 'Ratio' || has(self.denominator)",
        "a Ratio needs a denominator: add the events below the line"
    ),
    validation = must_at(
        "denominator",
        "self.type == 'Ratio' || !has(self.denominator)",
        "only a Ratio has a denominator: remove it or change the type"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct MetricSpec {
    /// Who answers for the metric.
    pub owner: Owner,
    /// Dimension of success.
    pub dimension: Dimension,
    /// How events become a figure a unit.
    #[serde(rename = "type")]
    pub type_: MetricType,
    /// Events that count; for a ratio, those above the line.
    pub event: EventSelector,
    /// For a ratio: events below the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denominator: Option<EventSelector>,
    /// What a value is counted in, for people: a currency (`EUR`), `items`, `minutes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub unit: Option<String>,
    /// How long after the first exposure events count.
    pub window: Span,
    /// Which way is better.
    pub direction: Direction,
    /// Where the figures come from; absent: the collector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<MetricSource>,
}

/// How events become a figure a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetricType {
    /// Whether there was at least one event.
    Proportion,
    /// The sum of values.
    Mean,
    /// The number of events.
    Count,
    /// Sum over sum.
    Ratio,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Direction {
    /// More is better.
    Increase,
    /// Less is better.
    Decrease,
}

/// Where the figures come from: exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MetricSource {
    /// Events that were sent to the collector.
    Collector(CollectorSource),
    /// Moments computed in PostgreSQL.
    Postgres(SqlSource),
    /// Moments computed in ClickHouse.
    ClickHouse(SqlSource),
    /// A threshold on a Prometheus query; it may stop an experiment and proves nothing.
    Prometheus(PrometheusSource),
}

/// The schema of [`MetricSource`].
#[derive(Serialize, KubeSchema)]
#[x_kube(
    validation = rules::exactly_one(
        &["collector", "postgres", "clickHouse", "prometheus"],
        "choose exactly one of collector, postgres, clickHouse and prometheus"
    )
)]
#[serde(rename_all = "camelCase")]
struct MetricSourceFields {
    /// Events that were sent to the collector.
    #[serde(default)]
    collector: Option<CollectorSource>,
    /// Moments computed in PostgreSQL.
    #[serde(default)]
    postgres: Option<SqlSource>,
    /// Moments computed in ClickHouse.
    #[serde(default)]
    click_house: Option<SqlSource>,
    /// A threshold on a Prometheus query; it may stop an experiment and proves nothing.
    #[serde(default)]
    prometheus: Option<PrometheusSource>,
}

impl JsonSchema for MetricSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MetricSource".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        MetricSourceFields::json_schema(generator)
    }
}

/// Events that were sent to the collector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CollectorSource {}

/// Moments computed in a database from a table of outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "exposures",
        "!has(self.exposures) || self.exposures != self.table",
        "exposures and outcomes are two tables: name another one"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SqlSource {
    /// Secret of the same namespace with the connection `uri`.
    pub secret_ref: SecretRef,
    /// Table of outcomes, with its schema where it is not the default.
    #[schemars(
        length(min = 1, max = 127),
        regex(pattern = r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$")
    )]
    pub table: String,
    /// Table of exposures in the same database, likewise; absent: `attune_exposures`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 127),
        regex(pattern = r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$")
    )]
    pub exposures: Option<String>,
}

impl SqlSource {
    /// The table of exposures where the source names none.
    pub const DEFAULT_EXPOSURES: &'static str = "attune_exposures";

    /// The table of exposures.
    pub fn exposures(&self) -> &str {
        self.exposures.as_deref().unwrap_or(Self::DEFAULT_EXPOSURES)
    }
}

/// A threshold on a Prometheus query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrometheusSource {
    /// Where Prometheus answers.
    #[schemars(length(min = 1, max = 2048), regex(pattern = r"^https?://[^/\s?#]+[^\s#]*$"))]
    pub url: String,
    /// Query that gives one number.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
    /// The number, as a decimal text, beyond which the experiment stops, in the direction that is worse.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^-?[0-9]+(\.[0-9]+)?$"))]
    pub threshold: String,
}

/// What is known about a metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the metric, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// When the last event came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<Instant>,
    /// Events an hour, over the last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_per_hour: Option<f64>,
}
