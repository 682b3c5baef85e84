//! What is read of the cluster for a delivery: Secrets, and what stands on a Channel's status.

use std::sync::Arc;

use attune_api::Channel;
use attune_api::channel::SyncFigures;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use tracing::warn;

use super::credentials::{ReadSecret, SecretError};

/// Reads what the status of a Channel says of its receiver; `None` where it cannot be read now.
pub type ReadStanding = Arc<dyn Fn(String, String) -> BoxFuture<'static, Option<SyncFigures>> + Send + Sync>;

/// Reads Secrets from the API server.
pub fn read_secrets(client: Client) -> ReadSecret {
    Arc::new(move |namespace, name| {
        let api: Api<Secret> = Api::namespaced(client.clone(), &namespace);
        Box::pin(async move {
            match api.get_opt(&name).await {
                Ok(secret) => Ok(secret.map(|secret| {
                    let data = secret.data.unwrap_or_default();
                    data.into_iter().map(|(key, bytes)| (key, bytes.0)).collect()
                })),
                Err(kube::Error::Api(answer)) if answer.is_forbidden() => Err(SecretError::Forbidden),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(
                        namespace,
                        secret = name,
                        error,
                        "a receiver's Secret cannot be read"
                    );
                    Err(SecretError::Unanswered)
                }
            }
        })
    })
}

/// Reads statuses from the API server.
pub fn read_standings(client: Client) -> ReadStanding {
    Arc::new(move |namespace, name| {
        let api: Api<Channel> = Api::namespaced(client.clone(), &namespace);
        Box::pin(async move {
            match api.get_opt(&name).await {
                Ok(channel) => {
                    let status = channel.and_then(|channel| channel.status);
                    Some(status.and_then(|status| status.sync).unwrap_or_default())
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(
                        namespace,
                        channel = name,
                        error,
                        "what was acknowledged cannot be read"
                    );
                    None
                }
            }
        })
    })
}
