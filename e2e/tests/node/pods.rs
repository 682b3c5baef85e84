//! What a node does with pods.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, Component, wait_until};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

/// What restricted Pod Security asks of a container.
fn restricted() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

fn container(cluster: &Cluster, name: &str, args: &[&str]) -> Value {
    json!({
        "name": name,
        "image": cluster.probe_image(),
        "imagePullPolicy": "Never",
        "command": ["/probe"],
        "args": args,
        "securityContext": restricted(),
    })
}

fn pod(name: &str, containers: &[Value]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": containers},
    })
}

/// A Deployment of two servers and its Service, in one namespace.
fn shop(cluster: &Cluster) -> String {
    let mut server = container(cluster, "server", &["serve", "--listen=0.0.0.0:8080"]);
    server["readinessProbe"] = json!({"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1});
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [server]}},
        },
    });
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    format!("{deployment}\n---\n{service}")
}

pub(crate) async fn a_deployment_is_reached_by_name_and_by_address(cluster: &Cluster, (): &()) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    cluster.apply(&namespace, &shop(cluster)).await?;
    cluster
        .wait_rollout(&namespace, "deployment/shop", PATIENCE)
        .await?;
    let pods = cluster.pods(&namespace, "app=shop").await?;
    ensure!(pods.len() == 2, "{pods:?}");
    for pod in &pods {
        let url = format!("http://{}:8080/", cluster.pod_ip(&namespace, pod).await?);
        let answer: Value = reqwest::get(&url).await?.json().await?;
        ensure!(answer["host"] == pod.as_str(), "{pod} at {url} says {answer}");
    }

    let service = wait_until("this machine reaches the service", PATIENCE, async || {
        cluster.connect_service(&namespace, "shop", 80).await
    })
    .await?;
    let answer: Value = reqwest::get(format!("http://{service}/x")).await?.json().await?;
    ensure!(answer["path"] == "/x", "{answer}");

    let first = pods.first().context("a pod")?;
    let name = format!("shop.{namespace}.svc.cluster.local");
    let found = cluster
        .exec(&namespace, first, "server", &["/probe", "lookup", &name])
        .await?
        .succeeded()?;
    ensure!(found.stdout.trim() == service.to_string(), "{found:?}");
    // What a test starts beside the cluster is reached from pods.
    let outside = std::net::TcpListener::bind((cluster.outside(), 0))?;
    let url = format!("http://{}/", outside.local_addr()?);
    let get = ["/probe", "get", &url, "--timeout=500"];
    let unanswered = cluster.exec(&namespace, first, "server", &get).await?;
    outside.set_nonblocking(true)?;
    ensure!(
        unanswered.status.code() == Some(1) && outside.accept().is_ok(),
        "{unanswered:?}"
    );
    // As often as needed to come to both, itself among them.
    let load = [
        "/probe",
        "load",
        "http://shop/",
        "--rate=50",
        "--for=1",
        "--fresh",
        "--expect=host",
    ];
    let outcome = cluster
        .exec(&namespace, first, "server", &load)
        .await?
        .succeeded()?;
    let report: Value = serde_json::from_str(&outcome.stdout)?;
    ensure!(
        report["failed"] == 0 && report["statuses"]["200"].as_u64() >= Some(45),
        "{report}"
    );
    Ok(())
}

pub(crate) async fn a_native_sidecar_starts_first_and_ends_last(cluster: &Cluster, (): &()) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let mut sidecar = container(cluster, "sidecar", &["serve", "--listen=127.0.0.1:8016"]);
    sidecar["restartPolicy"] = json!("Always");
    // Says yes a while after it started: the container after it must wait for it.
    sidecar["startupProbe"] =
        json!({"exec": {"command": ["/probe", "get", "http://127.0.0.1:8016/"]}, "periodSeconds": 1});
    let asks = [
        "load",
        "http://127.0.0.1:8016/",
        "--rate=20",
        "--grace=2",
        "--report=/dev/termination-log",
    ];
    let mut wanted = pod("order", &[container(cluster, "app", &asks)]);
    wanted["spec"]["initContainers"] = json!([sidecar]);
    cluster.apply(&namespace, &wanted.to_string()).await?;
    let running = cluster.wait_pod_ready(&namespace, "order", PATIENCE).await?;
    let status = serde_json::to_value(&running)?["status"].clone();
    let started = |kind: &str| {
        status[kind][0]["state"]["running"]["startedAt"]
            .as_str()
            .map(str::to_owned)
    };
    ensure!(
        started("initContainerStatuses").is_some()
            && started("initContainerStatuses") <= started("containerStatuses"),
        "{status}"
    );

    let report = last_words(cluster, &namespace, "order").await?;
    // It asked from its start to the end of its grace: with no sidecar at either, it would have failed.
    ensure!(
        report["failed"] == 0 && report["sent"].as_u64() >= Some(30),
        "{report}"
    );
    cluster.wait_pod_gone(&namespace, "order", PATIENCE).await
}

