use std::time::{Duration, Instant};

use attune_api::delivery::SidecarDelivery;
use serde_json::{Value, json};

use super::{Found, Injection, Outcome, inject};
use crate::Review;
use crate::fixture::{pod_review, review, settings};

mod properties;

fn sidecar() -> Found {
    Found::Sidecar(SidecarDelivery::default(), None)
}

/// A pod as an API server shows it: it asks for a decider of the Channel `web`.
fn pod() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "shop-0",
            "labels": {"app": "shop", "attune.dev/inject": "true"},
            "annotations": {"attune.dev/channel": "web"},
        },
        "spec": {
            "containers": [{"name": "app", "image": "shop:1", "ports": [{"containerPort": 8080}]}],
            "initContainers": [{"name": "migrate", "image": "shop:1"}],
            "volumes": [{"name": "kube-api-access-x", "projected": {}}],
            "aFieldOfTomorrow": {"kept": [3, 1, 2]},
        },
    })
}

fn edited(edit: impl FnOnce(&mut Value)) -> Value {
    let mut pod = pod();
    edit(&mut pod);
    pod
}

fn injected(pod: &Value, found: &Found) -> Injection {
    let review = Review::parse(&pod_review(pod)).unwrap();
    inject(&review, &settings(), |namespace, _| {
        assert_eq!(namespace, "shop");
        found.clone()
    })
}

/// The pod as the API server stores it.
fn patched(pod: &Value, injection: &Injection) -> Value {
    let mut pod = pod.clone();
    if let Some(patch) = &injection.response.patch {
        let patch: json_patch::Patch = serde_json::from_slice(patch).unwrap();
        json_patch::patch(&mut pod, &patch).unwrap();
    }
    pod
}

