//! Whatever pod comes in: it is answered, and has at most one decider.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::super::{Found, Outcome};
use super::{injected, names, patched, sidecar};

/// Any JSON, not too deep.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let keys = select(vec![
            "name",
            "restartPolicy",
            "ports",
            "containerPort",
            "other",
            "~/",
        ]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((keys, inner), 0..4).prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

/// Containers and volumes, some of which are called like ours.
fn items() -> impl Strategy<Value = Value> {
    let name = select(vec!["app", "migrate", "attune-decider", "attune-ca", "data"]);
    let restart = option::of(select(vec!["Always", "Never"]));
    let item = (name, restart, option::of(anything())).prop_map(|(name, restart, extra)| {
        let mut item = json!({"name": name});
        if let Some(restart) = restart {
            item["restartPolicy"] = restart.into();
        }
        if let Some(extra) = extra {
            item["ports"] = extra;
        }
        item
    });
    prop_oneof![
        8 => vec(item, 0..4).prop_map(Value::from),
        1 => anything(),
    ]
}

/// An object of some of these fields.
fn object(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    let fields = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn metadata() -> impl Strategy<Value = Value> {
    let channel = select(vec!["web", "web,app", "", "a..b", "shop.web"]);
    let channel = channel.prop_map(|name| json!({"attune.dev/channel": name}));
    let label = select(vec!["true", "false", "yes"]).prop_map(|label| json!({"attune.dev/inject": label}));
    let labels = option::of(prop_oneof![4 => label, 1 => anything()]);
    let annotations = option::of(prop_oneof![8 => channel, 1 => anything()]);
    (labels, annotations)
        .prop_map(|(labels, annotations)| object(vec![("labels", labels), ("annotations", annotations)]))
}

fn pods() -> impl Strategy<Value = Value> {
    let spec = (
        option::of(items()),
        option::of(items()),
        option::of(items()),
        option::of(anything()),
        option::weighted(0.1, Just(json!(true))),
    );
    let pod = (metadata(), spec).prop_map(|(metadata, (containers, init, volumes, extra, host))| {
        let spec = object(vec![
            ("containers", containers),
            ("initContainers", init),
            ("volumes", volumes),
            ("aFieldOfTomorrow", extra),
            ("hostNetwork", host),
        ]);
        json!({"metadata": metadata, "spec": spec})
    });
    prop_oneof![16 => pod, 1 => anything()]
}

fn found() -> impl Strategy<Value = Found> {
    select(vec![
        sidecar(),
        Found::Other("push"),
        Found::Missing,
        Found::Unknown,
    ])
}

fn count(pod: &Value, list: &str) -> usize {
    names(pod, list)
        .iter()
        .filter(|name| *name == "attune-decider")
        .count()
}

proptest! {
    #[test]
    fn every_pod_is_answered_and_gets_one_decider_at_most(pod in pods(), found in found()) {
        let injection = injected(&pod, &found);
        assert!(injection.response.allowed);
        assert_eq!(injection.response.uid, "0c9a8d74");
        assert_eq!(injection.response.patch.is_some(), injection.outcome == Outcome::Injected);
        assert_eq!(injection.response.warnings.is_some(), injection.warning.is_some());
        assert!(!injection.outcome.is_bare() || injection.warning.is_some());
        if injection.outcome == Outcome::Injected {
            let once = patched(&pod, &injection);
            assert_eq!(count(&once, "initContainers"), 1);
            assert_eq!(count(&once, "containers"), 0);
            assert_eq!(once["spec"]["aFieldOfTomorrow"], pod["spec"]["aFieldOfTomorrow"]);
            let again = injected(&once, &found);
            assert_eq!(again.outcome, Outcome::AlreadyInjected);
            assert_eq!(again.response.patch, None);
        }
    }
}
