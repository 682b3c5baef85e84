//! A Kubernetes of one node: a control plane, a kubelet with containerd, kube-proxy and a name server, in a network of their
//! own that only this machine reaches.

mod block;
mod cgroups;
mod components;
mod dns;
mod images;
mod pods;
mod sandbox;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::Api;

use self::block::Block;
use self::cgroups::Cgroup;
use self::components::Blueprint;
use self::sandbox::Sandbox;
use crate::control_plane::pki::NODE_NAME;
use crate::control_plane::place::Place;
use crate::control_plane::scratch::Scratch;
use crate::{ControlPlane, Outcome, Process, Tools, command, wait_until};

/// Longer than ever needed, even while compilers run beside it.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long each step of the start took.
#[derive(Clone, Copy, Debug)]
pub struct ClusterTimes {
    /// Until the control plane works; images are made meanwhile.
    pub control_plane: Duration,
    /// Until the images are with containerd, after that.
    pub images: Duration,
    /// Until the node is ready.
    pub node: Duration,
    /// Until the name server answers.
    pub name_server: Duration,
}

impl ClusterTimes {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.control_plane + self.images + self.node + self.name_server
    }
}

/// A running cluster. Dropping it stops and removes all of it; so does the end of this process, however it comes.
pub struct Cluster {
    // Declared, and so dropped, in this order: first who starts pods, then the pods, then who they talk to.
    _kubelet: Process,
    _kube_proxy: Process,
    _scheduler: Process,
    _containerd: Process,
    _cgroup: Cgroup,
    control_plane: ControlPlane,
    _sandbox: Sandbox,
    block: Block,
    place: Place,
    times: ClusterTimes,
}

impl Cluster {
    /// Starts one and waits until pods can run and find each other by name.
    ///
    /// # Errors
    /// When this is not root, tools are missing or something does not come up; with the end of the logs.
    pub async fn start() -> Result<Self> {
        let tools = Tools::from_env()?.with_node()?;
        let scratch = Scratch::create()?;
        let block = Block::take()?;
        let (data, logs) = (scratch.data(), scratch.logs());
        let sandbox = Sandbox::create(&block, &data.join("lib"), &logs).await?;
        let place = place(&block, &sandbox);

        let mut clock = Instant::now();
        let mut lap = || std::mem::replace(&mut clock, Instant::now()).elapsed();
        let mut containerd = Process::spawn(components::containerd(&place, &block, &data, &logs)?)?;
        let coredns = tools.program("coredns");
        let making = async {
            let tars = images::make(&data, &coredns).await?;
            import_all(&mut containerd, &place, &tars).await
        };
        let starting = async {
            let started = ControlPlane::start_at(place.clone(), scratch, tools).await;
            (started, lap())
        };
        let (made, (control_plane, control_plane_time)) = tokio::join!(making, starting);
        let mut control_plane = control_plane?;
        let images_time = lap();
        let blueprint = Blueprint {
            control_plane: &control_plane,
            place: &place,
            block: &block,
        };
        let begun = match begin(&blueprint, made).await {
            Ok(begun) => begun,
            Err(error) => {
                control_plane.keep_logs();
                return Err(error.context(format!("start a node; {}", control_plane.log_tails(20))));
            }
        };
        let times = ClusterTimes {
            control_plane: control_plane_time,
            images: images_time,
            node: begun.node,
            name_server: begun.name_server,
        };
        Ok(Self {
            _kubelet: begun.kubelet,
            _kube_proxy: begun.kube_proxy,
            _scheduler: begun.scheduler,
            _containerd: containerd,
            _cgroup: begun.cgroup,
            control_plane,
            _sandbox: sandbox,
            block,
            place,
            times,
        })
    }

    /// Its API server with all that comes with it: client, objects, kubectl; its components can be killed and started again.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// How long the start took.
    pub fn times(&self) -> ClusterTimes {
        self.times
    }

