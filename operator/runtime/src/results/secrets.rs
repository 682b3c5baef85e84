//! Credentials of the sources that a question names, from Secrets of its namespace.
//!
//! They go from the API server to the collector and stay nowhere: not in status, not in logs, not in an error.

use std::collections::{BTreeMap, BTreeSet};

use attune_core::measure::{Question, Source};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use serde::Serialize;
use tracing::warn;

/// What one Secret holds, as the collector reads it.
#[derive(Serialize)]
struct Credential {
    uri: String,
    #[serde(rename = "ca.crt", skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
}

/// A question with what opens its sources beside it.
#[derive(Serialize)]
pub(super) struct Opened<'q> {
    #[serde(flatten)]
    question: &'q Question,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    credentials: BTreeMap<String, Credential>,
}

impl<'q> Opened<'q> {
    /// Reads the Secrets that the question's sources name. One that is not there, or may not be read, is left out: the
    /// collector then says which metric has no figures for want of it.
    pub(super) async fn read(client: &Client, question: &'q Question) -> Self {
        let names: BTreeSet<&str> = question
            .metrics
            .iter()
            .filter_map(|metric| metric.source.as_ref())
            .map(|Source::Postgres(tables)| tables.secret.as_str())
            .collect();
        let api: Api<Secret> = Api::namespaced(client.clone(), &question.namespace);
        let mut credentials = BTreeMap::new();
        for name in names {
            match api.get_opt(name).await {
                Ok(Some(secret)) => {
                    let credential = read(&secret);
                    credentials.extend(credential.map(|credential| (name.to_owned(), credential)));
                }
                Ok(None) => {}
                Err(error) => warn!(
                    namespace = question.namespace,
                    secret = name,
                    error = &error as &dyn std::error::Error,
                    "a metric's Secret cannot be read; the chart's `rbac.metricSecrets` allows it"
                ),
            }
        }
        Self {
            question,
            credentials,
        }
    }
}

fn read(secret: &Secret) -> Option<Credential> {
    let text = |key: &str| {
        let bytes = secret.data.as_ref()?.get(key)?;
        String::from_utf8(bytes.0.clone()).ok()
    };
    Some(Credential {
        uri: text("uri")?.trim().to_owned(),
        ca: text("ca.crt"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use serde_json::json;

    use super::*;

    fn secret(entries: &[(&str, &str)]) -> Secret {
        let entries = entries.iter().map(|(key, value)| {
            let value = ByteString(value.as_bytes().to_vec());
            ((*key).to_owned(), value)
        });
        Secret {
            data: Some(entries.collect::<BTreeMap<_, _>>()),
            ..Secret::default()
        }
    }

    #[test]
    fn reads_where_to_connect_and_whom_to_trust() {
        let found = read(&secret(&[
            ("uri", "postgresql://db\n"),
            ("ca.crt", "PEM"),
            ("other", "x"),
        ]));
        let found = serde_json::to_value(found.unwrap()).unwrap();
        assert_eq!(found, json!({"uri": "postgresql://db", "ca.crt": "PEM"}));
    }

    #[test]
    fn takes_a_secret_without_an_address_for_none() {
        assert!(read(&secret(&[("password", "x")])).is_none());
        assert!(read(&Secret::default()).is_none());
    }
}
