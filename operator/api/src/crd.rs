//! The definitions to install in a cluster.
//!
//! Names, rules and the status subresource come from the types; [`schema`] makes structural schemas of them that no
//! API server warns about, and [`columns`] says what `kubectl get` shows. `Program::crd()` and its like lack both.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceValidation,
};
use kube::CustomResourceExt;
use serde_json::Value;

use crate::kind::Kind;
use crate::{
    Audience, Channel, ChannelBinding, ContentModule, DataContract, Experiment, GovernancePolicy, Holdout,
    Metric, Program,
};

mod columns;
mod schema;
#[cfg(test)]
mod tests;

/// The definition of a kind.
pub fn crd(kind: Kind) -> CustomResourceDefinition {
    let (mut crd, schema) = match kind {
        Kind::Program => (Program::crd(), schema::structural::<Program>()),
        Kind::DataContract => (DataContract::crd(), schema::structural::<DataContract>()),
        Kind::Audience => (Audience::crd(), schema::structural::<Audience>()),
        Kind::ContentModule => (ContentModule::crd(), schema::structural::<ContentModule>()),
        Kind::Channel => (Channel::crd(), schema::structural::<Channel>()),
        Kind::ChannelBinding => (ChannelBinding::crd(), schema::structural::<ChannelBinding>()),
        Kind::Metric => (Metric::crd(), schema::structural::<Metric>()),
        Kind::Experiment => (Experiment::crd(), schema::structural::<Experiment>()),
        Kind::Holdout => (Holdout::crd(), schema::structural::<Holdout>()),
        Kind::GovernancePolicy => (GovernancePolicy::crd(), schema::structural::<GovernancePolicy>()),
    };
    for version in &mut crd.spec.versions {
        version.schema = Some(CustomResourceValidation {
            open_api_v3_schema: Some(schema.clone()),
        });
        version.additional_printer_columns = Some(columns::columns(kind));
        version.selectable_fields = columns::selectable(kind);
    }
    crd
}

/// The definitions of all kinds, in the order of [`Kind::ALL`].
pub fn crds() -> Vec<CustomResourceDefinition> {
    Kind::ALL.into_iter().map(crd).collect()
}

/// The definition of a kind as a YAML document, always the same to the byte.
pub fn crd_yaml(kind: Kind) -> String {
    let mut document = serde_json::to_value(crd(kind)).unwrap_or(Value::Null);
    write_whole_numbers(&mut document);
    let yaml = serde_yaml::to_string(&document).unwrap_or_default();
    format!("# Generated from the types of attune-api by `attune crds`. Do not edit.\n{yaml}")
}

/// Bounds are floats in the definition's own type; written as such they read as if fractions were meant.
fn write_whole_numbers(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(write_whole_numbers),
        Value::Array(items) => items.iter_mut().for_each(write_whole_numbers),
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().and_then(as_whole).filter(|_| number.is_f64()) {
                *number = whole.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it is checked to be a whole number within 53 bits"
)]
fn as_whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}
