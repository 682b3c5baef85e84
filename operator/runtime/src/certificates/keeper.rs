//! The leader keeps certificates: in their Secrets, and in the webhook configurations that trust them.

use std::sync::Arc;
use std::time::Duration;

use attune_api::labels::{FIELD_MANAGER_TRUST, MANAGED_BY, MANAGER};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, Patch, PatchParams};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::TRUSTED;
use super::authority::AuthorityError;
use super::chain::{Chain, Data, Lives};
use super::reader::Serving;
use crate::clock::Clock;
use crate::leadership::Leadership;

/// The longest pause between looks.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// The shortest, and the pause after a failure.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);

/// What is kept, and where.
#[derive(Debug, Clone)]
pub struct Estate {
    /// The release's namespace.
    pub namespace: String,
    /// The operator's Secret.
    pub secret: String,
    /// The names that the operator is called by.
    pub names: Vec<String>,
    /// The collector's Secret and the names that it is called by.
    pub collector: Option<(String, Vec<String>)>,
    /// Name of both webhook configurations; `None` leaves them alone.
    pub webhooks: Option<String>,
    /// How long certificates live.
    pub lives: Lives,
    /// What time it is.
    pub clock: Clock,
}

/// Hears of a Secret that was written anew: its name and UID.
pub type Rotated = Arc<dyn Fn(&str, Option<String>) + Send + Sync>;

/// Why certificates could not be kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("Secret `{name}` cannot be read: {source}")]
    Read {
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("Secret `{name}` cannot be written: {source}")]
    Write {
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("webhook configuration `{name}` cannot be told whom to trust: {source}")]
    Trust {
        name: String,
        #[source]
        source: kube::Error,
    },
}

/// Keeps certificates.
pub struct Keeper {
    client: Client,
    estate: Estate,
    rotated: Rotated,
    serving: watch::Receiver<Serving>,
    disturbed: Arc<Notify>,
}

impl Keeper {
    /// A keeper that calls `rotated` with the name of a Secret that it wrote anew. `serving` is what stood in the operator's
    /// Secret last; `disturbed` says that something else does now.
    pub fn new(
        client: Client,
        estate: Estate,
        rotated: Rotated,
        serving: watch::Receiver<Serving>,
        disturbed: Arc<Notify>,
    ) -> Self {
        Self {
            client,
            estate,
            rotated,
            serving,
            disturbed,
        }
    }

