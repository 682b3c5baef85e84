use std::collections::BTreeSet;

use attune_api::Channel;
use attune_api::delivery::ServiceDelivery;
use serde_json::{Value, json};

use super::{Part, ServiceChannel, Standing, Workload, endpoint, label_value, object_name};
use crate::fixture::settings;

mod batch;

fn channel(name: &str, delivery: &Value) -> Channel {
    let document = json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Channel",
        "metadata": {"namespace": "shop", "name": name, "uid": "1d0c", "generation": 1},
        "spec": {
            "owner": {"group": "web", "contact": "web@shop.example"},
            "type": "Web",
            "touchpoints": [{"name": "home"}],
            "delivery": delivery,
        },
    });
    serde_json::from_value(document).unwrap()
}

fn workload(service: &Value) -> Workload {
    let channel = channel("web", &json!({"service": service}));
    Workload::build(&ServiceChannel::of(&channel).unwrap(), &settings())
}

fn document(service: &Value, part: Part) -> Value {
    workload(service).document(part).unwrap()
}

#[test]
fn builds_all_that_a_channel_needs() {
    let workload = workload(&json!({
        "replicas": 3,
        "autoscaling": {"maxReplicas": 12, "targetCpuPercent": 60},
        "startup": {"timeout": "90s"},
        "resources": {"limits": {"memory": "128Mi"}},
        "clients": [
            {},
            {"podSelector": {"matchLabels": {"app": "front"}}},
            {"namespaceSelector": {"matchLabels": {"team": "mobile"}}},
        ],
    }));
    let documents: Vec<Value> = Part::ALL
        .iter()
        .filter_map(|part| workload.document(*part))
        .collect();
    insta::assert_json_snapshot!("workload", documents);
}

#[test]
fn lets_in_who_shows_a_key_and_answers_pages_and_over_tls_where_the_channel_says_so() {
    let workload = workload(&json!({"access": {
        "keysRef": {"name": "web-keys", "key": "clients"},
        "allowOrigins": ["https://shop.example", "https://app.example"],
        "certificateRef": {"name": "web-tls"},
    }}));
    let pod = workload.deployment.spec.unwrap().template.spec.unwrap();
    let volumes = serde_json::to_value(pod.volumes).unwrap();
    let secret = |name: &str| {
        let volumes = volumes.as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == name).unwrap();
        volume["secret"].clone()
    };
    assert_eq!(
        secret("attune-keys"),
        json!({"secretName": "web-keys", "optional": true, "items": [{"key": "clients", "path": "keys"}]})
    );
    assert_eq!(secret("attune-certificate"), json!({"secretName": "web-tls"}));
    let container = &pod.containers[0];
    let value = |name: &str| {
        let variables = container.env.as_ref().unwrap();
        let variable = variables.iter().find(|variable| variable.name == name);
        variable.unwrap().value.clone().unwrap()
    };
    assert_eq!(
        value("ATTUNE_ALLOW_ORIGINS"),
        "https://shop.example,https://app.example"
    );
    for (name, volume) in [
        ("ATTUNE_KEYS_FILE", "attune-keys"),
        ("ATTUNE_TLS_CERT_FILE", "attune-certificate"),
        ("ATTUNE_TLS_KEY_FILE", "attune-certificate"),
    ] {
        let mounts = container.volume_mounts.as_ref().unwrap();
        let mount = mounts.iter().find(|mount| mount.name == volume).unwrap();
        assert!(value(name).starts_with(&mount.mount_path), "{name}");
    }
    let port = &workload.service.spec.unwrap().ports.unwrap()[0];
    assert_eq!((port.name.as_deref(), port.port), (Some("https"), 443));
    let tls = json!({"access": {"certificateRef": {"name": "web-tls"}}});
    let delivery: ServiceDelivery = serde_json::from_value(tls).unwrap();
    assert_eq!(endpoint("shop", "web", &delivery), "https://attune-web.shop.svc");
}

#[test]
fn an_autoscaler_alone_says_how_many_there_are() {
    let fixed = document(&json!({"replicas": 3}), Part::Deployment);
    assert_eq!(fixed["spec"]["replicas"], 3);
    let scaled = json!({"replicas": 3, "autoscaling": {"maxReplicas": 5}});
    assert_eq!(document(&scaled, Part::Deployment)["spec"].get("replicas"), None);
    let autoscaler = document(&scaled, Part::HorizontalPodAutoscaler);
    assert_eq!(autoscaler["spec"]["minReplicas"], 3);
    assert_eq!(
        autoscaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
        70
    );
    assert_eq!(autoscaler["spec"]["scaleTargetRef"]["name"], "attune-web");
    let from_none = json!({"replicas": 0, "autoscaling": {"maxReplicas": 5}});
    assert_eq!(
        document(&from_none, Part::HorizontalPodAutoscaler)["spec"]["minReplicas"],
        1
    );
}

#[test]
fn two_deciders_are_the_default_and_one_of_them_stays() {
    let workload = workload(&json!({}));
    assert_eq!(workload.deployment.spec.as_ref().unwrap().replicas, Some(2));
    assert!(workload.budget.is_some());
    assert!(workload.autoscaler.is_none());
}

#[test]
fn a_lone_decider_does_not_keep_its_node_from_being_emptied() {
    for replicas in [0, 1] {
        let workload = workload(&json!({"replicas": replicas}));
        assert!(workload.budget.is_none());
        assert_eq!(workload.document(Part::PodDisruptionBudget), None);
    }
}

