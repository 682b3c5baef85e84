//! The command lines of the three programs.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::pki::{ADMINISTRATORS, FRONT_NAME, Identity, NodePki, Pki};
use super::place::Place;
use crate::{Launch, Port, Tools};

/// Who signs the tokens of service accounts, by the name pods know.
const TOKEN_ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// The address and ports of one control plane, held as long as it lives.
#[derive(Debug)]
pub(super) struct Ports {
    address: IpAddr,
    etcd: Port,
    etcd_peers: Port,
    api_server: Port,
    controller_manager: Port,
}

impl Ports {
    pub(super) fn take(address: IpAddr) -> Result<Self> {
        Ok(Self {
            address,
            etcd: Port::take()?,
            etcd_peers: Port::take()?,
            api_server: Port::take()?,
            controller_manager: Port::take()?,
        })
    }

    pub(super) fn etcd_url(&self) -> String {
        format!("http://{}:{}", self.address, self.etcd.number())
    }

    pub(super) fn api_server_url(&self) -> String {
        format!("https://{}:{}", self.address, self.api_server.number())
    }
}

/// Everything the command lines need.
pub(super) struct Blueprint<'a> {
    pub(super) tools: &'a Tools,
    pub(super) ports: &'a Ports,
    pub(super) pki: &'a Pki,
    pub(super) place: &'a Place,
    pub(super) data: &'a Path,
    pub(super) logs: &'a Path,
}

