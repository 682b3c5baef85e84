//! One Kubernetes control plane: etcd, API server and controller manager, as processes of this test binary.

mod components;
pub(crate) mod pki;
pub(crate) mod place;
mod readiness;
pub(crate) mod scratch;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::json;
use tokio::sync::Mutex;

use self::components::{Blueprint, Ports};
use self::pki::{Identity, NodePki, Pki};
use self::place::Place;
use self::readiness::{api_server_is_ready, controllers_work, etcd_is_healthy};
use self::scratch::Scratch;
use crate::{AuditLog, Launch, Objects, Outcome, Process, Tools, WriteWatch, command};

/// Longer than ever needed, even while compilers run beside it.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a component may take to end by itself when asked to.
const GRACE: Duration = Duration::from_secs(20);

/// A program of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The database.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controllers that come with Kubernetes.
    ControllerManager,
}

/// How long each step of the start took.
#[derive(Clone, Copy, Debug)]
pub struct StartTimes {
    /// Keys and certificates.
    pub pki: Duration,
    /// Until etcd is healthy.
    pub etcd: Duration,
    /// Until `/readyz` of the API server says so.
    pub api_server: Duration,
    /// Until a controller has done its first work.
    pub controller_manager: Duration,
}

impl StartTimes {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.pki + self.etcd + self.api_server + self.controller_manager
    }
}

#[derive(Debug)]
struct Processes {
    // Dropped in this order: clients before their server.
    controller_manager: Process,
    api_server: Process,
    etcd: Process,
}

impl Processes {
    fn of(&mut self, component: Component) -> &mut Process {
        match component {
            Component::Etcd => &mut self.etcd,
            Component::ApiServer => &mut self.api_server,
            Component::ControllerManager => &mut self.controller_manager,
        }
    }
}

/// A running control plane in a private directory on ports of its own. Dropping it stops and removes all of it; so does the
/// end of this process, however it comes.
pub struct ControlPlane {
    // Declared, and so dropped, in this order: processes before the directory they use.
    running: Running,
    scratch: Scratch,
}

struct Running {
    client: Client,
    kubeconfig: PathBuf,
    tools: Tools,
    times: StartTimes,
    audit: AuditLog,
    processes: Mutex<Processes>,
    ports: Ports,
    pki: Pki,
    place: Place,
}

impl ControlPlane {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// When the tools are missing, or a component does not come up; with the end of the logs.
    pub async fn start() -> Result<Self> {
        let tools = Tools::from_env()?;
        Self::start_at(Place::loopback(), Scratch::create()?, tools).await
    }

    /// Starts one at another place.
    pub(crate) async fn start_at(place: Place, mut scratch: Scratch, tools: Tools) -> Result<Self> {
        match start_in(&scratch, tools, place).await {
            Ok(running) => Ok(Self { running, scratch }),
            Err(error) => {
                scratch.keep_logs();
                Err(error.context(format!("start a control plane; {}", scratch.log_tails(20))))
            }
        }
    }

    /// A client that may do everything.
    pub fn client(&self) -> Client {
        self.running.client.clone()
    }

    /// The kubeconfig of [`Self::client`], for programs that take one.
    pub fn kubeconfig(&self) -> &Path {
        &self.running.kubeconfig
    }

    /// How long the start took.
    pub fn times(&self) -> StartTimes {
        self.running.times
    }

    /// Every write request to our group so far, with or without an effect.
    pub fn audit(&self) -> &AuditLog {
        &self.running.audit
    }

    /// Where logs go; whatever a test puts here is shown and kept when a test fails.
    pub fn logs(&self) -> PathBuf {
        self.scratch.logs()
    }

    /// What the programs of a node prove themselves with, where this was started for one.
    pub(crate) fn node_pki(&self) -> Result<&NodePki> {
        self.running
            .pki
            .node
            .as_ref()
            .context("this control plane was started for no node")
    }

    /// A kubeconfig for another user than the administrator.
    pub(crate) fn kubeconfig_of(&self, user: &str, identity: &Identity) -> Result<PathBuf> {
        self.with_blueprint(|blueprint| blueprint.kubeconfig(user, identity))
    }