/// Deletes a pod and reads what its container left in its termination message.
async fn last_words(cluster: &Cluster, namespace: &str, name: &str) -> Result<Value> {
    let pods: Api<Pod> = Api::namespaced(cluster.control_plane().client(), namespace);
    let finalizers = async |names: Value| {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": names}}));
        pods.patch(name, &PatchParams::default(), &patch).await
    };
    // It stays until that is read.
    finalizers(json!(["attune.test/keep"])).await?;
    pods.delete(name, &DeleteParams::default()).await?;
    let ended = cluster.wait_pod(namespace, name, PATIENCE, "has ended", |pod| {
        let status = pod.status.as_ref();
        let containers = status.and_then(|status| status.container_statuses.as_ref());
        containers.is_some_and(|all| {
            all.iter()
                .filter_map(|one| one.state.as_ref())
                .all(|state| state.terminated.is_some())
        })
    });
    let status = serde_json::to_value(ended.await?)?["status"].clone();
    finalizers(Value::Null).await?;
    let message = status["containerStatuses"][0]["state"]["terminated"]["message"].as_str();
    let message = message.with_context(|| format!("no last words in {status}"))?;
    serde_json::from_str(message).with_context(|| format!("`{message}` is no report"))
}

pub(crate) async fn the_api_server_reaches_webhooks_by_service(cluster: &Cluster, (): &()) -> Result<()> {
    let namespace = cluster.create_namespace(&[("attune.test/hooked", "yes")]).await?;
    cluster.apply(&namespace, &shop(cluster)).await?;
    cluster
        .wait_rollout(&namespace, "deployment/shop", PATIENCE)
        .await?;
    let name = format!("smoke-{namespace}");
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "smoke.attune.test",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 5,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"],
            }],
            "clientConfig": {"service": {"namespace": namespace, "name": "shop", "path": "/", "port": 80}},
        }],
    });
    cluster.apply(&namespace, &configuration.to_string()).await?;
    let create = [
        "--namespace",
        &namespace,
        "create",
        "configmap",
        "refused",
        "--dry-run=server",
    ];
    // The server speaks no TLS, and only one that was reached can say so.
    let outcome = wait_until("the webhook is asked", PATIENCE, async || {
        let outcome = cluster.control_plane().kubectl(&create).await?;
        ensure!(outcome.stderr.contains("failed calling webhook"), "{outcome:?}");
        // The rollout is seen before the node forwards to it.
        ensure!(!outcome.stderr.contains("connection refused"), "{outcome:?}");
        Ok(outcome)
    });
    let outcome = outcome.await;
    let delete = ["delete", "validatingwebhookconfiguration", &name];
    cluster.control_plane().kubectl(&delete).await?.succeeded()?;
    let outcome = outcome?;
    ensure!(
        outcome
            .stderr
            .contains("server gave HTTP response to HTTPS client"),
        "{outcome:?}"
    );
    Ok(())
}

pub(crate) async fn commands_run_in_containers(cluster: &Cluster, (): &()) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let mut app = container(cluster, "app", &["serve", "--body=hello"]);
    app["volumeMounts"] = json!([{"name": "small", "mountPath": "/small"}]);
    let mut wanted = pod("app", &[app]);
    // Its own user has to be able to write to it.
    wanted["spec"]["securityContext"] = json!({"fsGroup": 65532});
    wanted["spec"]["volumes"] =
        json!([{"name": "small", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}]);
    cluster.apply(&namespace, &wanted.to_string()).await?;
    cluster.wait_pod_running(&namespace, "app", PATIENCE).await?;

    let run = async |command: &[&str]| cluster.exec(&namespace, "app", "app", command).await;
    let refused = run(&["/probe", "write", "/small/../file", "x"]).await?;
    ensure!(
        refused.status.code() == Some(1) && refused.stderr.contains("Read-only file system"),
        "{refused:?}"
    );
    run(&["/probe", "write", "/small/file", "x"]).await?.succeeded()?;
    let read = run(&["/probe", "read", "/small/file"]).await?.succeeded()?;
    ensure!(read.stdout == "x", "{read:?}");
    let filled = run(&["/probe", "fill", "/small/zeros"]).await?.succeeded()?;
    let bytes: u64 = filled.stdout.trim().parse()?;
    ensure!((900_000..=1 << 20).contains(&bytes), "{filled:?}");
    let status = run(&["/probe", "exit", "7"]).await?;
    ensure!(status.status.code() == Some(7), "{status:?}");
    let logs = cluster.logs(&namespace, "app", "app").await?;
    ensure!(logs == "listening on 0.0.0.0:8080\n", "{logs}");
    Ok(())
}