#[test]
fn without_clients_every_pod_of_the_namespace_may_ask_and_nobody_else() {
    let policy = document(&json!({}), Part::NetworkPolicy);
    assert_eq!(policy["spec"]["ingress"][0]["from"], json!([{"podSelector": {}}]));
    assert_eq!(policy["spec"]["ingress"][0]["ports"][0]["port"], 8016);
    assert_eq!(policy["spec"]["ingress"][1].get("from"), None);
    assert_eq!(policy["spec"]["ingress"][1]["ports"][0]["port"], 8017);
}

#[test]
fn everything_goes_with_the_channel_and_says_whose_it_is() {
    let service = channel("web", &json!({"service": {"autoscaling": {"maxReplicas": 5}}}));
    let service = Standing::of(&service, &settings()).unwrap();
    let batch = Standing::of(&channel("web", &batch::delivery()), &settings()).unwrap();
    for part in Part::ALL {
        let documents = [service.document(part), batch.document(part)];
        assert_eq!(
            documents.iter().flatten().count(),
            1,
            "{part:?} is of one delivery"
        );
        let document = documents.into_iter().flatten().next().unwrap();
        assert_eq!(document["kind"], part.kind());
        let group = part.group();
        let version = part.version();
        let api_version = if group.is_empty() {
            version.to_owned()
        } else {
            format!("{group}/{version}")
        };
        assert_eq!(document["apiVersion"], api_version);
        let metadata = &document["metadata"];
        assert_eq!(metadata["name"], "attune-web");
        assert_eq!(metadata["namespace"], "shop");
        assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], "attune");
        assert_eq!(metadata["labels"]["attune.dev/owner-kind"], "channel");
        assert_eq!(metadata["labels"]["attune.dev/owner-name"], "web");
        let owner = json!([{
            "apiVersion": "attune.dev/v1alpha1", "kind": "Channel", "name": "web", "uid": "1d0c",
            "controller": true, "blockOwnerDeletion": true,
        }]);
        assert_eq!(metadata["ownerReferences"], owner);
    }
}

#[test]
fn its_pods_are_found_by_their_labels_and_are_not_injected() {
    let deployment = document(&json!({}), Part::Deployment);
    let template = &deployment["spec"]["template"]["metadata"]["labels"];
    let selected = deployment["spec"]["selector"]["matchLabels"].as_object().unwrap();
    for (key, value) in selected {
        assert_eq!(template[key], *value);
    }
    assert_eq!(template["attune.dev/decider"], "web");
    assert_eq!(template["attune.dev/inject"], "false");
    // The label that a pod with a sidecar has too.
    assert!(!selected.contains_key("attune.dev/decider"));
    let service = document(&json!({}), Part::Service);
    assert_eq!(
        service["spec"]["selector"],
        deployment["spec"]["selector"]["matchLabels"]
    );
}

#[test]
fn other_deliveries_and_channels_that_no_server_knows_have_no_workload() {
    assert!(ServiceChannel::of(&channel("web", &json!({"sidecar": {}}))).is_none());
    let mut unknown = channel("web", &json!({"service": {}}));
    unknown.metadata.uid = None;
    assert!(ServiceChannel::of(&unknown).is_none());
}

#[test]
fn names_fit_where_they_are_used_and_stay_apart() {
    let longest_plain = "x".repeat(56);
    assert_eq!(object_name("web"), "attune-web");
    assert_eq!(object_name(&longest_plain), format!("attune-{longest_plain}"));
    let channels = [
        "web".to_owned(),
        "shop.web".to_owned(),
        "shop-web".to_owned(),
        "x".repeat(57),
        "x".repeat(58),
        format!("{}-{}", "x".repeat(46), "y".repeat(20)),
        "x.".repeat(120) + "x",
    ];
    let names: BTreeSet<String> = channels.iter().map(|channel| object_name(channel)).collect();
    assert_eq!(names.len(), channels.len());
    for name in names {
        assert!(name.len() <= 63, "{name}");
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
        assert!(!name.ends_with('-') && !name.contains("--"));
    }
    for channel in &channels {
        assert!(label_value(channel).len() <= 63);
    }
    assert_eq!(label_value("shop.web"), "shop.web");
    // Names outlive releases: another name would leave the old objects behind.
    assert_eq!(object_name("shop.web"), "attune-shop-web-10694239");
}

#[test]
fn clients_ask_the_service() {
    assert_eq!(
        endpoint("shop", "web", &ServiceDelivery::default()),
        "http://attune-web.shop.svc"
    );
}

#[test]
fn what_deciders_share_is_mounted_and_nothing_keeps_them_from_it() {
    let mut channel = channel("web", &json!({"service": {}}));
    channel.spec.state =
        Some(serde_json::from_value(json!({"redis": {"secretRef": {"name": "seen"}}})).unwrap());
    let workload = Workload::build(&ServiceChannel::of(&channel).unwrap(), &settings());
    let pod = &workload.document(Part::Deployment).unwrap()["spec"]["template"]["spec"];
    let volumes = pod["volumes"].as_array().unwrap();
    let state = volumes
        .iter()
        .find(|volume| volume["name"] == "attune-state")
        .unwrap();
    assert_eq!(state["secret"]["secretName"], "seen");
    let environment = pod["containers"][0]["env"].as_array().unwrap();
    assert!(
        environment
            .iter()
            .any(|variable| variable["name"] == "ATTUNE_STATE")
    );
    // The policy is about who may come in: what goes out is not held back.
    let policy = workload.document(Part::NetworkPolicy).unwrap();
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress"]));
}
