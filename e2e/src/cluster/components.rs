//! The command lines and configurations of a node's programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::block::Block;
use super::cgroups::Cgroup;
use super::images;
use crate::control_plane::pki::{NODE_NAME, NodePki};
use crate::control_plane::place::Place;
use crate::{ControlPlane, Launch};

/// Where Debian's package has them.
const NETWORK_PLUGINS: &str = "/usr/lib/cni";
/// Where containerd answers, in the node's own `/run`.
pub(super) const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";

/// containerd with runc, and the network of its pods. It is the first process of a namespace of its own, so that containers
/// and what watches over them die with it.
pub(super) fn containerd(place: &Place, block: &Block, data: &Path, logs: &Path) -> Result<Launch> {
    let networks = data.join("cni");
    fs::create_dir_all(&networks).with_context(|| format!("create {}", networks.display()))?;
    write_json(&networks.join("10-attune-e2e.conflist"), &network(block))?;
    let config = data.join("containerd.toml");
    fs::write(&config, containerd_config(&networks))
        .with_context(|| format!("write {}", config.display()))?;
    let launch = Launch::new("containerd", Path::new("unshare"), logs).args([
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "--mount-proc",
        "--propagation=slave",
        "--",
        "sh",
        "-c",
        // A namespace's first process takes over orphans: the shell reaps them, which containerd does not.
        "\"$0\" \"$@\" & wait $!",
        "containerd",
        "--config",
    ]);
    Ok(place.of(launch.arg(config.display().to_string())))
}

fn containerd_config(networks: &Path) -> String {
    let (networks, pause) = (networks.display(), images::PROBE);
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
# A program that sleeps and heeds SIGTERM is all that a pod's sandbox needs.
sandbox_image = "{pause}"
# Without CAP_SYS_RESOURCE no process may be made less likely to be killed than its parent is.
restrict_oom_score_adj = true
disable_hugetlb_controller = true
tolerate_missing_hugetlb_controller = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{NETWORK_PLUGINS}"
conf_dir = "{networks}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#
    )
}

/// Every pod has a link of its own to the node: what goes from pod to pod is routed, and so passes the packet filter, also
/// on machines whose bridges do not.
fn network(block: &Block) -> Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "attune-e2e",
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni-addresses",
                    "ranges": [[{"subnet": block.pods()}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

/// The programs of a node that need a control plane.
pub(super) struct Blueprint<'a> {
    pub(super) control_plane: &'a ControlPlane,
    pub(super) place: &'a Place,
    pub(super) block: &'a Block,
}

impl Blueprint<'_> {
    pub(super) fn kubelet(&self, cgroup: &Cgroup) -> Result<Launch> {
        let pki = self.control_plane.node_pki()?;
        let kubeconfig = self.control_plane.kubeconfig_of("kubelet", &pki.kubelet)?;
        let config = self.file("kubelet.json");
        write_json(&config, &self.kubelet_config(cgroup, pki))?;
        Ok(self.launch("kubelet").args([
            flag("config", &config),
            flag("kubeconfig", &kubeconfig),
            format!("--hostname-override={NODE_NAME}"),
            format!("--node-ip={}", self.place.address),
        ]))
    }

    fn kubelet_config(&self, cgroup: &Cgroup, pki: &NodePki) -> Value {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": format!("unix://{CONTAINERD_SOCKET}"),
            "authentication": {
                "anonymous": {"enabled": false},
                "webhook": {"enabled": true},
                "x509": {"clientCAFile": pki.authority.certificate},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": pki.kubelet_server.certificate,
            "tlsPrivateKeyFile": pki.kubelet_server.key,
            "clusterDNS": [self.block.name_server()],
            "clusterDomain": "cluster.local",
            // Pods get nothing of this machine's own name servers.
            "resolvConf": "",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": cgroup.path(),
            "enforceNodeAllocatable": [],
            "failCgroupV1": false,
            "failSwapOn": false,
            // The disk is shared with whatever else this machine does: no pod is evicted and no image is lost for it.
            "evictionHard": {
                "imagefs.available": "0%",
                "imagefs.inodesFree": "0%",
                "nodefs.available": "0%",
                "nodefs.inodesFree": "0%",
            },
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "kubeAPIQPS": 200,
            "kubeAPIBurst": 400,
            "eventRecordQPS": 200,
            "eventBurst": 400,
            // Changed ConfigMaps reach their pods soon, as tests would otherwise wait for a minute.
            "syncFrequency": "5s",
            "configMapAndSecretChangeDetectionStrategy": "Watch",
        })
    }

    pub(super) fn kube_proxy(&self) -> Result<Launch> {
        let pki = self.control_plane.node_pki()?;
        let kubeconfig = self.control_plane.kubeconfig_of("kube-proxy", &pki.kube_proxy)?;
        Ok(self.launch("kube-proxy").args([
            flag("kubeconfig", &kubeconfig),
            "--proxy-mode=iptables".to_owned(),
            format!("--hostname-override={NODE_NAME}"),
            format!("--cluster-cidr={}", self.block.pods()),
            "--iptables-min-sync-period=100ms".to_owned(),
            // These settings are the machine's, not the node's.
            "--conntrack-max-per-core=0".to_owned(),
            "--conntrack-tcp-timeout-established=0".to_owned(),
            "--conntrack-tcp-timeout-close-wait=0".to_owned(),
        ]))
    }

    pub(super) fn scheduler(&self) -> Result<Launch> {
        let pki = self.control_plane.node_pki()?;
        let kubeconfig = self
            .control_plane
            .kubeconfig_of("kube-scheduler", &pki.scheduler)?;
        Ok(self.launch("kube-scheduler").args([
            flag("kubeconfig", &kubeconfig),
            flag("authentication-kubeconfig", &kubeconfig),
            flag("authorization-kubeconfig", &kubeconfig),
            "--bind-address=127.0.0.1".to_owned(),
            "--leader-elect=false".to_owned(),
        ]))
    }

    fn launch(&self, program: &str) -> Launch {
        let path = self.control_plane.tools().program(program);
        self.place
            .of(Launch::new(program, &path, &self.control_plane.logs()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.control_plane.data().join(name)
    }
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    fs::write(path, format!("{value:#}")).with_context(|| format!("write {}", path.display()))
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}
