//! Single requests, as strict as `kubectl` is: a field the server does not know is an error.

use anyhow::{Context, Result};
use attune_e2e::{ControlPlane, Objects};
use http::{Method, Request};
use kube::api::DynamicObject;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

/// What the server said to one request.
pub(crate) type Answer = Result<DynamicObject, String>;

/// Creates and replaces objects.
pub(crate) struct Server {
    client: Client,
    objects: Objects,
}

impl Server {
    pub(crate) fn new(cluster: &ControlPlane) -> Self {
        Self {
            client: cluster.client(),
            objects: cluster.objects(),
        }
    }

    pub(crate) async fn create(&self, object: &DynamicObject) -> Result<Answer> {
        let api = self.objects.api_of(object).await?;
        self.send(Method::POST, api.resource_url().to_owned(), object)
            .await
    }

    /// Replaces `old` as it stands on the server by `new`, whatever name `new` has.
    pub(crate) async fn replace(&self, old: &DynamicObject, new: &DynamicObject) -> Result<Answer> {
        let mut new = new.clone();
        new.metadata.name = old.metadata.name.clone();
        new.metadata.namespace = old.metadata.namespace.clone();
        new.metadata.resource_version = old.metadata.resource_version.clone();
        let api = self.objects.api_of(&new).await?;
        self.send(
            Method::PUT,
            format!("{}/{}", api.resource_url(), new.name_any()),
            &new,
        )
        .await
    }

    pub(crate) async fn delete(&self, object: &DynamicObject) -> Result<()> {
        let api = self.objects.api_of(object).await?;
        api.delete(&object.name_any(), &kube::api::DeleteParams::default())
            .await
            .context("delete it")?;
        Ok(())
    }

    pub(crate) async fn api_of(&self, object: &DynamicObject) -> Result<Api<DynamicObject>> {
        self.objects.api_of(object).await
    }

    /// All objects of a kind as the table `kubectl get -o wide` prints.
    pub(crate) async fn table(&self, plural: &str, version: &str) -> Result<Value> {
        let request = Request::get(format!("/apis/{}/{version}/{plural}", attune_e2e::GROUP))
            .header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
            .body(Vec::new())?;
        self.client
            .request(request)
            .await
            .with_context(|| format!("get the table of {plural}"))
    }

    async fn send(&self, method: Method, url: String, object: &DynamicObject) -> Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{url}?fieldValidation=Strict"))
            .header("Content-Type", "application/json")
            .body(serde_json::to_vec(object)?)?;
        match self.client.request::<DynamicObject>(request).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(kube::Error::Api(status)) => Ok(Err(status.message)),
            Err(error) => Err(error).context("ask the API server"),
        }
    }
}
