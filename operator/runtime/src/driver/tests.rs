use std::collections::BTreeMap;

use attune_api::Resource;
use attune_api::labels::{CHANNEL, DECIDER, INJECT};
use attune_compile::status::Receiver;
use attune_core::measure::counts::Counts;
use attune_testkit::stands;
use serde_json::{Value, json};

use super::*;
use crate::counted::Counted;
use crate::deciders::Call;
use crate::events::Post;
use crate::fixture::publication;
use crate::pods::Pods;

/// A driver at work, and what it works with.
struct Bench {
    outputs: Outputs,
    observations: mpsc::Sender<Observation>,
    leads: watch::Sender<bool>,
    pods: Arc<Pods>,
    post: Post,
    metrics: Arc<Metrics>,
    /// Statuses as they were written.
    statuses: std::collections::BTreeMap<String, Value>,
}

const PACE: Pace = Pace {
    debounce: Duration::from_millis(50),
    decider_grace: Duration::from_secs(45),
    sum_up: Duration::from_mins(5),
    clock: Clock {
        at: None,
        offset: jiff::SignedDuration::ZERO,
    },
};

fn channel(touchpoint: &str, generation: i64, status: Option<&Value>) -> Resource {
    let mut document = json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Channel",
        "metadata": {"namespace": "shop", "name": "web", "generation": generation, "uid": "uid-web"},
        "spec": {
            "owner": {"group": "web", "contact": "web@shop.example"},
            "type": "Web",
            "touchpoints": [{"name": touchpoint}],
            "delivery": {"sidecar": {}},
        },
    });
    if let Some(status) = status {
        document["status"] = status.clone();
    }
    Resource::decode(document).unwrap()
}

impl Bench {
    /// With the Channel `web` listed; `leads` from the start or not.
    async fn new(leads: bool, restored: Vec<Restored>, status: Option<&Value>) -> Self {
        Self::among(&[], leads, restored, status).await
    }

    /// The same among pods, of which it says whether they have a decider.
    async fn among(
        pods_there: &[(&str, bool)],
        leads: bool,
        restored: Vec<Restored>,
        status: Option<&Value>,
    ) -> Self {
        let metrics = Arc::new(Metrics::new());
        let (leads, led) = watch::channel(leads);
        let leadership = Leadership::elected(led);
        let (events, post) = Events::new(Arc::clone(&metrics));
        let outputs = Outputs {
            shelf: Arc::new(Shelf::new(Arc::clone(&metrics))),
            publisher: Arc::new(Publisher::default().telling(events.clone())),
            pusher: Arc::new(Pusher::new(Arc::clone(&metrics))),
            config_maps: Arc::default(),
            statuses: Arc::new(Writer::new("tests", Arc::clone(&metrics))),
            inquiries: watch::Sender::default(),
            events,
            namespaces: watch::Sender::default(),
            directory: watch::Sender::default(),
            access: watch::Sender::default(),
        };
        let pods = Arc::new(Pods::default());
        let (observations, receiver) = mpsc::channel(64);
        let awaited = Kind::ALL.into_iter().map(|kind| (kind, None)).collect();
        let driver = Driver::new(outputs.clone(), PACE, Arc::clone(&metrics), awaited, restored)
            .led_by(leadership)
            .counting(Hearing::new(Arc::clone(&pods), None));
        tokio::spawn(driver.run(receiver));
        outputs.publisher.observe_all(None, Vec::new());
        let mut bench = Self {
            outputs,
            observations,
            leads,
            pods,
            post,
            metrics,
            statuses: std::collections::BTreeMap::new(),
        };
        bench.pods.know_nothing();
        for (name, has_decider) in pods_there {
            bench.pod(name, *has_decider);
        }
        for kind in Kind::ALL {
            let is_channel = kind == Kind::Channel;
            let resources = is_channel
                .then(|| channel("headline", 1, status))
                .into_iter()
                .collect();
            bench.observe(Observation::Listed {
                kind,
                namespace: None,
                resources,
                undecodable: Vec::new(),
            });
        }
        bench.pass(1).await;
        bench
    }

    fn observe(&mut self, observation: Observation) {
        self.observations.try_send(observation).unwrap();
    }

    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// The statuses that are due, as they would be written; what was written is seen again.
    fn written(&mut self) -> Vec<Value> {
        let written = self.outputs.statuses.take_due();
        for (id, status) in &written {
            self.statuses.insert(id.to_string(), status.clone());
        }
        written.into_iter().map(|(_, status)| status).collect()
    }

    fn told(&mut self) -> Vec<String> {
        self.post.lines()
    }

    fn pod(&self, name: &str, has_decider: bool) {
        let mut labels = json!({INJECT: "true"});
        if has_decider {
            labels[DECIDER] = "web".into();
        }
        self.pods.see(&json!({
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadata",
            "metadata": {"namespace": "shop", "name": name, "labels": labels, "annotations": {CHANNEL: "web"}},
        }));
    }

