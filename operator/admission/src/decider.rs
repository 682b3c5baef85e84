//! The container that decides, and the volumes that it needs: the same beside an application and on its own.

use std::collections::BTreeMap;

use attune_api::channel::State;
use attune_api::delivery::{ComputeAmount, DeciderResources, ServiceAccess, Startup, StartupTimeout};
use attune_api::labels::{CA_CONFIG_MAP, TOKEN_AUDIENCE, bundle_config_map};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, EnvVar,
    EnvVarSource, HTTPGetAction, KeyToPath, ObjectFieldSelector, Probe, ProjectedVolumeSource,
    ResourceRequirements, SeccompProfile, SecretVolumeSource, SecurityContext, ServiceAccountTokenProjection,
    Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::Settings;
use crate::quantity::billionths;

mod access;
#[cfg(test)]
mod tests;

/// Name of the container.
pub const CONTAINER: &str = "attune-decider";
/// Port of decisions.
pub const PORT: i32 = 8016;
/// Port of health, startup, readiness and metrics.
pub const PROBES_PORT: i32 = 8017;
/// Name of [`PROBES_PORT`].
pub const PROBES: &str = "probes";
/// The user and the group that it runs as.
pub const USER: i64 = 65_532;

const PROGRAM: &str = "/attune-decider";
pub(crate) const TOKEN_DIRECTORY: &str = "/var/run/attune";
pub(crate) const TOKEN_FILE: &str = "token";
pub(crate) const CA_DIRECTORY: &str = "/etc/attune/ca";
pub(crate) const BUNDLE_DIRECTORY: &str = "/etc/attune/bundle";
const DATA_DIRECTORY: &str = "/var/lib/attune";
const STATE_DIRECTORY: &str = "/etc/attune/state";
/// What a decider reads of the Secret.
const STATE_KEYS: [&str; 3] = ["url", "ca.crt", "key"];

/// How long a token is good for; the kubelet renews it after four fifths of that.
const TOKEN_SECONDS: i64 = 3600;
/// What the data volume may hold: a bundle is about a megabyte at most, and is written anew beside the old one.
const DATA_LIMIT: &str = "64Mi";

/// How long to wait for the first rules where a Channel does not say, in seconds.
const STARTUP_SECONDS: i64 = 60;
/// The decider lets its startup pass by itself when the time is over; the probe gives up only after that, in seconds.
const STARTUP_MARGIN: i64 = 60;

const REQUESTED_CPU: &str = "20m";
const REQUESTED_MEMORY: &str = "32Mi";

/// Where a decider stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Beside an application, for which alone it decides.
    Sidecar,
    /// In a pod of its own behind a Service.
    Service,
}

/// A decider of one Channel.
#[derive(Debug, Clone, Copy)]
pub struct Decider<'a> {
    /// What all deciders have in common.
    pub settings: &'a Settings,
    /// The Channel that it decides for, in the namespace of its pod.
    pub channel: &'a str,
    /// Where it stands.
    pub place: Place,
    /// What holds back its start.
    pub startup: Option<&'a Startup>,
    /// What it may use.
    pub resources: Option<&'a DeciderResources>,
    /// What it shares with other deciders.
    pub state: Option<&'a State>,
    /// Who may ask it.
    pub access: Option<&'a ServiceAccess>,
}

