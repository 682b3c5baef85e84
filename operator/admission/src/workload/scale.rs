//! How many deciders there are, under load and while nodes are emptied.

use attune_api::Whole;
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec,
    MetricTarget, ResourceMetricSource,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Part, ServiceChannel, object_name};
use crate::Settings;

/// Processor use to aim for where a Channel does not say, in percent of what is requested.
const TARGET_CPU_PERCENT: i32 = 70;

pub(super) fn autoscaler(
    channel: &ServiceChannel<'_>,
    settings: &Settings,
) -> Option<HorizontalPodAutoscaler> {
    let autoscaling = channel.service.autoscaling.as_ref()?;
    let target = autoscaling
        .target_cpu_percent
        .map_or(TARGET_CPU_PERCENT, Whole::get_i32);
    // An autoscaler has no zero.
    let least = i32::try_from(channel.service.replicas())
        .unwrap_or(i32::MAX)
        .max(1);
    Some(HorizontalPodAutoscaler {
        metadata: channel.metadata(settings),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some(format!(
                    "{}/{}",
                    Part::Deployment.group(),
                    Part::Deployment.version()
                )),
                kind: Part::Deployment.kind().to_owned(),
                name: object_name(channel.name),
            },
            min_replicas: Some(least),
            max_replicas: autoscaling.max_replicas.get_i32().max(least),
            metrics: Some(vec![MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".to_owned(),
                    target: MetricTarget {
                        type_: "Utilization".to_owned(),
                        average_utilization: Some(target),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            }]),
            behavior: None,
        }),
        status: None,
    })
}

/// Where there is one decider only, a budget would keep its node from ever being emptied.
pub(super) fn budget(channel: &ServiceChannel<'_>, settings: &Settings) -> Option<PodDisruptionBudget> {
    (channel.service.replicas() > 1).then(|| PodDisruptionBudget {
        metadata: channel.metadata(settings),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(channel.selector()),
            // One that cannot become ready must not keep a node from being emptied.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}