pub(crate) async fn a_token_is_for_its_audience_alone(cluster: &Cluster, (): &()) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let mut app = container(cluster, "app", &["sleep"]);
    app["volumeMounts"] = json!([{"name": "token", "mountPath": "/var/run/attune", "readOnly": true}]);
    let mut wanted = pod("app", &[app]);
    wanted["spec"]["volumes"] = json!([{"name": "token", "projected": {"sources": [
        {"serviceAccountToken": {"audience": "attune.dev", "path": "token", "expirationSeconds": 600}},
    ]}}]);
    cluster.apply(&namespace, &wanted.to_string()).await?;
    cluster.wait_pod_running(&namespace, "app", PATIENCE).await?;
    let read = ["/probe", "read", "/var/run/attune/token"];
    let token = cluster
        .exec(&namespace, "app", "app", &read)
        .await?
        .succeeded()?
        .stdout;

    let review = async |audiences: &[&str]| -> Result<Value> {
        let question = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": audiences},
        });
        let create = ["create", "-o", "json", "-f", "-"];
        let control_plane = cluster.control_plane();
        let answer = control_plane
            .kubectl_with_input(&create, &question.to_string())
            .await?
            .succeeded()?;
        Ok(serde_json::from_str::<Value>(&answer.stdout)?["status"].clone())
    };
    let ours = review(&["attune.dev"]).await?;
    ensure!(
        ours["authenticated"] == true
            && ours["user"]["username"] == format!("system:serviceaccount:{namespace}:default")
            && ours["user"]["extra"]["authentication.kubernetes.io/pod-name"][0] == "app",
        "{ours}"
    );
    let others = review(&[]).await?;
    ensure!(
        others["authenticated"] != true,
        "the API server takes it: {others}"
    );
    Ok(())
}

pub(crate) async fn restricted_namespaces_refuse_other_pods(cluster: &Cluster, (): &()) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let mut app = container(cluster, "app", &["sleep"]);
    app["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    let error = cluster
        .apply(&namespace, &pod("app", &[app]).to_string())
        .await
        .err()
        .context("it was admitted")?
        .to_string();
    ensure!(error.contains("violates PodSecurity \"restricted"), "{error}");
    Ok(())
}

pub(crate) async fn our_programs_run_from_their_image(cluster: &Cluster, (): &()) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let programs = ["attune", "attune-collector", "attune-decider", "attune-operator"];
    let containers: Vec<Value> = programs
        .iter()
        .map(|program| {
            let mut one = container(cluster, program, &["--help"]);
            one["image"] = json!(cluster.image());
            one["command"] = json!([format!("/{program}")]);
            one
        })
        .collect();
    let mut wanted = pod("help", &containers);
    wanted["spec"]["restartPolicy"] = json!("Never");
    cluster.apply(&namespace, &wanted.to_string()).await?;
    cluster
        .wait_pod_phase(&namespace, "help", "Succeeded", PATIENCE)
        .await?;
    for program in programs {
        let help = cluster.logs(&namespace, "help", program).await?;
        ensure!(help.contains(&format!("Usage: {program}")), "{program}: {help}");
    }
    Ok(())
}

/// To be run alone: others would see the API server go away.
pub(crate) async fn pods_outlive_the_api_server(cluster: &Cluster, (): &()) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    cluster.apply(&namespace, &shop(cluster)).await?;
    cluster
        .wait_rollout(&namespace, "deployment/shop", PATIENCE)
        .await?;
    let service = wait_until("this machine reaches the service", PATIENCE, async || {
        cluster.connect_service(&namespace, "shop", 80).await
    })
    .await?;
    let url = format!("http://{service}/");
    let pods = cluster.pods(&namespace, "app=shop").await?;
    let first = pods.first().context("a pod")?;
    let address = cluster.pod_ip(&namespace, first).await?;
    let container = (
        cluster.container_id(&namespace, first, "server").await?,
        format!("http://{address}:8080/"),
    );
    let control_plane = cluster.control_plane();
    control_plane.kill(Component::ApiServer).await?;
    let without = without_api_server(cluster, &url, &container).await;
    control_plane.start_again(Component::ApiServer).await?;
    without?;
    wait_until("the restart is told", PATIENCE, async || {
        let pod = serde_json::to_value(cluster.pod(&namespace, first).await?)?;
        let count = &pod["status"]["containerStatuses"][0]["restartCount"];
        ensure!(count == 1, "{count}");
        Ok(())
    })
    .await
}

/// A service answers, and so does a container that crashed.
async fn without_api_server(cluster: &Cluster, service: &str, container: &(String, String)) -> Result<()> {
    reqwest::get(service).await?.error_for_status()?;
    let (id, url) = container;
    cluster.kill_container(id).await?;
    wait_until("the container is back", PATIENCE, async || {
        reqwest::get(url).await?.error_for_status()?;
        Ok(())
    })
    .await
}