    /// A kubeconfig for a program that may do everything too, and that the audit log calls `user`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn kubeconfig_as(&self, user: &str) -> Result<PathBuf> {
        self.with_blueprint(|blueprint| blueprint.impersonating(user))
    }

    fn with_blueprint<T>(&self, make: impl FnOnce(&Blueprint<'_>) -> T) -> T {
        make(&Blueprint {
            tools: &self.running.tools,
            ports: &self.running.ports,
            pki: &self.running.pki,
            place: &self.running.place,
            data: &self.scratch.data(),
            logs: &self.scratch.logs(),
        })
    }

    /// Keys, configurations and data.
    pub(crate) fn data(&self) -> PathBuf {
        self.scratch.data()
    }

    /// The programs it was started from.
    pub(crate) fn tools(&self) -> &Tools {
        &self.running.tools
    }

    /// A program of ours to be started beside the control plane, with its kubeconfig in the environment.
    pub fn launch(&self, name: &str, path: &Path) -> Launch {
        Launch::new(name, path, &self.logs()).env("KUBECONFIG", self.kubeconfig().display().to_string())
    }

    /// Runs the built `kubectl` as an administrator.
    ///
    /// # Errors
    /// When it cannot be started; how it ended is in the outcome.
    pub async fn kubectl(&self, args: &[&str]) -> Result<Outcome> {
        self.kubectl_with_input(args, "").await
    }

    /// Runs the built `kubectl` with something on its input, for `-f -`.
    ///
    /// # Errors
    /// As [`Self::kubectl`].
    pub async fn kubectl_with_input(&self, args: &[&str], input: &str) -> Result<Outcome> {
        let program = self.running.tools.program("kubectl");
        // Its discovery cache belongs to this control plane.
        command::run(&program, self.kubeconfig(), &self.scratch.data(), args, input).await
    }

    /// Applies every resource definition in a directory (or file) and waits until all are served. A warning is an error.
    ///
    /// # Errors
    /// When one is refused, warned about or not established in time; with what `kubectl` said.
    pub async fn install(&self, definitions: &Path) -> Result<()> {
        let path = definitions.to_str().context("a path in UTF-8")?;
        self.kubectl(&["apply", "-f", path]).await?.without_complaint()?;
        self.wait_established(definitions).await
    }

    /// Waits until every resource definition in a directory (or file) is served.
    ///
    /// # Errors
    /// When one is not established in a minute.
    pub async fn wait_established(&self, definitions: &Path) -> Result<()> {
        let path = definitions.to_str().context("a path in UTF-8")?;
        let wait = ["wait", "--for=condition=Established", "--timeout=60s", "-f", path];
        // `kubectl wait` gives up on a definition of which the server has said nothing yet.
        for _ in 0..40 {
            let outcome = self.kubectl(&wait).await?;
            if outcome.status.success() || !outcome.stderr.contains("accessor error") {
                outcome.without_complaint()?;
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        self.kubectl(&wait).await?.without_complaint()?;
        Ok(())
    }

    /// Reads and writes objects of any kind as an administrator.
    pub fn objects(&self) -> Objects {
        Objects::new(self.client())
    }

    /// Watches every write to our group that has an effect, from the moment this returns.
    ///
    /// # Errors
    /// When no definition of the group is there yet.
    pub async fn watch_writes(&self) -> Result<WriteWatch> {
        WriteWatch::start(self.client()).await
    }

    /// Creates a namespace with a random name, runs `test` in it and deletes it, whatever came of the test. Deletion goes on
    /// in the background.
    ///
    /// # Errors
    /// That of the test, or when the namespace cannot be created or deleted.
    pub async fn with_namespace<T>(&self, test: impl AsyncFnOnce(&str) -> Result<T>) -> Result<T> {
        let name = self.create_namespace().await?;
        let outcome = test(&name).await.with_context(|| format!("in namespace {name}"));
        let namespaces: Api<Namespace> = Api::all(self.client());
        let deleted = namespaces.delete(&name, &DeleteParams::default()).await;
        let value = outcome?;
        deleted.with_context(|| format!("delete namespace {name}"))?;
        Ok(value)
    }

    /// Creates a namespace with a random name; it goes with the control plane.
    ///
    /// # Errors
    /// When it cannot be created.
    pub async fn create_namespace(&self) -> Result<String> {
        create_namespace(&self.client(), "test-").await
    }

    /// The process id of a component.
    pub async fn id(&self, component: Component) -> u32 {
        self.running.processes.lock().await.of(component).id()
    }

    /// Asks a component to end and waits until it has.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn stop(&self, component: Component) -> Result<ExitStatus> {
        self.running
            .processes
            .lock()
            .await
            .of(component)
            .stop(GRACE)
            .await
    }

    /// Kills a component, as a crash would.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill(&self, component: Component) -> Result<ExitStatus> {
        self.running.processes.lock().await.of(component).kill().await
    }

    /// Starts a stopped component on the same data and ports and waits until it is ready.
    ///
    /// # Errors
    /// When it still runs, or does not come up again.
    pub async fn start_again(&self, component: Component) -> Result<()> {
        let mut processes = self.running.processes.lock().await;
        processes.of(component).start_again()?;
        match component {
            Component::Etcd => etcd_is_healthy(&mut processes.etcd, &self.running.ports).await,
            Component::ApiServer => {
                api_server_is_ready(&mut processes.api_server, &self.running.client).await
            }
            Component::ControllerManager => {
                controllers_work(&mut processes.controller_manager, &self.running.client).await
            }
        }
    }

    /// The end of each log.
    pub fn log_tails(&self, lines: usize) -> String {
        self.scratch.log_tails(lines)
    }

    /// Leaves the logs where they are when this is dropped.
    pub fn keep_logs(&mut self) {
        self.scratch.keep_logs();
    }
}

