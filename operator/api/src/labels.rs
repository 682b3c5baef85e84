//! Labels and annotations that the operator reads or sets.

/// Label on a pod or its namespace: `"true"` asks for a decider beside the pod.
pub const INJECT: &str = "attune.dev/inject";
/// Annotation on a pod: the one Channel that its decider serves.
pub const CHANNEL: &str = "attune.dev/channel";
/// Annotation on a pod: the Channel that it decides for in bulk.
pub const BATCH: &str = "attune.dev/batch";
/// Recommended label: what a pod runs.
pub const APP_NAME: &str = "app.kubernetes.io/name";
/// Value of [`APP_NAME`] on pods that decide in bulk.
pub const BATCH_APP: &str = "attune-batch";
/// Label on a pod that has a decider: the Channel that it decides for.
pub const DECIDER: &str = "attune.dev/decider";
/// Name of the ConfigMap, in every namespace with a Channel, with the certificates that deciders trust.
pub const CA_CONFIG_MAP: &str = "attune-ca";
/// Key in [`CA_CONFIG_MAP`]: certificates as PEM.
pub const CA_KEY: &str = "ca.crt";
/// Key of the gzipped bundle in a Channel's ConfigMap.
pub const BUNDLE_KEY: &str = "bundle.json.gz";
/// Key of the rules in the ConfigMap of a Channel with delivery `configMap`.
pub const RULES_KEY: &str = "rules.json";
/// Key of the same where they are gzipped.
pub const PACKED_RULES_KEY: &str = "rules.json.gz";
/// Annotation on the ConfigMap of a Channel with delivery `configMap`: the format of the rules in it.
pub const FORMAT: &str = "attune.dev/format";
/// Audience of the tokens by which pods prove who they are.
pub const TOKEN_AUDIENCE: &str = "attune.dev";
/// Annotation on what the operator wrote: the revision in it.
pub const REVISION: &str = "attune.dev/revision";
/// Label on what the operator wrote: the kind that it was written for, in lower case.
pub const OWNER_KIND: &str = "attune.dev/owner-kind";
/// Label on what the operator wrote: the name of the resource that it was written for.
pub const OWNER_NAME: &str = "attune.dev/owner-name";
/// Recommended label: who manages the object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`] on what the operator wrote.
pub const MANAGER: &str = "attune";
/// Field manager that writes verdicts: conditions and what is programmed.
pub const FIELD_MANAGER_STATUS: &str = "attune-operator/status";
/// Field manager that writes measured results.
pub const FIELD_MANAGER_RESULTS: &str = "attune-operator/results";
/// Field manager that writes bundles.
pub const FIELD_MANAGER_PUBLISH: &str = "attune-operator/publish";
/// Field manager that writes the rules of Channels with delivery `configMap`.
pub const FIELD_MANAGER_RULES: &str = "attune-operator/rules";
/// Field manager that writes the workloads of Channels with delivery `service`.
pub const FIELD_MANAGER_DELIVER: &str = "attune-operator/deliver";
/// Field manager that writes certificates and who trusts them.
pub const FIELD_MANAGER_TRUST: &str = "attune-operator/trust";

/// Name of the ConfigMap with a Channel's bundle.
pub fn bundle_config_map(channel: &str) -> String {
    format!("attune-bundle-{channel}")
}

/// Name of the Deployment, the Service and whatever else belongs to a Channel with delivery `service`.
pub fn service_name(channel: &str) -> String {
    format!("attune-{channel}")
}