impl Decider<'_> {
    /// The container.
    pub fn container(&self) -> Container {
        Container {
            name: CONTAINER.to_owned(),
            image: Some(self.settings.image.clone()),
            image_pull_policy: Some(self.settings.pull_policy.as_str().to_owned()),
            command: Some(vec![PROGRAM.to_owned()]),
            env: Some(self.environment()),
            ports: Some(self.ports()),
            restart_policy: (self.place == Place::Sidecar).then(|| "Always".to_owned()),
            startup_probe: Some(self.startup_probe()),
            liveness_probe: Some(Probe {
                http_get: Some(get("/healthz")),
                period_seconds: Some(10),
                timeout_seconds: Some(2),
                failure_threshold: Some(3),
                ..Probe::default()
            }),
            // Beside an application, rules that are not there yet must not take the application out of its Service.
            readiness_probe: (self.place == Place::Service).then(|| Probe {
                http_get: Some(get("/readyz")),
                period_seconds: Some(2),
                timeout_seconds: Some(2),
                failure_threshold: Some(2),
                ..Probe::default()
            }),
            resources: Some(requirements(self.resources)),
            security_context: Some(restricted()),
            termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
            volume_mounts: Some(self.mounts()),
            ..Container::default()
        }
    }

    /// The volumes. All that may be missing is optional: nothing but a certificate keeps a pod from starting.
    pub fn volumes(&self) -> Vec<Volume> {
        let mut volumes = vec![
            token_volume(),
            ca_volume(),
            optional(BUNDLE, bundle_config_map(self.channel)),
            Volume {
                name: DATA.to_owned(),
                empty_dir: Some(EmptyDirVolumeSource {
                    size_limit: Some(Quantity(DATA_LIMIT.to_owned())),
                    ..EmptyDirVolumeSource::default()
                }),
                ..Volume::default()
            },
        ];
        volumes.extend(self.state.map(shared));
        volumes.extend(self.access.into_iter().flat_map(access::volumes));
        volumes
    }

    fn mounts(&self) -> Vec<VolumeMount> {
        let mut mounts = vec![
            mount(TOKEN, TOKEN_DIRECTORY, Some(true)),
            mount(CA, CA_DIRECTORY, Some(true)),
            mount(BUNDLE, BUNDLE_DIRECTORY, Some(true)),
            mount(DATA, DATA_DIRECTORY, None),
        ];
        mounts.extend(self.state.map(|_| mount(STATE, STATE_DIRECTORY, Some(true))));
        mounts.extend(self.access.into_iter().flat_map(access::mounts));
        mounts
    }

    /// The table of `docs/adr/0008-on-a-cluster.md`.
    fn environment(&self) -> Vec<EnvVar> {
        let listen = match self.place {
            Place::Sidecar => format!("127.0.0.1:{PORT}"),
            Place::Service => format!("0.0.0.0:{PORT}"),
        };
        let collector = self.settings.collector_url.as_deref();
        let variables = [
            Some(variable("ATTUNE_OPERATOR", &self.settings.operator_url)),
            collector.map(|url| variable("ATTUNE_COLLECTOR", url)),
            Some(field("ATTUNE_NAMESPACE", "metadata.namespace")),
            Some(field("POD_NAME", "metadata.name")),
            Some(variable("ATTUNE_CHANNEL", self.channel)),
            Some(variable("ATTUNE_LISTEN", &listen)),
            Some(variable("ATTUNE_PROBES", &format!("0.0.0.0:{PROBES_PORT}"))),
            Some(variable("ATTUNE_CA_FILE", &format!("{CA_DIRECTORY}/ca.crt"))),
            Some(variable(
                "ATTUNE_TOKEN_FILE",
                &format!("{TOKEN_DIRECTORY}/{TOKEN_FILE}"),
            )),
            Some(variable(
                "ATTUNE_FALLBACK",
                &format!("{BUNDLE_DIRECTORY}/{}", attune_api::labels::BUNDLE_KEY),
            )),
            Some(variable("ATTUNE_DATA", DATA_DIRECTORY)),
            self.state.map(|_| variable("ATTUNE_STATE", STATE_DIRECTORY)),
            Some(variable("ATTUNE_STARTUP_TIMEOUT", &self.startup_timeout())),
        ];
        let access = self.access.into_iter().flat_map(access::environment);
        variables.into_iter().flatten().chain(access).collect()
    }

    fn ports(&self) -> Vec<ContainerPort> {
        let decisions = (self.place == Place::Service).then(|| port("http", PORT));
        decisions.into_iter().chain([port(PROBES, PROBES_PORT)]).collect()
    }

    /// Seconds to wait for the first rules; `None` for as long as it takes.
    fn startup_seconds(&self) -> Option<i64> {
        match self.startup.and_then(|startup| startup.timeout.as_ref()) {
            None => Some(STARTUP_SECONDS),
            Some(StartupTimeout::After(span)) => Some(span.seconds()),
            Some(StartupTimeout::Forever) => None,
        }
    }

    fn startup_timeout(&self) -> String {
        self.startup_seconds()
            .map_or_else(|| "Forever".to_owned(), |seconds| format!("{seconds}s"))
    }

    fn startup_probe(&self) -> Probe {
        let patience = self
            .startup_seconds()
            .and_then(|seconds| i32::try_from(seconds.saturating_add(STARTUP_MARGIN)).ok());
        Probe {
            http_get: Some(get("/startupz")),
            period_seconds: Some(1),
            timeout_seconds: Some(1),
            failure_threshold: Some(patience.unwrap_or(i32::MAX)),
            ..Probe::default()
        }
    }
}