async fn start_in(scratch: &Scratch, tools: Tools, place: Place) -> Result<Running> {
    let (data, logs) = (scratch.data(), scratch.logs());
    let ports = Ports::take(place.address)?;
    let mut clock = Instant::now();
    let mut lap = || std::mem::replace(&mut clock, Instant::now()).elapsed();

    let pki = Pki::create(&data, &place)?;
    let blueprint = Blueprint {
        tools: &tools,
        ports: &ports,
        pki: &pki,
        place: &place,
        data: &data,
        logs: &logs,
    };
    let kubeconfig = blueprint.kubeconfig("admin", &pki.admin)?;
    let for_controllers = blueprint.kubeconfig("controller-manager", &pki.controller_manager)?;
    let client = connect(&kubeconfig).await?;
    let audit = AuditLog::at(blueprint.audit_log());
    let pki_time = lap();

    let mut etcd = Process::spawn(blueprint.etcd())?;
    etcd_is_healthy(&mut etcd, &ports).await?;
    let etcd_time = lap();

    let mut api_server = Process::spawn(blueprint.api_server()?)?;
    api_server_is_ready(&mut api_server, &client).await?;
    let api_server_time = lap();

    let mut controller_manager = Process::spawn(blueprint.controller_manager(&for_controllers))?;
    controllers_work(&mut controller_manager, &client).await?;
    let times = StartTimes {
        pki: pki_time,
        etcd: etcd_time,
        api_server: api_server_time,
        controller_manager: lap(),
    };

    let processes = Mutex::new(Processes {
        controller_manager,
        api_server,
        etcd,
    });
    Ok(Running {
        client,
        kubeconfig,
        tools,
        times,
        audit,
        processes,
        ports,
        pki,
        place,
    })
}

async fn connect(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig).context("read our kubeconfig")?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
    Client::try_from(config.context("load our kubeconfig")?).context("make a client")
}

async fn create_namespace(client: &Client, prefix: &str) -> Result<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let request = serde_json::from_value(json!({"metadata": {"generateName": prefix}}))?;
    let created = namespaces
        .create(&PostParams::default(), &request)
        .await
        .context("create a namespace")?;
    Ok(created.name_any())
}