impl Blueprint<'_> {
    pub(super) fn etcd(&self) -> Launch {
        let peers = format!("http://127.0.0.1:{}", self.ports.etcd_peers.number());
        self.launch("etcd").args([
            format!("--data-dir={}", self.data.join("etcd").display()),
            format!("--listen-client-urls={}", self.ports.etcd_url()),
            format!("--advertise-client-urls={}", self.ports.etcd_url()),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            "--name=attune-e2e".to_owned(),
            format!("--initial-cluster=attune-e2e={peers}"),
            // A test that outlives a power failure is not wanted.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ])
    }

    pub(super) fn api_server(&self) -> Result<Launch> {
        let Pki {
            authority,
            server,
            service_accounts,
            front_authority,
            front,
            node,
            ..
        } = self.pki;
        let launch = self.launch("kube-apiserver").args([
            format!("--etcd-servers={}", self.ports.etcd_url()),
            format!("--bind-address={}", self.place.address),
            format!("--secure-port={}", self.ports.api_server.number()),
            format!("--advertise-address={}", self.place.address),
            flag("client-ca-file", &authority.certificate),
            flag("tls-cert-file", &server.certificate),
            flag("tls-private-key-file", &server.key),
            "--authorization-mode=Node,RBAC".to_owned(),
            flag("requestheader-client-ca-file", &front_authority.certificate),
            format!("--requestheader-allowed-names={FRONT_NAME}"),
            "--requestheader-username-headers=X-Remote-User".to_owned(),
            "--requestheader-group-headers=X-Remote-Group".to_owned(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
            flag("proxy-client-cert-file", &front.certificate),
            flag("proxy-client-key-file", &front.key),
            format!("--service-account-issuer={TOKEN_ISSUER}"),
            flag("service-account-key-file", &service_accounts.certificate),
            flag("service-account-signing-key-file", &service_accounts.key),
            format!("--service-cluster-ip-range={}", self.place.services),
            "--allow-privileged=true".to_owned(),
            flag("audit-policy-file", &self.audit_policy()?),
            flag("audit-log-path", &self.audit_log()),
            // Written before the answer goes out: who has its answer finds it in the log.
            "--audit-log-mode=blocking-strict".to_owned(),
        ]);
        Ok(match node {
            Some(node) => launch.args(to_kubelets(authority, node)),
            // A loopback address may not stand in the endpoints of the `kubernetes` service, so there are none.
            None => launch.arg("--endpoint-reconciler-type=none"),
        })
    }

    pub(super) fn controller_manager(&self, kubeconfig: &Path) -> Launch {
        let Pki {
            authority,
            service_accounts,
            ..
        } = self.pki;
        self.launch("kube-controller-manager").args([
            flag("kubeconfig", kubeconfig),
            flag("authentication-kubeconfig", kubeconfig),
            flag("authorization-kubeconfig", kubeconfig),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.controller_manager.number()),
            flag("cert-dir", &self.data.join("controller-manager")),
            flag("root-ca-file", &authority.certificate),
            flag("cluster-signing-cert-file", &authority.certificate),
            flag("cluster-signing-key-file", &authority.key),
            flag("service-account-private-key-file", &service_accounts.key),
            "--use-service-account-credentials=true".to_owned(),
            "--leader-elect=false".to_owned(),
            // Its usual 20 requests a second make up most of its start, and of every deletion of a namespace.
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ])
    }

    pub(super) fn kubeconfig(&self, user: &str, identity: &Identity) -> Result<PathBuf> {
        let path = self.data.join(format!("{user}.kubeconfig"));
        let config = self.config(user, identity);
        fs::write(&path, format!("{config:#}")).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    fn config(&self, user: &str, identity: &Identity) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": user,
            "clusters": [{"name": "attune-e2e", "cluster": {
                "server": self.ports.api_server_url(),
                "certificate-authority": self.pki.authority.certificate,
            }}],
            "users": [{"name": user, "user": {
                "client-certificate": identity.certificate,
                "client-key": identity.key,
            }}],
            "contexts": [{"name": user, "context": {"cluster": "attune-e2e", "user": user}}],
        })
    }

    /// The same for somebody else, whom the administrator speaks for: all may be done, and the audit log says who it was.
    pub(super) fn impersonating(&self, user: &str) -> Result<PathBuf> {
        let path = self.data.join(format!("as-{user}.kubeconfig"));
        let mut config = self.config("admin", &self.pki.admin);
        let entry = config.pointer_mut("/users/0/user").and_then(Value::as_object_mut);
        if let Some(entry) = entry {
            entry.insert("as".to_owned(), json!(user));
            entry.insert("as-groups".to_owned(), json!([ADMINISTRATORS]));
        }
        fs::write(&path, format!("{config:#}")).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    pub(super) fn audit_log(&self) -> PathBuf {
        self.logs.join("audit.jsonl")
    }

    /// Every write to our group, and to what an operator writes beside it, once it is answered, without its body; nothing
    /// else.
    fn audit_policy(&self) -> Result<PathBuf> {
        let path = self.data.join("audit-policy.json");
        let policy = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived", "ResponseStarted", "Panic"],
            "rules": [
                {
                    "level": "Metadata",
                    "verbs": ["create", "update", "patch", "delete", "deletecollection"],
                    "resources": [
                        {"group": crate::GROUP},
                        {"group": "", "resources": ["configmaps", "events", "secrets", "services"]},
                        {"group": "admissionregistration.k8s.io"},
                        {"group": "apps", "resources": ["deployments"]},
                        {"group": "autoscaling"},
                        {"group": "coordination.k8s.io"},
                        {"group": "events.k8s.io"},
                        {"group": "networking.k8s.io"},
                        {"group": "policy"},
                    ],
                },
                {"level": "None"},
            ],
        });
        fs::write(&path, format!("{policy:#}")).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    fn launch(&self, program: &str) -> Launch {
        self.place
            .of(Launch::new(program, &self.tools.program(program), self.logs))
    }
}

/// How the API server reaches kubelets, and what it lets them do.
fn to_kubelets(authority: &Identity, node: &NodePki) -> [String; 5] {
    [
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        flag("kubelet-certificate-authority", &authority.certificate),
        flag("kubelet-client-certificate", &node.to_kubelets.certificate),
        flag("kubelet-client-key", &node.to_kubelets.key),
    ]
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}