    fn call(&self, decider: &str) {
        let revision = self.outputs.shelf.revision("shop", "web");
        let call = Call {
            decider: decider.to_owned(),
            revision,
            refused: None,
        };
        drop(self.outputs.shelf.deciders.note("shop", "web", call));
    }
}

fn counts(status: &Value) -> [i64; 5] {
    ["desired", "injected", "current", "stale", "missing"]
        .map(|state| status["deciders"][state].as_i64().unwrap())
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_serves_and_writes_nothing() {
    let mut bench = Bench::new(false, Vec::new(), None).await;
    assert!(bench.outputs.shelf.is_ready());
    assert!(bench.outputs.shelf.revision("shop", "web").is_some());
    assert_eq!(bench.written(), [Value::Null; 0]);
    assert!(!bench.outputs.publisher.is_at_work());
    assert_eq!(
        *bench.outputs.namespaces.borrow(),
        Some(BTreeSet::from(["shop".to_owned()]))
    );

    bench.leads.send_replace(true);
    bench.pass(1).await;
    let written = bench.written();
    assert_eq!(written.len(), 1);
    assert_eq!(stands(&written[0], "Programmed"), "True/NoDeciders");
    assert!(bench.outputs.publisher.is_at_work());
    bench.pass(10).await;
    assert_eq!(bench.written(), [Value::Null; 0], "once");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_is_the_leaders_to_serve() {
    let mut bench = Bench::new(true, Vec::new(), None).await;
    bench.written();
    let document = json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Channel",
        "metadata": {"namespace": "shop", "name": "web", "generation": 2, "uid": "uid-web"},
        "spec": {
            "owner": {"group": "web", "contact": "web@shop.example"},
            "type": "Web",
            "touchpoints": [{"name": "headline"}],
            "delivery": {"push": {"url": "https://hooks.example.com/rules"}},
        },
    });
    let resource = Resource::decode(document).unwrap();
    bench.observe(Observation::Applied(Box::new(resource)));
    bench.pass(1).await;
    let written = bench.written();
    assert_eq!(stands(&written[0], "Synced"), "False/SyncPending");
    assert_eq!(stands(&written[0], "Programmed"), "False/Published");
    let pusher = Arc::clone(&bench.outputs.pusher);
    assert_ne!(pusher.receiver("shop", "web"), Receiver::Unknown);
    bench.leads.send_replace(false);
    bench.pass(1).await;
    assert_eq!(pusher.receiver("shop", "web"), Receiver::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_that_agrees_with_the_one_before_writes_nothing() {
    let mut first = Bench::new(true, Vec::new(), None).await;
    let status = first.written().remove(0);
    let revision = first.outputs.shelf.revision("shop", "web").unwrap();

    let mut second = Bench::new(false, Vec::new(), Some(&status)).await;
    second.outputs.publisher.see("shop", "web", &revision, "uid-web");
    second.leads.send_replace(true);
    second.pass(60).await;
    assert_eq!(second.written(), [Value::Null; 0]);
    assert!(!second.outputs.publisher.is_at_work());
    assert_eq!(second.told(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_waits_for_deciders_that_called_the_one_before() {
    let mut first = Bench::new(true, Vec::new(), None).await;
    first.call("a");
    first.call("b");
    first.pass(1).await;
    let status = first.written().pop().unwrap();
    assert_eq!(counts(&status), [2, 0, 2, 0, 0]);

    let mut second = Bench::new(false, Vec::new(), None).await;
    second.call("b");
    second.pass(1).await;
    let seen = channel("headline", 1, Some(&status));
    second.observe(Observation::Applied(Box::new(seen)));
    second.pass(1).await;
    second.leads.send_replace(true);
    second.pass(10).await;
    assert_eq!(second.written(), [Value::Null; 0], "`a` may still call");
    second.call("a");
    second.pass(10).await;
    assert_eq!(second.written(), [Value::Null; 0], "and has");
}

#[tokio::test(start_paused = true)]
async fn what_was_about_to_be_written_is_not_when_leadership_is_lost_and_is_once_when_it_is_back() {
    let mut bench = Bench::new(true, Vec::new(), None).await;
    bench.leads.send_replace(false);
    bench.pass(1).await;
    bench.observe(Observation::Applied(Box::new(channel("other", 2, None))));
    bench.pass(1).await;
    assert_eq!(bench.written(), [Value::Null; 0]);
    bench.leads.send_replace(true);
    bench.pass(1).await;
    let written = bench.written();
    assert_eq!(written.len(), 1);
    assert_eq!(written[0]["observedGeneration"], 2);
}

#[tokio::test(start_paused = true)]
async fn names_pods_without_a_decider_once() {
    let mut bench = Bench::new(true, Vec::new(), None).await;
    bench.written();
    bench.pod("a", true);
    bench.pod("b", false);
    bench.pass(1).await;
    bench.call("a");
    bench.pass(1).await;
    let status = bench.written().remove(0);
    assert_eq!(counts(&status), [2, 1, 1, 0, 1]);
    assert_eq!(stands(&status, "Programmed"), "True/Acknowledged");
    assert_eq!(stands(&status, "Converged"), "False/DecidersMissing");
    let told = bench.told();
    let of = |reason: &str, name: &str| {
        let line = format!("{reason} {name}");
        told.iter().filter(|told| told.starts_with(&line)).count()
    };
    assert_eq!(of("DecidersMissing", "web"), 1, "{told:#?}");
    assert_eq!(of("DecidersMissing", "b"), 1, "{told:#?}");
    assert_eq!(of("DecidersMissing", "a"), 0, "{told:#?}");
    assert!(
        bench
            .metrics
            .encode()
            .contains("attune_operator_deciders{state=\"missing\"} 1\n")
    );

    // Another: the condition stands, and the pod is told, as is the Channel.
    bench.pod("c", false);
    bench.pass(1).await;
    let told = bench.told();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].starts_with("DecidersMissing web: `b`, `c`"), "{told:#?}");
    assert!(told[1].starts_with("DecidersMissing c"), "{told:#?}");
    assert_eq!(bench.written(), [Value::Null; 0], "counts may wait");
    bench.pass(30).await;
    bench.call("a");
    bench.pass(31).await;
    assert_eq!(counts(&bench.written().remove(0)), [3, 1, 1, 0, 2]);

    // A restart.
    let status = bench.statuses.values().next().unwrap().clone();
    let pods = [("a", true), ("b", false), ("c", false)];
    let mut restarted = Bench::among(&pods, true, Vec::new(), Some(&status)).await;
    restarted.call("a");
    restarted.pass(30).await;
    assert_eq!(restarted.told(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_decider_that_is_gone_with_its_pod_counts_no_longer() {
    let mut bench = Bench::new(true, Vec::new(), None).await;
    bench.pod("a", true);
    bench.pod("b", true);
    bench.pass(1).await;
    bench.call("a");
    bench.call("b");
    bench.pass(1).await;
    bench.pods.lose("shop", "b");
    bench.pass(61).await;
    bench.call("a");
    bench.pass(1).await;
    let last = bench.written().pop().unwrap();
    assert_eq!(counts(&last), [1, 1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_over_what_cannot_be_read() {
    let unreadable = Restored {
        namespace: "shop".to_owned(),
        channel: "web".to_owned(),
        found: Found::Unreadable("it is no gzip".to_owned()),
    };
    let mut bench = Bench::new(true, vec![unreadable], None).await;
    let status = bench.written().remove(0);
    assert_eq!(stands(&status, "Programmed"), "False/PreviousUnreadable");
    assert_eq!(bench.outputs.shelf.revision("shop", "web"), None);
    assert!(!bench.outputs.publisher.is_at_work());
    assert!(bench.told()[0].starts_with("PreviousUnreadable web"));
}

#[tokio::test(start_paused = true)]
async fn takes_over_what_the_leader_carries() {
    let bundle = publication("shop", "web", "headline").bundle;
    let restored = Restored {
        namespace: "shop".to_owned(),
        channel: "web".to_owned(),
        found: Found::Bundle(Box::new(bundle.as_ref().clone())),
    };
    let bench = Bench::new(false, vec![restored], None).await;
    assert_eq!(
        bench.outputs.shelf.revision("shop", "web"),
        Some(publication("shop", "web", "headline").revision)
    );
}

/// Decisions at the touchpoint of the Channel `web`.
fn decisions(count: u64) -> Counted {
    let reasons = BTreeMap::from([("NO_UNIT".to_owned(), count)]);
    Counted {
        namespace: "shop".to_owned(),
        channel: "web".to_owned(),
        counts: Counts {
            touchpoints: BTreeMap::from([("headline".to_owned(), reasons)]),
            ..Counts::default()
        },
    }
}

#[tokio::test(start_paused = true)]
async fn who_leads_sums_up_what_deciders_counted_once_in_a_while() {
    let bench = Bench::new(true, Vec::new(), None).await;
    let inbox = &bench.outputs.shelf.counted;
    inbox.put(decisions(1));
    bench.pass(10).await;
    assert_eq!(inbox.take(), [], "the first at once");
    inbox.put(decisions(1));
    bench.pass(120).await;
    inbox.put(decisions(2));
    bench.pass(60).await;
    assert_eq!(inbox.take(), [decisions(3)], "others wait");
    inbox.put(decisions(3));
    bench.pass(120).await;
    assert_eq!(inbox.take(), []);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_leaves_counts_to_be_passed_on() {
    let bench = Bench::new(false, Vec::new(), None).await;
    let inbox = &bench.outputs.shelf.counted;
    inbox.put(decisions(1));
    bench.pass(600).await;
    assert_eq!(inbox.take(), [decisions(1)]);
    inbox.put(decisions(1));
    bench.leads.send_replace(true);
    bench.pass(10).await;
    assert_eq!(inbox.take(), [], "or sums them up itself when it leads");
}
