//! What stands for a Channel with delivery `batch`: a `CronJob` that runs `attune batch`.
//!
//! Its pods ask the API server nothing: the rules come from the ConfigMap that the operator publishes, connections from the
//! Secrets that the Channel names, and what came of a run is the termination message.

use std::collections::BTreeMap;

use attune_api::Channel;
use attune_api::delivery::{BatchDelivery, BatchEnd, BatchFormat, BatchTable, BatchVolume, Delivery};
use attune_api::labels::{
    APP_NAME, BATCH, BATCH_APP, BUNDLE_KEY, INJECT, MANAGED_BY, MANAGER, OWNER_KIND, OWNER_NAME,
    bundle_config_map,
};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, EnvVar, EnvVarSource, ObjectFieldSelector,
    PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements,
    SeccompProfile, SecretKeySelector, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{INSTANCE, label_value, metadata, owner_kind};
use crate::Settings;
use crate::decider::{
    BUNDLE_DIRECTORY, CA_DIRECTORY, TOKEN_DIRECTORY, TOKEN_FILE, USER, ca_volume, restricted, token_volume,
};
use crate::workload::name::batch_name;

/// Name of the container.
const CONTAINER: &str = "attune-batch";

const PROGRAM: &str = "/attune";
const UNITS_DIRECTORY: &str = "/var/lib/attune/units";
const OUT_DIRECTORY: &str = "/var/lib/attune/out";
/// Names of the volumes with claims.
const UNITS: &str = "units";
const OUT: &str = "out";

const REPORT: &str = "/dev/termination-log";

/// Keys of a Secret with a connection.
const URI: &str = "uri";
const CA: &str = "ca.crt";

/// The label that Kubernetes gives a Job's pods.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// Further attempts at one run.
const RETRIES: i32 = 2;
/// The longest that a run may take with all of its attempts, in seconds.
const LONGEST: i64 = 6 * 3600;
/// How late a run may begin, in seconds: not at all is better than beside the next.
const LATEST: i64 = 3600;
/// Jobs that are kept to be looked at.
const KEPT: i32 = 2;

const REQUESTED_CPU: &str = "50m";
const REQUESTED_MEMORY: &str = "64Mi";

/// A Channel with delivery `batch` as a server knows it.
#[derive(Debug, Clone, Copy)]
pub struct BatchChannel<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
    batch: &'a BatchDelivery,
}

impl<'a> BatchChannel<'a> {
    /// A Channel, if that is its delivery and a server has given it an identity.
    pub fn of(channel: &'a Channel) -> Option<Self> {
        let Delivery::Batch(batch) = &channel.spec.delivery else {
            return None;
        };
        Some(Self {
            namespace: channel.metadata.namespace.as_deref()?,
            name: channel.metadata.name.as_deref()?,
            uid: channel.metadata.uid.as_deref()?,
            batch,
        })
    }

    fn labels(&self, settings: &Settings) -> BTreeMap<String, String> {
        BTreeMap::from([
            (APP_NAME.to_owned(), BATCH_APP.to_owned()),
            (OWNER_NAME.to_owned(), label_value(self.name)),
            (MANAGED_BY.to_owned(), MANAGER.to_owned()),
            (OWNER_KIND.to_owned(), owner_kind()),
            (INSTANCE.to_owned(), label_value(&settings.release)),
        ])
    }
}

/// The `CronJob` of a Channel.
pub(super) fn build(channel: &BatchChannel<'_>, settings: &Settings) -> CronJob {
    let batch = channel.batch;
    let labels = channel.labels(settings);
    let mut pod_labels = labels.clone();
    // In a namespace that asks for deciders, whoever decides in bulk needs none.
    pod_labels.insert(INJECT.to_owned(), "false".to_owned());
    CronJob {
        metadata: metadata(
            (channel.namespace, channel.name, channel.uid),
            batch_name(channel.name),
            labels.clone(),
        ),
        spec: Some(CronJobSpec {
            schedule: batch.schedule.clone(),
            time_zone: Some(
                batch
                    .time_zone
                    .as_ref()
                    .map_or_else(|| "Etc/UTC".to_owned(), ToString::to_string),
            ),
            concurrency_policy: Some("Forbid".to_owned()),
            starting_deadline_seconds: Some(LATEST),
            successful_jobs_history_limit: Some(KEPT),
            failed_jobs_history_limit: Some(KEPT),
            job_template: JobTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    ..ObjectMeta::default()
                }),
                spec: Some(JobSpec {
                    backoff_limit: Some(RETRIES),
                    active_deadline_seconds: Some(LONGEST),
                    template: PodTemplateSpec {
                        metadata: Some(ObjectMeta {
                            labels: Some(pod_labels),
                            annotations: Some([(BATCH.to_owned(), channel.name.to_owned())].into()),
                            ..ObjectMeta::default()
                        }),
                        spec: Some(pod(channel, settings)),
                    },
                    ..JobSpec::default()
                }),
            },
            // Who suspends it keeps it suspended.
            suspend: None,
        }),
        status: None,
    }
}

