//! A Channel's Service that wants keys and answers over TLS, and who asks it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, Strategy, wait_until};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use reqwest::header::{HeaderMap, ORIGIN};
use reqwest::{Certificate, Client, Method, Response};
use serde_json::{Value, json};

use crate::apps::documents;
use crate::asking::{Decision, LOYAL, restarts};
use crate::installed::{PATIENCE, counts, strategy};
use crate::services::redeliver;

/// Where the touchpoint is that callers ask for.
const HERO: &str = "ofrep/v1/evaluate/flags/home-hero";

/// A certificate for the Channel's Service, and the authority that signed it and nothing else.
pub(crate) struct Identity {
    authority: String,
    certificate: String,
    key: String,
}

impl Identity {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        Ok(Self {
            authority,
            certificate: params.signed_by(&key, &issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }

    pub(crate) fn secret(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "web-tls"},
            "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": self.certificate, "tls.key": self.key},
        })
    }
}

pub(crate) fn keys(text: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "web-keys"},
        "stringData": {"clients": text, "other": "not-for-clients"},
    })
}

/// Who asks under the Service's name, at one address, and opens a connection each time.
pub(crate) struct Caller {
    pub(crate) client: Client,
    base: String,
}

impl Caller {
    pub(crate) fn new(name: &str, address: SocketAddr, trusts: &[&Identity]) -> Result<Self> {
        // It is there already where a client was made before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities = trusts
            .iter()
            .map(|identity| Certificate::from_pem(identity.authority.as_bytes()));
        let client = Client::builder()
            .tls_certs_only(authorities.collect::<Result<Vec<_>, _>>()?)
            .resolve(name, address)
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(5))
            .no_proxy()
            .build()?;
        let base = format!("https://{name}:{}", address.port());
        Ok(Self { client, base })
    }

    pub(crate) async fn ask(&self, headers: &[(&'static str, &str)]) -> Result<Response> {
        let mut request = self.client.post(format!("{}/{HERO}", self.base)).body(LOYAL);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.context("ask")
    }

    /// Fails unless whoever shows the key gets a decision.
    pub(crate) async fn decides(&self, key: &str) -> Result<()> {
        let answer = self.ask(&[("authorization", &format!("Bearer {key}"))]).await?;
        let (status, body) = (answer.status(), answer.text().await?);
        ensure!(status == 200, "{status}: {body}");
        Decision::read(&body)?.ensure_loyal()
    }

    /// Fails unless whoever shows this is told to show a key.
    pub(crate) async fn refuses(&self, headers: &[(&'static str, &str)]) -> Result<()> {
        let answer = self.ask(headers).await?;
        let (status, body) = (answer.status(), answer.text().await?);
        ensure!(
            status == 401 && body.contains("GENERAL"),
            "{headers:?}: {status}: {body}"
        );
        Ok(())
    }

    /// What a browser is told before a page of this origin may ask.
    pub(crate) async fn preflight(&self, origin: &str) -> Result<HeaderMap> {
        let request = self
            .client
            .request(Method::OPTIONS, format!("{}/{HERO}", self.base));
        let request = request
            .header(ORIGIN, origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = request.send().await.context("ask before")?;
        ensure!(answer.status() == 204, "{answer:?}");
        Ok(answer.headers().clone())
    }
}

/// The deciders of a Channel in a namespace of its own.
pub(crate) struct Guarded<'a> {
    cluster: &'a Cluster,
    pub(crate) namespace: String,
    strategy: Strategy,
    /// What callers call the Service.
    pub(crate) name: String,
}

impl<'a> Guarded<'a> {
    /// Tells the Channel of Secrets, which are not there yet, and of the origin of a page.
    pub(crate) async fn new(cluster: &'a Cluster, origin: &str) -> Result<Self> {
        let namespace = cluster.create_restricted_namespace().await?;
        let mut strategy = strategy(cluster, &namespace).await?;
        let access = json!({
            "keysRef": {"name": "web-keys", "key": "clients"},
            "certificateRef": {"name": "web-tls"},
            "allowOrigins": [origin],
        });
        redeliver(
            &mut strategy,
            json!({"service": {"replicas": 2, "access": access}}),
        )
        .await?;
        let name = format!("attune-web.{namespace}.svc");
        Ok(Self {
            cluster,
            namespace,
            strategy,
            name,
        })
    }

    pub(crate) async fn apply(&self, secret: Value) -> Result<()> {
        self.cluster.apply(&self.namespace, &documents(&[secret])).await
    }

    /// The pods of both deciders, once they are there.
    pub(crate) async fn pods(&self) -> Result<Vec<String>> {
        wait_until("there are two pods", PATIENCE, async || {
            let pods = self
                .cluster
                .pods(&self.namespace, "attune.dev/decider=web")
                .await?;
            ensure!(pods.len() == 2, "{pods:?}");
            Ok(pods)
        })
        .await
    }

    /// Waits until both deciders decide, and gives where they answer.
    pub(crate) async fn ready(&self) -> Result<Vec<SocketAddr>> {
        let status = counts(&self.strategy, "web", [2, 2, 2, 0, 0]).await?;
        ensure!(
            status["endpoint"] == format!("https://{}", self.name),
            "{status:#}"
        );
        let mut addresses = Vec::new();
        for pod in self.pods().await? {
            let namespace = &self.namespace;
            self.cluster.wait_pod_ready(namespace, &pod, PATIENCE).await?;
            addresses.push((self.cluster.pod_ip(namespace, &pod).await?, 8016).into());
        }
        Ok(addresses)
    }

    pub(crate) fn callers(&self, addresses: &[SocketAddr], trusts: &[&Identity]) -> Result<Vec<Caller>> {
        let callers = addresses
            .iter()
            .map(|address| Caller::new(&self.name, *address, trusts));
        callers.collect()
    }

    /// Which pods there are, and how often their containers were started again.
    pub(crate) async fn lives(&self) -> Result<Vec<(String, i32)>> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.control_plane().client(), &self.namespace);
        let found = pods
            .list(&ListParams::default().labels("attune.dev/decider=web"))
            .await?;
        Ok(found.iter().map(|pod| (pod.name_any(), restarts(pod))).collect())
    }
}
