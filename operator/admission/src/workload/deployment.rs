//! The deciders.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::ServiceChannel;
use crate::Settings;
use crate::decider::{CONTAINER, Decider, Place, USER};

/// How much room requests under way and exposures that wait have when a decider ends, in seconds.
const GRACE_SECONDS: i64 = 30;

pub(super) fn build(channel: &ServiceChannel<'_>, settings: &Settings) -> Deployment {
    let service = channel.service;
    let replicas = i32::try_from(service.replicas()).unwrap_or(i32::MAX);
    Deployment {
        metadata: channel.metadata(settings),
        spec: Some(DeploymentSpec {
            // Under an autoscaler the field is its own: what is not applied is not fought over.
            replicas: service.autoscaling.is_none().then_some(replicas),
            selector: channel.selector(),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::String("25%".to_owned())),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            revision_history_limit: Some(3),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(channel.pod_labels(settings)),
                    annotations: Some(
                        [("kubectl.kubernetes.io/default-container", CONTAINER)]
                            .map(|(key, value)| (key.to_owned(), value.to_owned()))
                            .into(),
                    ),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(channel, settings)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pod(channel: &ServiceChannel<'_>, settings: &Settings) -> PodSpec {
    let decider = Decider {
        settings,
        channel: channel.name,
        place: Place::Service,
        startup: channel.service.startup.as_ref(),
        resources: channel.service.resources.as_ref(),
        state: channel.state,
        access: channel.service.access.as_ref(),
    };
    PodSpec {
        // The token that it proves itself with is a volume of its own, good for nothing else.
        automount_service_account_token: Some(false),
        service_account_name: Some("default".to_owned()),
        enable_service_links: Some(false),
        containers: vec![decider.container()],
        volumes: Some(decider.volumes()),
        security_context: Some(PodSecurityContext {
            fs_group: Some(USER),
            run_as_non_root: Some(true),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        topology_spread_constraints: Some(vec![
            spread(channel, "topology.kubernetes.io/zone"),
            spread(channel, "kubernetes.io/hostname"),
        ]),
        ..PodSpec::default()
    }
}

/// Apart from each other where that can be, anywhere where it cannot.
fn spread(channel: &ServiceChannel<'_>, topology_key: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        label_selector: Some(channel.selector()),
        max_skew: 1,
        topology_key: topology_key.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        ..TopologySpreadConstraint::default()
    }
}
