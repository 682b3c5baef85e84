//! Applications whose pods run `/probe`, as restricted Pod Security wants them.

use attune_e2e::Cluster;
use serde_json::{Value, json};

/// The container of the application in each pod.
pub(crate) const APP: &str = "app";

/// The init container, where there is one.
pub(crate) const INIT: &str = "prepare";

/// Where a pod with an identity has its token for us, and the certificates that it trusts.
pub(crate) const TOKEN: &str = "/identity/token";
pub(crate) const CA: &str = "/identity/ca.crt";

/// What a pod is made of.
#[derive(Clone)]
pub(crate) struct App {
    image: &'static str,
    labels: Value,
    annotations: Value,
    spec: Value,
}

impl App {
    /// One that has nothing to do with us.
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let mut app = Self {
            image: cluster.probe_image(),
            labels: json!({}),
            annotations: json!({}),
            spec: json!({
                "terminationGracePeriodSeconds": 5,
                "securityContext": {
                    "runAsNonRoot": true,
                    "runAsUser": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }),
        };
        app.spec["containers"] = json!([app.container(APP, &["sleep"])]);
        app
    }

    /// One that asks for a decider of a Channel.
    pub(crate) fn asking(cluster: &Cluster, channel: &str) -> Self {
        Self::new(cluster)
            .labelled("attune.dev/inject", "true")
            .named(channel)
    }

    /// Names a Channel in its annotation.
    pub(crate) fn named(mut self, channel: &str) -> Self {
        self.annotations["attune.dev/channel"] = channel.into();
        self
    }

    pub(crate) fn labelled(mut self, label: &str, value: &str) -> Self {
        self.labels[label] = value.into();
        self
    }

    pub(crate) fn annotated(mut self, annotation: &str, value: &str) -> Self {
        self.annotations[annotation] = value.into();
        self
    }

    /// Runs this instead of nothing.
    pub(crate) fn running(mut self, args: &[&str]) -> Self {
        self.spec["containers"][0]["args"] = json!(args);
        self
    }

    /// Runs this before anything else of its own.
    pub(crate) fn preparing(mut self, args: &[&str]) -> Self {
        self.spec["initContainers"] = json!([self.container(INIT, args)]);
        self
    }

    /// Waits for somebody to let it start.
    pub(crate) fn gated(mut self) -> Self {
        self.spec["schedulingGates"] = json!([{"name": "shop.example/wait"}]);
        self
    }

    /// Has these variables in its environment.
    pub(crate) fn with_env(mut self, variables: &[(String, String)]) -> Self {
        let variables = variables
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}));
        self.spec["containers"][0]["env"] = variables.collect();
        self
    }

    /// Can prove to us who it is, and knows us: [`TOKEN`] and [`CA`].
    pub(crate) fn with_identity(mut self) -> Self {
        self.spec["volumes"] = json!([{"name": "identity", "projected": {"sources": [
            {"serviceAccountToken": {"audience": "attune.dev", "path": "token", "expirationSeconds": 3600}},
            {"configMap": {"name": "attune-ca"}},
        ]}}]);
        self.spec["containers"][0]["volumeMounts"] =
            json!([{"name": "identity", "mountPath": "/identity", "readOnly": true}]);
        self
    }

    pub(crate) fn pod(&self, name: &str) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": self.labels, "annotations": self.annotations},
            "spec": self.spec,
        })
    }

    pub(crate) fn deployment(&self, name: &str, replicas: u32) -> Value {
        self.workload("Deployment", name, replicas)
    }

    pub(crate) fn stateful_set(&self, name: &str, replicas: u32) -> Value {
        let mut set = self.workload("StatefulSet", name, replicas);
        set["spec"]["serviceName"] = name.into();
        set
    }

    /// A Job whose pods are not tried again.
    pub(crate) fn job(&self, name: &str) -> Value {
        let mut template = self.template(name);
        template["spec"]["restartPolicy"] = "Never".into();
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": template},
        })
    }

    fn workload(&self, kind: &str, name: &str, replicas: u32) -> Value {
        json!({
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": self.template(name),
            },
        })
    }

    /// Pods are found by the label `app`.
    fn template(&self, name: &str) -> Value {
        let labelled = self.clone().labelled("app", name);
        json!({
            "metadata": {"labels": labelled.labels, "annotations": labelled.annotations},
            "spec": labelled.spec,
        })
    }

    fn container(&self, name: &str, args: &[&str]) -> Value {
        json!({
            "name": name,
            "image": self.image,
            "imagePullPolicy": "Never",
            "command": ["/probe"],
            "args": args,
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        })
    }
}

/// Documents as one text, for `kubectl apply`.
pub(crate) fn documents(documents: &[Value]) -> String {
    let texts: Vec<_> = documents.iter().map(Value::to_string).collect();
    texts.join("\n---\n")
}