fn names(pod: &Value, list: &str) -> Vec<String> {
    let items = pod["spec"][list].as_array().into_iter().flatten();
    items
        .map(|item| item["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Sees that a pod starts as it is, and gives what its owner is told.
fn bare(pod: &Value, found: &Found, outcome: Outcome) -> Option<String> {
    let injection = injected(pod, found);
    assert_eq!(injection.outcome, outcome);
    assert!(injection.response.allowed);
    assert_eq!(injection.response.patch, None);
    assert_eq!(
        injection.response.warnings.iter().flatten().next(),
        injection.warning.as_ref()
    );
    injection.warning
}

#[test]
fn adds_a_decider_to_a_pod_that_asks_for_one() {
    let pod = pod();
    let injection = injected(&pod, &sidecar());
    assert_eq!(injection.outcome, Outcome::Injected);
    assert_eq!(injection.channel.as_deref(), Some("web"));
    assert_eq!(injection.warning, None);
    insta::assert_json_snapshot!("injected_pod", patched(&pod, &injection));
}

#[test]
fn adds_what_the_channel_says_about_its_deciders() {
    let sidecar = serde_json::from_value(json!({
        "startup": {"timeout": "Forever"},
        "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "128Mi"}},
    }));
    let state = serde_json::from_value(json!({"redis": {"secretRef": {"name": "seen"}}}));
    let pod = pod();
    let pod = patched(
        &pod,
        &injected(&pod, &Found::Sidecar(sidecar.unwrap(), Some(state.unwrap()))),
    );
    let decider = &pod["spec"]["initContainers"][0];
    assert_eq!(decider["startupProbe"]["failureThreshold"], i32::MAX);
    assert_eq!(
        decider["resources"],
        json!({"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}})
    );
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let state = volumes
        .iter()
        .find(|volume| volume["name"] == "attune-state")
        .unwrap();
    assert_eq!(state["secret"]["secretName"], "seen");
}

#[test]
fn a_pod_without_lists_gets_them() {
    for absent in [Value::Null, json!([])] {
        let pod = edited(|pod| {
            pod["metadata"]["labels"] = if absent.is_null() { Value::Null } else { json!({}) };
            pod["spec"]["initContainers"] = absent.clone();
            pod["spec"]["volumes"] = absent;
        });
        let pod = patched(&pod, &injected(&pod, &sidecar()));
        assert_eq!(names(&pod, "initContainers"), ["attune-decider"]);
        assert_eq!(names(&pod, "volumes").len(), 4);
        assert_eq!(pod["metadata"]["labels"], json!({"attune.dev/decider": "web"}));
    }
    let pod = json!({"metadata": {"annotations": {"attune.dev/channel": "web"}}, "spec": {"containers": []}});
    let pod = patched(&pod, &injected(&pod, &sidecar()));
    assert_eq!(names(&pod, "initContainers"), ["attune-decider"]);
}

#[test]
fn nothing_that_was_there_is_dropped_or_moved() {
    let before = pod();
    let mut after = patched(&before, &injected(&before, &sidecar()));
    after["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("attune.dev/decider");
    after["spec"]["initContainers"].as_array_mut().unwrap().remove(0);
    after["spec"]["volumes"].as_array_mut().unwrap().truncate(1);
    assert_eq!(after, before);
}

#[test]
fn a_label_that_claims_another_channel_is_put_right() {
    let pod = edited(|pod| pod["metadata"]["labels"]["attune.dev/decider"] = "other".into());
    let pod = patched(&pod, &injected(&pod, &sidecar()));
    assert_eq!(pod["metadata"]["labels"]["attune.dev/decider"], "web");
}

#[test]
fn a_second_call_changes_nothing() {
    let once = patched(&pod(), &injected(&pod(), &sidecar()));
    for found in [sidecar(), Found::Missing, Found::Unknown] {
        assert_eq!(bare(&once, &found, Outcome::AlreadyInjected), None);
    }
}

#[test]
fn a_pod_may_opt_out_of_its_namespace() {
    let pod = edited(|pod| pod["metadata"]["labels"]["attune.dev/inject"] = "false".into());
    assert_eq!(bare(&pod, &sidecar(), Outcome::OptedOut), None);
}

#[test]
fn a_pod_without_a_channel_hears_of_it_only_if_it_asked_itself() {
    for annotation in [Value::Null, "".into(), " , ".into()] {
        let asked = edited(|pod| pod["metadata"]["annotations"]["attune.dev/channel"] = annotation);
        let told = bare(&asked, &sidecar(), Outcome::NoChannel).unwrap();
        assert_eq!(
            told,
            "no decider was added: name its Channel in the annotation `attune.dev/channel`"
        );
        let mut by_namespace = asked;
        by_namespace["metadata"]["labels"] = json!({"app": "shop"});
        assert_eq!(bare(&by_namespace, &sidecar(), Outcome::NoChannel), None);
    }
}

#[test]
fn several_channels_are_one_too_many() {
    for annotation in ["web,app", "web app", "web, app", "web\napp"] {
        let pod = edited(|pod| pod["metadata"]["annotations"]["attune.dev/channel"] = annotation.into());
        let told = bare(&pod, &sidecar(), Outcome::SeveralChannels).unwrap();
        assert_eq!(
            told,
            "no decider was added: `attune.dev/channel` names 2 Channels; name one"
        );
    }
}

#[test]
fn what_cannot_be_a_channel_is_not_put_into_a_pod() {
    let long = "x".repeat(64);
    let longest = "x".repeat(100_000);
    for name in [
        "Web", "web_1", "-web", "web-", "a..b", ".a", "a.-b", "$(HOME)", "wéb", &long, &longest,
    ] {
        let pod = edited(|pod| pod["metadata"]["annotations"]["attune.dev/channel"] = name.into());
        let told = bare(&pod, &Found::Unknown, Outcome::InvalidChannel).unwrap();
        assert!(told.contains("cannot be the name of a Channel"), "{told}");
        assert!(told.chars().count() <= 256);
    }
}

#[test]
fn a_channel_that_is_missing_or_delivered_otherwise_leaves_the_pod_bare() {
    assert_eq!(
        bare(&pod(), &Found::Missing, Outcome::ChannelMissing).unwrap(),
        "no decider was added: there is no Channel `web` in the namespace; create it first"
    );
    assert_eq!(
        bare(&pod(), &Found::Other("service"), Outcome::NotSidecar).unwrap(),
        "no decider was added: Channel `web` has delivery `service`, not `sidecar`"
    );
}

#[test]
fn a_channel_that_is_not_known_yet_is_taken_at_its_word() {
    let injection = injected(&pod(), &Found::Unknown);
    assert_eq!(injection.outcome, Outcome::Injected);
    let pod = patched(&pod(), &injection);
    assert_eq!(
        pod["spec"]["initContainers"][0]["startupProbe"]["failureThreshold"],
        120
    );
}

#[test]
fn a_pod_with_something_of_its_own_in_our_place_stays_as_it_is() {
    let ours = json!({"name": "attune-decider", "image": "mine:1"});
    for (list, item, told) in [
        (
            "containers",
            ours.clone(),
            "the pod has a container `attune-decider` of its own; rename it",
        ),
        (
            "initContainers",
            ours,
            "the pod has a container `attune-decider` of its own; rename it",
        ),
        (
            "volumes",
            json!({"name": "attune-ca"}),
            "the pod has a volume `attune-ca` of its own; rename it",
        ),
        (
            "containers",
            json!({"name": "own", "ports": [{"containerPort": 8017}]}),
            "a container of the pod listens on port 8017, which the decider needs",
        ),
    ] {
        let pod = edited(|pod| pod["spec"][list].as_array_mut().unwrap().push(item));
        let warning = bare(&pod, &sidecar(), Outcome::Clash).unwrap();
        assert_eq!(warning, format!("no decider was added: {told}"));
    }
}

#[test]
fn pods_that_no_decider_can_stand_in_stay_as_they_are() {
    let on_host = edited(|pod| pod["spec"]["hostNetwork"] = true.into());
    let windows = edited(|pod| pod["spec"]["os"] = json!({"name": "windows"}));
    let mirror = edited(|pod| pod["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "x".into());
    for pod in [on_host, windows, mirror] {
        assert!(bare(&pod, &sidecar(), Outcome::Unfit).is_some());
    }
    let linux = edited(|pod| pod["spec"]["os"] = json!({"name": "linux"}));
    assert_eq!(injected(&linux, &sidecar()).outcome, Outcome::Injected);
}

#[test]
fn what_is_no_pod_passes() {
    for document in [
        Value::Null,
        json!([]),
        json!({}),
        json!({"metadata": [], "spec": {}}),
        json!({"metadata": {}, "spec": 7}),
        edited(|pod| pod["spec"]["volumes"] = json!({"name": "data"})),
        edited(|pod| pod["spec"]["initContainers"] = "none".into()),
        edited(|pod| pod["metadata"]["labels"] = json!(["app"])),
    ] {
        assert!(bare(&document, &sidecar(), Outcome::Unreadable).is_some());
    }
}

#[test]
fn only_pods_that_are_created_are_looked_at() {
    let pods = ("", "Pod", "pods");
    for (operation, of) in [
        ("UPDATE", pods),
        ("DELETE", pods),
        ("CREATE", ("apps", "Deployment", "deployments")),
    ] {
        let review = Review::parse(&review(operation, of, &pod(), &Value::Null)).unwrap();
        let injection = inject(&review, &settings(), |_, _| unreachable!("nothing is looked up"));
        assert_eq!(injection.outcome, Outcome::Ignored);
        assert_eq!(injection.response.patch, None);
    }
}

#[test]
fn a_dry_run_is_answered_alike_and_named() {
    let body = String::from_utf8(pod_review(&pod())).unwrap();
    let body = body.replace("\"dryRun\":false", "\"dryRun\":true");
    let review = Review::parse(body.as_bytes()).unwrap();
    let injection = inject(&review, &settings(), |_, _| sidecar());
    assert!(injection.is_dry_run);
    assert_eq!(injection.outcome, Outcome::Injected);
}

#[test]
fn a_pod_of_a_megabyte_is_answered_at_once() {
    let variables: Vec<Value> = (0..9000)
        .map(|index| json!({"name": format!("VARIABLE_{index}"), "value": "x".repeat(80)}))
        .collect();
    let pod = edited(|pod| pod["spec"]["containers"][0]["env"] = variables.into());
    let body = pod_review(&pod);
    assert!(body.len() > 1_000_000);
    let start = Instant::now();
    let review = Review::parse(&body).unwrap();
    let injection = inject(&review, &settings(), |_, _| sidecar());
    // A tenth of what the API server waits, on a busy machine and without optimization.
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(injection.outcome, Outcome::Injected);
    assert!(injection.response.patch.unwrap().len() < 8192);
}

#[test]
fn outcomes_have_labels_of_their_own() {
    let labels: std::collections::BTreeSet<&str> =
        Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    assert_eq!(labels.len(), Outcome::ALL.len());
}