fn pod(channel: &BatchChannel<'_>, settings: &Settings) -> PodSpec {
    let reports = settings.collector_url.is_some();
    let bundle = Volume {
        name: "attune-bundle".to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: bundle_config_map(channel.name),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let mut volumes = vec![bundle];
    if !is_one_claim(channel.batch) {
        volumes.extend(claim(UNITS, &channel.batch.source, true));
    }
    volumes.extend(claim(OUT, &channel.batch.sink, false));
    if reports {
        volumes.extend([token_volume(), ca_volume()]);
    }
    PodSpec {
        automount_service_account_token: Some(false),
        service_account_name: Some("default".to_owned()),
        enable_service_links: Some(false),
        restart_policy: Some("Never".to_owned()),
        containers: vec![container(channel, settings)],
        volumes: Some(volumes),
        security_context: Some(PodSecurityContext {
            fs_group: Some(USER),
            // A volume with millions of files is not looked through for each run.
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            run_as_non_root: Some(true),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    }
}

fn container(channel: &BatchChannel<'_>, settings: &Settings) -> Container {
    let batch = channel.batch;
    let mut environment = connection("ATTUNE_UNITS", &batch.source);
    environment.extend(connection("ATTUNE_OUT", &batch.sink));
    environment.push(run());
    let mut mounts = vec![mount("attune-bundle", BUNDLE_DIRECTORY, true)];
    if let BatchEnd::Volume(_) = &batch.source {
        let volume = if is_one_claim(batch) { OUT } else { UNITS };
        mounts.push(mount(volume, UNITS_DIRECTORY, true));
    }
    if let BatchEnd::Volume(_) = &batch.sink {
        mounts.push(mount(OUT, OUT_DIRECTORY, false));
    }
    if settings.collector_url.is_some() {
        mounts.push(mount("attune-token", TOKEN_DIRECTORY, true));
        mounts.push(mount("attune-ca", CA_DIRECTORY, true));
    }
    let requests = [("cpu", REQUESTED_CPU), ("memory", REQUESTED_MEMORY)];
    Container {
        name: CONTAINER.to_owned(),
        image: Some(settings.image.clone()),
        image_pull_policy: Some(settings.pull_policy.as_str().to_owned()),
        command: Some(vec![PROGRAM.to_owned()]),
        args: Some(arguments(channel, settings)),
        env: Some(environment),
        resources: Some(ResourceRequirements {
            requests: Some(
                requests
                    .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())))
                    .into(),
            ),
            ..ResourceRequirements::default()
        }),
        security_context: Some(restricted()),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

/// The Job that a pod is an attempt of: the next day's goes on with nothing of it.
fn run() -> EnvVar {
    let job = ObjectFieldSelector {
        field_path: format!("metadata.labels['{JOB_NAME}']"),
        ..ObjectFieldSelector::default()
    };
    EnvVar {
        name: "ATTUNE_RUN".to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(job),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

fn arguments(channel: &BatchChannel<'_>, settings: &Settings) -> Vec<String> {
    let batch = channel.batch;
    let mut arguments = vec![
        "batch".to_owned(),
        format!("--bundle={BUNDLE_DIRECTORY}/{BUNDLE_KEY}"),
        format!("--channel={}", channel.name),
        format!("--report={REPORT}"),
        "--summary=json".to_owned(),
        "--tolerate-rejects".to_owned(),
        end("--units", UNITS_DIRECTORY, &batch.source),
        end("--out", OUT_DIRECTORY, &batch.sink),
    ];
    if let BatchEnd::Volume(volume) = &batch.source {
        arguments.extend(format("--units-format", volume));
    }
    if let BatchEnd::Volume(volume) = &batch.sink {
        arguments.extend(format("--format", volume));
        // The next attempt goes on where this one was ended.
        arguments.push("--resume".to_owned());
        arguments.push(format!(
            "--rejects={OUT_DIRECTORY}/{}.rejects.ndjson",
            volume.path
        ));
    }
    for touchpoint in &batch.touchpoints {
        arguments.push(format!("--touchpoint={touchpoint}"));
    }
    if let Some(collector) = &settings.collector_url {
        arguments.push(format!("--collector={collector}"));
        arguments.push(format!("--token-file={TOKEN_DIRECTORY}/{TOKEN_FILE}"));
        arguments.push(format!("--ca-file={CA_DIRECTORY}/ca.crt"));
    }
    // The kubelet would read `$(NAME)` as a reference.
    arguments
        .into_iter()
        .map(|argument| argument.replace('$', "$$"))
        .collect()
}

fn end(option: &str, directory: &str, end: &BatchEnd) -> String {
    match end {
        BatchEnd::Postgres(BatchTable { table, .. }) => format!("{option}=postgres:{table}"),
        BatchEnd::Volume(volume) => format!("{option}={directory}/{}", volume.path),
    }
}

fn format(option: &str, volume: &BatchVolume) -> Option<String> {
    let format = match volume.format? {
        BatchFormat::Csv => "csv",
        BatchFormat::Ndjson => "ndjson",
        BatchFormat::Parquet => "parquet",
    };
    Some(format!("{option}={format}"))
}

/// The variables with a connection, from the Secret that has it.
fn connection(prefix: &str, end: &BatchEnd) -> Vec<EnvVar> {
    let BatchEnd::Postgres(table) = end else {
        return Vec::new();
    };
    let variable = |name: &str, key: &str, optional: bool| EnvVar {
        name: format!("{prefix}_{name}"),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: table.secret_ref.name.to_string(),
                key: key.to_owned(),
                optional: optional.then_some(true),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    };
    vec![variable("URI", URI, false), variable("CA", CA, true)]
}

/// Whether units and decisions are on one volume: a pod that names a claim twice may never start.
fn is_one_claim(batch: &BatchDelivery) -> bool {
    matches!(
        (&batch.source, &batch.sink),
        (BatchEnd::Volume(source), BatchEnd::Volume(sink)) if source.claim_name == sink.claim_name
    )
}

fn claim(name: &str, end: &BatchEnd, read_only: bool) -> Option<Volume> {
    let BatchEnd::Volume(volume) = end else {
        return None;
    };
    Some(Volume {
        name: name.to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: volume.claim_name.to_string(),
            read_only: read_only.then_some(true),
        }),
        ..Volume::default()
    })
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}
