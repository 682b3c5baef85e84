//! Operators as a release starts them: with TLS, a Lease, certificates of their own and tokens of a service account.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, PATIENCE, Port, wait_until};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use reqwest::Certificate;
use tempfile::TempDir;

use crate::programs::{Programs, Server};

/// What the certificate is for, beside the name of the Service, which nothing here resolves.
const HOST: &str = "localhost";

/// Name of the Service, the Lease, the Secret and the service account alike.
const NAME: &str = "attune-operator";

/// A release in a namespace of its own that works in one other.
pub(crate) struct Release<'c> {
    cluster: &'c ControlPlane,
    programs: &'c Programs,
    /// Where it works.
    tenant: String,
    namespace: String,
    files: TempDir,
    token: PathBuf,
}

/// One of its operators.
pub(crate) struct Replica {
    /// The process, which answers probes.
    pub(crate) server: Server,
    /// What the audit log calls it.
    pub(crate) user: String,
    /// Where it works.
    pub(crate) tenant: String,
    /// Base URL with TLS.
    pub(crate) url: String,
    _port: Port,
}

impl<'c> Release<'c> {
    pub(crate) async fn prepare(
        cluster: &'c ControlPlane,
        programs: &'c Programs,
        tenant: &str,
    ) -> Result<Self> {
        let namespace = cluster.create_namespace().await?;
        let files = tempfile::tempdir()?;
        let create = ["create", "serviceaccount", NAME, "-n", &namespace];
        cluster.kubectl(&create).await?.succeeded()?;
        let token = files.path().join("operator-token");
        std::fs::write(&token, token_of(cluster, &namespace, NAME, "attune.dev").await?)?;
        Ok(Self {
            cluster,
            programs,
            tenant: tenant.to_owned(),
            namespace,
            files,
            token,
        })
    }

    /// An operator, once it is ready. It may do everything, and the audit log says that it was this one.
    pub(crate) async fn replica(&self, name: &str, flags: &[&str]) -> Result<Replica> {
        let port = Port::take()?;
        let user = format!("operator-{name}.{}", self.tenant);
        let kubeconfig = self.cluster.kubeconfig_as(&user)?;
        let tls = format!("127.0.0.1:{}", port.number());
        let server = self.programs.spawn(&user, |log, listen| {
            let launch = self.cluster.launch(log, &self.programs.operator);
            launch
                .env("KUBECONFIG", kubeconfig.display().to_string())
                .env("RUST_LOG", "info,attune_operator=debug")
                .env("POD_NAME", name)
                .env("POD_NAMESPACE", &self.namespace)
                .env("POD_IP", "127.0.0.1")
                .env("ATTUNE_SERVICE", NAME)
                .env("ATTUNE_LEASE", NAME)
                .env("ATTUNE_CERTIFICATE_SECRET", NAME)
                .env("ATTUNE_TOKEN_FILE", self.token.display().to_string())
                .args([
                    "--listen",
                    listen,
                    "--tls-listen",
                    &tls,
                    "--certificate-name",
                    HOST,
                ])
                .args(["--at", crate::programs::AT, "--watch-namespace", &self.tenant])
                .args(flags.iter().copied())
        })?;
        let mut replica = Replica {
            server,
            user,
            tenant: self.tenant.clone(),
            url: format!("https://{HOST}:{}", port.number()),
            _port: port,
        };
        replica.server.is_ready().await?;
        Ok(replica)
    }

    /// A decider of the Channel `web`, once it has a bundle of this replica's.
    pub(crate) async fn decider(&self, id: &str, replica: &Replica) -> Result<Server> {
        let (ca, token) = (self.ca_file().await?, self.files.path().join("decider-token"));
        let default = token_of(self.cluster, &self.tenant, "default", "attune.dev").await?;
        std::fs::write(&token, default)?;
        let launch = |name: &str, listen: &str| {
            let launch = self.cluster.launch(name, &self.programs.decider);
            launch
                .env("ATTUNE_CA_FILE", ca.display().to_string())
                .env("ATTUNE_TOKEN_FILE", token.display().to_string())
                .args(["--listen", listen, "--operator", &replica.url])
                .args(["--namespace", &self.tenant, "--channel", "web", "--id", id])
        };
        let mut decider = self
            .programs
            .spawn(&format!("decider-{}-{id}", self.tenant), launch)?;
        decider.is_ready().await?;
        Ok(decider)
    }

    /// Whom to trust, as pods of the tenant learn it.
    pub(crate) async fn ca_file(&self) -> Result<PathBuf> {
        let api: Api<ConfigMap> = Api::namespaced(self.cluster.client(), &self.tenant);
        let ca = wait_until("the tenant is told whom to trust", PATIENCE, async || {
            let found = api
                .get_opt("attune-ca")
                .await?
                .context("no ConfigMap `attune-ca`")?;
            let ca = found.data.and_then(|mut data| data.remove("ca.crt"));
            ca.context("it has no `ca.crt`")
        })
        .await?;
        let path = self.files.path().join("ca.crt");
        std::fs::write(&path, ca)?;
        Ok(path)
    }

    /// Who holds the Lease, and how often it changed hands.
    pub(crate) async fn lease(&self) -> Result<LeaseSpec> {
        let api: Api<Lease> = Api::namespaced(self.cluster.client(), &self.namespace);
        api.get(NAME).await?.spec.context("an empty Lease")
    }

    /// What a replica answers to whoever asks for a bundle with this token, if any.
    pub(crate) async fn ask(
        &self,
        replica: &Replica,
        path: &str,
        token: Option<&str>,
    ) -> Result<(u16, String)> {
        let authorities = std::fs::read(self.ca_file().await?)?;
        let client = reqwest::Client::builder()
            .tls_certs_only(Certificate::from_pem_bundle(&authorities)?)
            .timeout(PATIENCE)
            .build()?;
        let mut request = client.get(format!("{}{path}", replica.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }
}

impl Replica {
    /// Whether it says that it leads.
    pub(crate) async fn leads(&self) -> Result<bool> {
        let metrics = self.server.metrics().await?;
        let leader = metrics.get("attune_operator_leader");
        Ok(leader.context("no metric says who leads")? > &0.5)
    }
}

/// A token of a service account, as a pod of its would have; the account itself may be about to be made.
pub(crate) async fn token_of(
    cluster: &ControlPlane,
    namespace: &str,
    account: &str,
    audience: &str,
) -> Result<String> {
    wait_until(
        "the ServiceAccount has a token",
        Duration::from_secs(15),
        async || {
            let args = [
                "create",
                "token",
                account,
                "-n",
                namespace,
                "--audience",
                audience,
                "--duration",
                "1h",
            ];
            let token = cluster
                .kubectl(&args)
                .await?
                .succeeded()?
                .stdout
                .trim()
                .to_owned();
            ensure!(!token.is_empty(), "an empty token");
            Ok(token)
        },
    )
    .await
}