const TOKEN: &str = "attune-token";
const CA: &str = "attune-ca";
const BUNDLE: &str = "attune-bundle";
const DATA: &str = "attune-data";
const STATE: &str = "attune-state";

/// Names of the volumes.
pub const VOLUMES: [&str; 7] = [TOKEN, CA, BUNDLE, DATA, STATE, access::KEYS, access::CERTIFICATE];

/// A token to prove oneself with, good for nothing else.
pub(crate) fn token_volume() -> Volume {
    Volume {
        name: TOKEN.to_owned(),
        projected: Some(ProjectedVolumeSource {
            sources: Some(vec![VolumeProjection {
                service_account_token: Some(ServiceAccountTokenProjection {
                    audience: Some(TOKEN_AUDIENCE.to_owned()),
                    expiration_seconds: Some(TOKEN_SECONDS),
                    path: TOKEN_FILE.to_owned(),
                }),
                ..VolumeProjection::default()
            }]),
            ..ProjectedVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// Whom to trust, where that is known.
pub(crate) fn ca_volume() -> Volume {
    optional(CA, CA_CONFIG_MAP.to_owned())
}

fn mount(name: &str, path: &str, read_only: Option<bool>) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only,
        ..VolumeMount::default()
    }
}

/// The Secret that says where what deciders share is, where there is one; nothing else of it is mounted than what is read.
fn shared(state: &State) -> Volume {
    let item = |key: &&str| KeyToPath {
        key: (*key).to_owned(),
        path: (*key).to_owned(),
        ..KeyToPath::default()
    };
    Volume {
        name: STATE.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(state.redis.secret_ref.name.as_str().to_owned()),
            items: Some(STATE_KEYS.iter().map(item).collect()),
            optional: Some(true),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// A ConfigMap, where there is one.
fn optional(volume: &str, config_map: String) -> Volume {
    Volume {
        name: volume.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: config_map,
            optional: Some(true),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        // The kubelet would read `$(NAME)` as a reference.
        value: Some(value.replace('$', "$$")),
        ..EnvVar::default()
    }
}

fn field(name: &str, path: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: path.to_owned(),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn get(path: &str) -> HTTPGetAction {
    HTTPGetAction {
        path: Some(path.to_owned()),
        port: IntOrString::String(PROBES.to_owned()),
        scheme: Some("HTTP".to_owned()),
        ..HTTPGetAction::default()
    }
}

/// What Pod Security calls restricted, and a root that cannot be written.
pub(crate) fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            ..Capabilities::default()
        }),
        privileged: Some(false),
        read_only_root_filesystem: Some(true),
        run_as_group: Some(USER),
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..SecurityContext::default()
    }
}

/// What is set aside and what is the most, for each of processor and memory.
fn requirements(resources: Option<&DeciderResources>) -> ResourceRequirements {
    type Amount = fn(&ComputeAmount) -> Option<&String>;
    const AMOUNTS: [(&str, &str, Amount); 2] = [
        ("cpu", REQUESTED_CPU, |amount| amount.cpu.as_ref()),
        ("memory", REQUESTED_MEMORY, |amount| amount.memory.as_ref()),
    ];
    let requests = resources.and_then(|resources| resources.requests.as_ref());
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    let mut requested = BTreeMap::new();
    let mut limited = BTreeMap::new();
    for (name, default, amount) in AMOUNTS {
        let limit = limits.and_then(amount);
        let request = requests.and_then(amount).map_or(default, String::as_str);
        // INVARIANT: no request is above its limit. The API server refuses such a pod, and ours must start.
        let request = match limit {
            Some(limit) if billionths(limit) < billionths(request) => limit,
            _ => request,
        };
        requested.insert(name.to_owned(), Quantity(request.to_owned()));
        limited.extend(limit.map(|limit| (name.to_owned(), Quantity(limit.clone()))));
    }
    ResourceRequirements {
        requests: Some(requested),
        limits: Some(limited).filter(|limited| !limited.is_empty()),
        ..ResourceRequirements::default()
    }
}
