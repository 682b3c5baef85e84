use attune_api::labels::{CHANNEL, DECIDER, INJECT};
use attune_compile::status::Heard;
use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::core::PartialObjectMeta;
use serde_json::{Value, json};

use super::*;
use crate::deciders::Report;

fn object(name: &str, labels: &Value, annotations: &Value) -> PartialObjectMeta<KubePod> {
    serde_json::from_value(json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": {
            "namespace": "shop", "name": name, "uid": format!("uid-{name}"), "labels": labels, "annotations": annotations,
        },
    }))
    .unwrap()
}

fn asking(name: &str) -> PartialObjectMeta<KubePod> {
    object(name, &json!({INJECT: "true"}), &json!({CHANNEL: "web"}))
}

fn injected(name: &str) -> PartialObjectMeta<KubePod> {
    object(
        name,
        &json!({INJECT: "true", DECIDER: "web"}),
        &json!({CHANNEL: "web"}),
    )
}

fn leaving(mut object: PartialObjectMeta<KubePod>) -> PartialObjectMeta<KubePod> {
    object.metadata.deletion_timestamp = serde_json::from_value(json!("2026-12-01T00:00:00Z")).unwrap();
    object
}

fn see(pods: &Pods, object: &PartialObjectMeta<KubePod>) {
    let name = object.metadata.name.clone().unwrap();
    pods.observe("shop", &name, watch::read(object));
}