    /// Our own image, which the node has: for `image:` with `imagePullPolicy: Never`.
    pub fn image(&self) -> &'static str {
        images::ATTUNE
    }

    /// The image of `/probe`, which the node has: sleeps, serves, asks, and sends load (`src/bin/probe`).
    pub fn probe_image(&self) -> &'static str {
        images::PROBE
    }

    /// Hands an image to the node, as a tar that `image/oci-tar` made.
    ///
    /// # Errors
    /// When containerd does not take it.
    pub async fn import(&self, tar: &Path) -> Result<()> {
        images::import(&self.place.enter, tar).await
    }

    /// Runs Helm as an administrator.
    ///
    /// # Errors
    /// When it cannot be started; how it ended is in the outcome.
    pub async fn helm(&self, args: &[&str]) -> Result<Outcome> {
        let program = self.control_plane.tools().program("helm");
        let home = self.control_plane.data();
        command::run(&program, self.control_plane.kubeconfig(), &home, args, "").await
    }

    /// Kills a container (see [`Self::container_id`]) as a crash would; the kubelet starts it again. Needs no API server.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill_container(&self, id: &str) -> Result<()> {
        images::signal(&self.place.enter, "SIGKILL", id).await
    }

    /// Stops a container's process where it is, without its noticing, until [`Self::thaw_container`]. Needs no API server.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn freeze_container(&self, id: &str) -> Result<()> {
        images::signal(&self.place.enter, "SIGSTOP", id).await
    }

    /// Lets a container's process go on.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn thaw_container(&self, id: &str) -> Result<()> {
        images::signal(&self.place.enter, "SIGCONT", id).await
    }

    /// The address of this machine that the cluster reaches: what listens there or everywhere can be asked from pods and be
    /// a webhook by URL.
    pub fn outside(&self) -> IpAddr {
        self.block.near().into()
    }

    /// Leaves the logs where they are when this is dropped; those of pods are below `node/pods`.
    pub fn keep_logs(&mut self) {
        self.control_plane.keep_logs();
    }
}

fn place(block: &Block, sandbox: &Sandbox) -> Place {
    Place {
        address: block.node().into(),
        services: block.services(),
        first_service: block.first_service().into(),
        has_node: true,
        enter: sandbox.enter(),
    }
}

async fn import_all(containerd: &mut Process, place: &Place, tars: &[PathBuf]) -> Result<()> {
    for tar in tars {
        // The first attempt may come before containerd listens.
        wait_until("containerd takes an image", PATIENCE, async || {
            if let Err(ended) = containerd.ensure_running() {
                return Ok(Err(ended));
            }
            images::import(&place.enter, tar).await.map(Ok)
        })
        .await??;
        std::fs::remove_file(tar).with_context(|| format!("remove {}", tar.display()))?;
    }
    Ok(())
}

/// What runs once a node does.
struct Begun {
    kubelet: Process,
    kube_proxy: Process,
    scheduler: Process,
    cgroup: Cgroup,
    node: Duration,
    name_server: Duration,
}

/// Starts the programs of the node, when it has its images.
async fn begin(blueprint: &Blueprint<'_>, images: Result<()>) -> Result<Begun> {
    images?;
    let began = Instant::now();
    let name = blueprint.control_plane.data();
    let name = name
        .parent()
        .and_then(Path::file_name)
        .context("name the cgroup after the private directory")?;
    let cgroup = Cgroup::create(name.to_string_lossy().into_owned())?;
    let scheduler = Process::spawn(blueprint.scheduler()?)?;
    let kube_proxy = Process::spawn(blueprint.kube_proxy()?)?;
    let mut kubelet = Process::spawn(blueprint.kubelet(&cgroup)?)?;
    // Its pod waits for the node.
    dns::install(blueprint.control_plane, blueprint.block.name_server()).await?;
    node_is_ready(blueprint.control_plane, &mut kubelet).await?;
    let node = began.elapsed();
    let began = Instant::now();
    dns::answers(blueprint.control_plane).await?;
    Ok(Begun {
        kubelet,
        kube_proxy,
        scheduler,
        cgroup,
        node,
        name_server: began.elapsed(),
    })
}

async fn node_is_ready(control_plane: &ControlPlane, kubelet: &mut Process) -> Result<()> {
    let nodes: Api<Node> = Api::all(control_plane.client());
    wait_until("the node is ready", PATIENCE, async || {
        if let Err(ended) = kubelet.ensure_running() {
            return Ok(Err(ended));
        }
        let node = nodes.get(NODE_NAME).await?;
        let conditions = node.status.and_then(|status| status.conditions);
        let ready = conditions
            .unwrap_or_default()
            .into_iter()
            .find(|condition| condition.type_ == "Ready")
            .context("it has no condition Ready")?;
        ensure!(ready.status == "True", "{}", ready.message.unwrap_or_default());
        Ok(Ok(()))
    })
    .await?
}