    /// Keeps them for as long as this replica leads, until cancelled.
    pub async fn run(&self, mut leadership: Leadership) {
        loop {
            leadership.gained().await;
            let pause = match self.keep().await {
                Ok(()) => self.pause(),
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "certificates not kept, trying again"
                    );
                    SHORTEST_PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.disturbed.notified() => {}
                () = leadership.changed() => {}
            }
        }
    }

    /// Often enough that nothing that is due waits long, even where lives are short.
    fn pause(&self) -> Duration {
        let life = self.estate.lives.server.min(self.estate.lives.authority);
        let part = Duration::try_from(life / 30).unwrap_or(LONGEST_PAUSE);
        part.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    async fn keep(&self) -> Result<(), KeepError> {
        let estate = &self.estate;
        let now = estate.clock.now();
        let standing = self.read(&estate.secret).await?;
        let mut known = data(standing.as_ref());
        // Where the Secret was lost, replicas serve by what stood in it until they hear of another.
        let trusted = known.entry(TRUSTED.to_owned()).or_default();
        if trusted.is_empty() {
            trusted.clone_from(&self.serving.borrow().trusted);
        }
        let chain = Chain::advance(&known, &estate.names, estate.lives, now)?;
        // INVARIANT: whoever calls us trusts an authority before anything that it signed is served.
        self.trust(&chain.trusted()).await?;
        self.write(&estate.secret, standing, chain.data()).await?;
        if let Some((secret, names)) = &estate.collector {
            let standing = self.read(secret).await?;
            let wanted = chain.of_another(&data(standing.as_ref()), names, estate.lives, now)?;
            self.write(secret, standing, wanted).await?;
        }
        Ok(())
    }

    async fn read(&self, name: &str) -> Result<Option<Secret>, KeepError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.estate.namespace);
        secrets.get_opt(name).await.map_err(|source| KeepError::Read {
            name: name.to_owned(),
            source,
        })
    }

    /// Writes a Secret if it does not say so yet; if somebody else wrote it meanwhile, the next look starts from that.
    async fn write(&self, name: &str, standing: Option<Secret>, wanted: Data) -> Result<(), KeepError> {
        if standing.is_some() && data(standing.as_ref()) == wanted {
            return Ok(());
        }
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.estate.namespace);
        let bytes = wanted
            .into_iter()
            .map(|(key, value)| (key, ByteString(value.into_bytes())));
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some([(MANAGED_BY.to_owned(), MANAGER.to_owned())].into()),
                // Refused if somebody else wrote it since it was read.
                resource_version: standing.as_ref().and_then(ResourceExt::resource_version),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".to_owned()),
            data: Some(bytes.collect()),
            ..Secret::default()
        };
        // Applied, not created: so the role can name the Secrets that may be made.
        let params = PatchParams::apply(FIELD_MANAGER_TRUST).force();
        let written = secrets.patch(name, &params, &Patch::Apply(&secret)).await;
        let written = written.map_err(|source| KeepError::Write {
            name: name.to_owned(),
            source,
        })?;
        info!(secret = name, "wrote certificates");
        (self.rotated)(name, written.uid());
        Ok(())
    }

    /// Tells the API server which authorities to trust when it calls our webhooks.
    async fn trust(&self, authorities: &str) -> Result<(), KeepError> {
        let Some(name) = &self.estate.webhooks else {
            return Ok(());
        };
        let trusted = ByteString(authorities.as_bytes().to_vec());
        self.trust_in::<MutatingWebhookConfiguration>(name, &trusted, |configuration| {
            let webhooks = configuration.webhooks.iter().flatten();
            webhooks
                .map(|webhook| (webhook.name.clone(), webhook.client_config.ca_bundle.clone()))
                .collect()
        })
        .await?;
        self.trust_in::<ValidatingWebhookConfiguration>(name, &trusted, |configuration| {
            let webhooks = configuration.webhooks.iter().flatten();
            webhooks
                .map(|webhook| (webhook.name.clone(), webhook.client_config.ca_bundle.clone()))
                .collect()
        })
        .await
    }

    async fn trust_in<K>(
        &self,
        name: &str,
        trusted: &ByteString,
        webhooks: impl Fn(&K) -> Vec<(String, Option<ByteString>)>,
    ) -> Result<(), KeepError>
    where
        K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    {
        let failed = |source| KeepError::Trust {
            name: name.to_owned(),
            source,
        };
        let api: Api<K> = Api::all(self.client.clone());
        let Some(configuration) = api.get_opt(name).await.map_err(failed)? else {
            // Not installed, or removed: there is nobody to tell.
            return Ok(());
        };
        let webhooks = webhooks(&configuration);
        if webhooks
            .iter()
            .all(|(_, bundle)| bundle.as_ref() == Some(trusted))
        {
            return Ok(());
        }
        let entry = |(name, _): &(String, _)| json!({"name": name, "clientConfig": {"caBundle": trusted}});
        let entries: Vec<Value> = webhooks.iter().map(entry).collect();
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": {"name": name},
            "webhooks": entries,
        });
        let params = PatchParams::apply(FIELD_MANAGER_TRUST).force();
        api.patch(name, &params, &Patch::Apply(&patch))
            .await
            .map_err(failed)?;
        info!(configuration = name, kind = %K::kind(&()), "told whom to trust");
        Ok(())
    }
}

/// What a Secret holds, as far as it is text.
pub(super) fn data(secret: Option<&Secret>) -> Data {
    let entries = secret
        .and_then(|secret| secret.data.as_ref())
        .into_iter()
        .flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), String::from_utf8(value.0.clone()).ok()?)))
        .collect()
}