/// Names of those with a decider, then of those without.
fn web(pods: &Pods) -> (Vec<String>, Vec<String>) {
    let census = pods.census();
    let census = census
        .get(&("shop".to_owned(), "web".to_owned()))
        .cloned()
        .unwrap_or_default();
    let bare = census.bare.into_iter().map(|pod| pod.name).collect();
    (census.injected.into_iter().collect(), bare)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn tells_pods_with_a_decider_from_those_that_should_have_one() {
    let pods = Pods::default();
    see(&pods, &injected("a"));
    see(&pods, &asking("b"));
    see(
        &pods,
        &object("opted-out", &json!({INJECT: "false"}), &json!({CHANNEL: "web"})),
    );
    see(
        &pods,
        &object(
            "several",
            &json!({INJECT: "true"}),
            &json!({CHANNEL: "web, email"}),
        ),
    );
    see(&pods, &object("none", &json!({INJECT: "true"}), &json!({})));
    see(&pods, &object("silent", &json!({}), &json!({CHANNEL: "web"})));
    assert_eq!(web(&pods), (names(&["a"]), names(&["b"])));
    see(&pods, &leaving(asking("b")));
    assert_eq!(web(&pods), (names(&["a"]), names(&[])), "it is on its way out");
    pods.observe("shop", "a", None);
    assert_eq!(web(&pods), (names(&[]), names(&[])));
}

#[test]
fn a_namespace_asks_for_its_pods() {
    let pods = Pods::default();
    see(&pods, &object("silent", &json!({}), &json!({CHANNEL: "web"})));
    see(
        &pods,
        &object("opted-out", &json!({INJECT: "false"}), &json!({CHANNEL: "web"})),
    );
    pods.observe_namespaces(BTreeSet::from(["shop".to_owned()]));
    assert_eq!(web(&pods).1, names(&["silent"]));
    pods.observe_namespace("shop", false);
    assert_eq!(web(&pods).1, names(&[]));
}

#[test]
fn keeps_nothing_of_pods_that_are_none_of_its_business() {
    let pods = Pods::default();
    for number in 0..100 {
        see(
            &pods,
            &object(
                &format!("other-{number}"),
                &json!({"app": "x"}),
                &json!({"note": "y"}),
            ),
        );
    }
    assert!(pods.lock().pods.is_empty());
}

#[test]
fn is_listed_when_pods_and_namespaces_are() {
    let pods = Pods::default();
    pods.observe_all(Some("shop"), Vec::new());
    assert!(!pods.is_listed("shop"), "it is not known which namespaces ask");
    pods.observe_namespaces(BTreeSet::new());
    assert!(pods.is_listed("shop"));
    assert!(!pods.is_listed("blog"));
    pods.observe_all(None, Vec::new());
    assert!(pods.is_listed("blog"));
}

#[tokio::test(start_paused = true)]
async fn remembers_for_a_while_that_a_decider_is_gone_with_its_pod() {
    let pods = Pods::default();
    see(&pods, &injected("a"));
    see(&pods, &injected("b"));
    see(&pods, &injected("c"));
    see(&pods, &leaving(injected("a")));
    pods.observe("shop", "b", None);
    let listed = watch::read(&injected("a")).unwrap();
    assert!(pods.has_departed("shop", "a") && pods.has_departed("shop", "b"));
    assert!(!pods.has_departed("shop", "c") && !pods.has_departed("shop", "stranger"));
    pods.observe_all(None, vec![("shop".to_owned(), "a".to_owned(), listed)]);
    assert!(
        !pods.has_departed("shop", "a"),
        "another of the same name, of a StatefulSet"
    );
    assert!(pods.has_departed("shop", "c"), "it is not listed any more");
    tokio::time::advance(DEPARTED_FOR).await;
    assert!(!pods.has_departed("shop", "c"));
}

#[tokio::test]
async fn only_news_wakes_whoever_listens() {
    let pods = Pods::default();
    let is_woken = async || {
        let woken = tokio::time::timeout(Duration::from_millis(1), pods.changed());
        woken.await.is_ok()
    };
    see(&pods, &asking("a"));
    assert!(is_woken().await);
    see(&pods, &asking("a"));
    assert!(!is_woken().await);
    see(&pods, &injected("a"));
    assert!(is_woken().await);
}

fn census(injected: &[&str], bare: &[&str]) -> Census {
    let bare = bare.iter().map(|name| BarePod {
        name: (*name).to_owned(),
        uid: None,
    });
    Census {
        injected: injected.iter().map(|name| (*name).to_owned()).collect(),
        bare: bare.collect(),
    }
}

fn report(current: i32, stale: i32, without: &[&str]) -> Report {
    Report {
        current,
        stale,
        without: without.iter().map(|name| (*name).to_owned()).collect(),
        ..Report::default()
    }
}

/// `[desired, injected, current, stale, missing]`, and how many pods are bare.
fn counted(heard: &Heard) -> ([i32; 5], i32) {
    let figures = heard.figures();
    let counts = [
        figures.desired,
        figures.injected,
        figures.current,
        figures.stale,
        figures.missing,
    ];
    (counts, heard.bare.count)
}

#[test]
fn counts_deciders_beside_pods() {
    let beside = |census: &Census, report: &Report| counted(&count(Expected::Beside, census, report));
    assert_eq!(beside(&census(&[], &[]), &report(0, 0, &[])), ([0; 5], 0));
    let both = census(&["a", "b", "c"], &["d"]);
    assert_eq!(beside(&both, &report(1, 1, &["c"])), ([4, 3, 1, 1, 2], 1));
    assert_eq!(beside(&both, &report(3, 0, &[])), ([4, 3, 3, 0, 1], 1));
    // In development deciders have no pods.
    assert_eq!(
        beside(&census(&[], &[]), &report(1, 0, &["x"])),
        ([2, 0, 1, 0, 1], 0)
    );
}

#[test]
fn counts_deciders_behind_a_service() {
    let own =
        |replicas, census: &Census, report: &Report| counted(&count(Expected::Own(replicas), census, report));
    assert_eq!(
        own(3, &census(&["a", "b"], &[]), &report(2, 0, &[])),
        ([3, 2, 2, 0, 1], 0)
    );
    assert_eq!(own(0, &census(&[], &[]), &report(0, 0, &[])), ([0; 5], 0));
    // A pod that names such a Channel gets no decider and lacks none.
    assert_eq!(
        own(1, &census(&["a"], &["app"]), &report(1, 0, &[])),
        ([1, 1, 1, 0, 0], 0)
    );
    let service = |json: Value| serde_json::from_value(json!({"service": json})).unwrap();
    assert_eq!(Expected::of(Some(&service(json!({}))), None), Expected::Own(2));
    assert_eq!(
        Expected::of(Some(&service(json!({"replicas": 5}))), None),
        Expected::Own(5)
    );
    assert_eq!(
        Expected::of(Some(&service(json!({"replicas": 5}))), Some(7)),
        Expected::Own(7)
    );
}
