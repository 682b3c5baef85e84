//! A pod as far as it matters here, read from the document as it came.

use serde_json::{Map, Value};

use super::{CONTAINER, PORT, PROBES_PORT};
use crate::decider::VOLUMES;

/// Kinds of containers that are there from the start.
const CONTAINERS: [&str; 2] = ["initContainers", "containers"];

/// A pod.
pub(super) struct Pod<'a> {
    metadata: &'a Map<String, Value>,
    spec: &'a Map<String, Value>,
}

impl<'a> Pod<'a> {
    /// Reads a document; `None` where something to which we would add is not what a pod has there.
    pub(super) fn read(document: &'a Value) -> Option<Self> {
        let pod = Self {
            metadata: document.get("metadata")?.as_object()?,
            spec: document.get("spec")?.as_object()?,
        };
        let is_null_or = |value: Option<&Value>, is: fn(&Value) -> bool| {
            value.is_none_or(|value| value.is_null() || is(value))
        };
        let is_pod = is_null_or(pod.metadata.get("labels"), Value::is_object)
            && is_null_or(pod.spec.get("initContainers"), Value::is_array)
            && is_null_or(pod.spec.get("volumes"), Value::is_array);
        is_pod.then_some(pod)
    }

    pub(super) fn label(&self, key: &str) -> Option<&'a str> {
        self.metadata.get("labels")?.get(key)?.as_str()
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&'a str> {
        self.metadata.get("annotations")?.get(key)?.as_str()
    }

    /// Whether a decider stands in it: a native sidecar of our container's name.
    pub(super) fn has_decider(&self) -> bool {
        self.list("initContainers").any(|container| {
            name(container) == Some(CONTAINER) && text(container, "restartPolicy") == Some("Always")
        })
    }

    /// Why no decider can stand in a pod of its kind, if so.
    pub(super) fn unfit(&self) -> Option<&'static str> {
        let is_true = |field: &str| self.spec.get(field).and_then(Value::as_bool) == Some(true);
        // On the node's own network a decider would answer every process of the node, and the second one there would
        // find its ports taken and keep its pod from starting.
        if is_true("hostNetwork") {
            return Some(
                "the pod is on its node's network, where a decider would answer everybody on the node",
            );
        }
        if self.spec.get("os").and_then(|os| os.get("name")?.as_str()) == Some("windows") {
            return Some("there is no decider for Windows");
        }
        // It stands for what a kubelet runs from a file, and the API server refuses one with a token.
        if self.annotation("kubernetes.io/config.mirror").is_some() {
            return Some("the pod is static: its kubelet runs it from a file");
        }
        None
    }

    /// What stands where something of ours would, if anything does.
    pub(super) fn clash(&self) -> Option<String> {
        let containers = || CONTAINERS.into_iter().flat_map(|kind| self.list(kind));
        if containers().any(|container| name(container) == Some(CONTAINER)) {
            return Some(format!(
                "the pod has a container `{CONTAINER}` of its own; rename it"
            ));
        }
        let is_ours = |volume: &&str| VOLUMES.contains(volume);
        if let Some(volume) = self.list("volumes").filter_map(name).find(is_ours) {
            return Some(format!("the pod has a volume `{volume}` of its own; rename it"));
        }
        // All containers of a pod share one network: one of the two would not start.
        let ports = containers().filter_map(|container| container.get("ports")?.as_array());
        let numbers = ports
            .flatten()
            .filter_map(|port| port.get("containerPort")?.as_i64());
        let is_taken = |port: &i64| [PORT, PROBES_PORT].map(i64::from).contains(port);
        let port = numbers.into_iter().find(is_taken)?;
        Some(format!(
            "a container of the pod listens on port {port}, which the decider needs"
        ))
    }

    fn list(&self, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.spec
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }
}

fn name(value: &Value) -> Option<&str> {
    text(value, "name")
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}
