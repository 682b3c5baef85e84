//! What stands in the cluster that `kubectl` would talk to.

use std::collections::BTreeSet;

use anyhow::Context;
use attune_api::{GROUP, Kind, Resource};
use attune_compile::ObjectId;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, ResourceExt as _};

use crate::inventory::Inventory;
use crate::terminal::say;

/// Most objects of one answer.
const PAGE: u32 = 500;

/// A cluster to read from.
pub(crate) struct Cluster {
    client: Client,
}

impl Cluster {
    /// The cluster of a context of the kubeconfig, by default the current one, or of the pod that this runs in.
    ///
    /// # Errors
    /// When there is no such context.
    pub(crate) async fn connect(context: Option<&str>) -> anyhow::Result<Self> {
        let config = match context {
            None => Config::infer().await.context("no cluster: set KUBECONFIG")?,
            Some(context) => {
                let options = KubeConfigOptions {
                    context: Some(context.to_owned()),
                    ..KubeConfigOptions::default()
                };
                let kubeconfig = Kubeconfig::read().context("no cluster: set KUBECONFIG")?;
                let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
                config
                    .with_context(|| format!("no context `{context}`; see `kubectl config get-contexts`"))?
            }
        };
        let client = Client::try_from(config).context("the cluster's certificates cannot be read")?;
        Ok(Self { client })
    }

    /// Everything of ours in these namespaces (`None`: in all), and what says which policies rule them.
    ///
    /// # Errors
    /// When something may not be listed, or the cluster does not answer.
    pub(crate) async fn read(&self, namespaces: Option<&BTreeSet<&str>>) -> anyhow::Result<Inventory> {
        let mut inventory = Inventory {
            tells_conclusions: true,
            ..Inventory::default()
        };
        for kind in Kind::ALL {
            match namespaces.filter(|_| kind.is_namespaced()) {
                None => self.list(kind, None, &mut inventory).await?,
                Some(namespaces) => {
                    for namespace in namespaces {
                        self.list(kind, Some(namespace), &mut inventory).await?;
                    }
                }
            }
        }
        let names: Vec<String> = inventory.namespaces().into_iter().map(str::to_owned).collect();
        let api: Api<Namespace> = Api::all(self.client.clone());
        for name in names {
            let found = api.get_opt(&name).await;
            let found = found.with_context(|| format!("namespace `{name}` cannot be read"))?;
            let labels = found.map(|mut namespace| std::mem::take(namespace.labels_mut()));
            inventory.labels.insert(name, labels.unwrap_or_default());
        }
        Ok(inventory)
    }

    async fn list(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        inventory: &mut Inventory,
    ) -> anyhow::Result<()> {
        let resource = kind.api_resource();
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let listed = api.list(&page).await;
            let listed = listed.with_context(|| {
                let place =
                    namespace.map_or_else(|| "the cluster".to_owned(), |name| format!("namespace `{name}`"));
                format!("`{}.{GROUP}` of {place} cannot be listed", kind.plural())
            })?;
            for object in listed.items {
                take(kind, object, inventory);
            }
            match listed.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(()),
            }
        }
    }
}

/// An object that cannot be read is there all the same: the operator goes on with its last form.
fn take(kind: Kind, object: DynamicObject, inventory: &mut Inventory) {
    let id = ObjectId {
        kind,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    };
    match Resource::from_object(kind, object) {
        Ok(resource) => inventory.add(resource),
        Err(error) => {
            say(format_args!(
                "attune: {id} in the cluster cannot be read: {error}"
            ));
            inventory.unusable.insert(id);
        }
    }
}
