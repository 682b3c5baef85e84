use attune_api::channel::State;
use attune_api::delivery::{DeciderResources, Startup};
use k8s_openapi::api::core::v1::Container;
use serde_json::{Value, json};

use super::{Decider, Place};
use crate::fixture::settings;

fn startup(timeout: &str) -> Startup {
    serde_json::from_value(json!({"timeout": timeout})).unwrap()
}

fn with_startup(place: Place, startup: Option<&Startup>) -> Container {
    let settings = settings();
    let decider = Decider {
        settings: &settings,
        channel: "web",
        place,
        startup,
        resources: None,
        state: None,
        access: None,
    };
    decider.container()
}

fn with_resources(resources: &Value) -> Value {
    let settings = settings();
    let resources: DeciderResources = serde_json::from_value(resources.clone()).unwrap();
    let decider = Decider {
        settings: &settings,
        channel: "web",
        place: Place::Sidecar,
        startup: None,
        resources: Some(&resources),
        state: None,
        access: None,
    };
    serde_json::to_value(decider.container().resources).unwrap()
}

fn variable(container: &Container, name: &str) -> Option<String> {
    let mut variables = container.env.iter().flatten();
    variables.find(|variable| variable.name == name)?.value.clone()
}

fn state() -> State {
    serde_json::from_value(json!({"redis": {"secretRef": {"name": "seen"}}})).unwrap()
}

#[test]
fn finds_what_it_shares_in_a_secret_that_need_not_be_there() {
    let settings = settings();
    let state = state();
    let decider = |state| Decider {
        settings: &settings,
        channel: "web",
        place: Place::Sidecar,
        startup: None,
        resources: None,
        state,
        access: None,
    };
    let with = decider(Some(&state));
    let volumes = serde_json::to_value(with.volumes()).unwrap();
    assert_eq!(
        volumes[4],
        json!({
            "name": "attune-state",
            "secret": {
                "secretName": "seen", "optional": true,
                "items": [
                    {"key": "url", "path": "url"}, {"key": "ca.crt", "path": "ca.crt"}, {"key": "key", "path": "key"}
                ],
            },
        })
    );
    let container = with.container();
    let directory = variable(&container, "ATTUNE_STATE").unwrap();
    let mounts = container.volume_mounts.unwrap();
    let mount = mounts.iter().find(|mount| mount.name == "attune-state").unwrap();
    assert_eq!(
        (mount.mount_path.as_str(), mount.read_only),
        (directory.as_str(), Some(true))
    );
    let without = decider(None);
    assert_eq!(without.volumes().len(), 4);
    assert_eq!(variable(&without.container(), "ATTUNE_STATE"), None);
}

/// The table of docs/adr/0008-on-a-cluster.md, read from there.
#[test]
fn has_every_variable_of_the_contract_and_no_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/adr/0008-on-a-cluster.md");
    let contract = std::fs::read_to_string(path).unwrap();
    let rows = contract.lines().filter(|line| line.starts_with("| `"));
    let mut wanted: Vec<&str> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split(','))
        .map(|name| name.trim().trim_matches('`'))
        .collect();
    wanted.sort_unstable();
    for place in [Place::Sidecar, Place::Service] {
        let settings = settings();
        let state = state();
        let decider = Decider {
            settings: &settings,
            channel: "web",
            place,
            startup: None,
            resources: None,
            state: Some(&state),
            access: None,
        };
        let container = decider.container();
        let mut named: Vec<&str> = container
            .env
            .iter()
            .flatten()
            .map(|variable| variable.name.as_str())
            .collect();
        named.sort_unstable();
        assert_eq!(named, wanted);
    }
}

#[test]
fn a_sidecar_listens_to_its_pod_and_a_service_to_everybody() {
    let listen = |place| variable(&with_startup(place, None), "ATTUNE_LISTEN").unwrap();
    assert_eq!(listen(Place::Sidecar), "127.0.0.1:8016");
    assert_eq!(listen(Place::Service), "0.0.0.0:8016");
}

#[test]
fn only_a_service_is_taken_out_while_it_is_not_ready() {
    assert!(with_startup(Place::Sidecar, None).readiness_probe.is_none());
    assert!(with_startup(Place::Service, None).readiness_probe.is_some());
}

#[test]
fn the_startup_probe_outlasts_the_startup_timeout() {
    let probed = |timeout: Option<&str>| {
        let startup = timeout.map(startup);
        let container = with_startup(Place::Sidecar, startup.as_ref());
        let told = variable(&container, "ATTUNE_STARTUP_TIMEOUT").unwrap();
        (told, container.startup_probe.unwrap().failure_threshold.unwrap())
    };
    assert_eq!(probed(None), ("60s".to_owned(), 120));
    assert_eq!(probed(Some("2m30s")), ("150s".to_owned(), 210));
    assert_eq!(probed(Some("Forever")), ("Forever".to_owned(), i32::MAX));
    assert_eq!(probed(Some("999999h")), ("3599996400s".to_owned(), i32::MAX));
}

#[test]
fn asks_for_little_unless_told_otherwise() {
    assert_eq!(
        with_resources(&json!({})),
        json!({"requests": {"cpu": "20m", "memory": "32Mi"}})
    );
    assert_eq!(
        with_resources(&json!({"requests": {"cpu": "50m"}, "limits": {"cpu": "0.1", "memory": "128Mi"}})),
        json!({
            "requests": {"cpu": "50m", "memory": "32Mi"},
            "limits": {"cpu": "0.1", "memory": "128Mi"},
        })
    );
}

#[test]
fn never_asks_for_more_than_the_limit() {
    assert_eq!(
        with_resources(&json!({"requests": {"memory": "1Gi"}, "limits": {"cpu": "10m", "memory": "64M"}})),
        json!({
            "requests": {"cpu": "10m", "memory": "64M"},
            "limits": {"cpu": "10m", "memory": "64M"},
        })
    );
}

#[test]
fn a_dollar_in_a_setting_is_no_reference() {
    let mut settings = settings();
    settings.operator_url = "https://$(POD_NAME).example".to_owned();
    let decider = Decider {
        settings: &settings,
        channel: "web",
        place: Place::Sidecar,
        startup: None,
        resources: None,
        state: None,
        access: None,
    };
    let told = variable(&decider.container(), "ATTUNE_OPERATOR").unwrap();
    assert_eq!(told, "https://$$(POD_NAME).example");
}
