//! What deciders say, beside the pods that have one or should.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use attune_api::channel::DeciderFigures;
use attune_api::conditions::{ConditionType, Reason};
use attune_api::delivery::Delivery;
use attune_api::{EventReason, Kind};
use attune_compile::ObjectId;
use attune_compile::status::{Deciders, Heard};
use serde_json::Value;
use tokio::time::Instant;

use super::Driver;
use crate::deciders::Report;
use crate::events::{Missing, pod_reference, reference};
use crate::pods::{Census, Expected, Pods, count};

/// Namespace and name of a Channel.
type Key = (String, String);

/// How many replicas a Channel's own Deployment is to have, where that is known.
pub type Replicas = Arc<dyn Fn(&str, &str) -> Option<i32> + Send + Sync>;

/// Listens to deciders.
pub struct Hearing {
    pods: Option<Arc<Pods>>,
    /// Of Channels with a Deployment of their own; `None` where nobody makes one.
    replicas: Option<Replicas>,
    started: Instant,
    /// Channels whose deciders have called since the start, as many as stand on the resource.
    heard: BTreeSet<Key>,
    missing: Missing,
}

impl Default for Hearing {
    fn default() -> Self {
        Self {
            pods: None,
            replicas: None,
            started: Instant::now(),
            heard: BTreeSet::new(),
            missing: Missing::default(),
        }
    }
}

impl fmt::Debug for Hearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hearing")
            .field("heard", &self.heard)
            .finish_non_exhaustive()
    }
}

impl Hearing {
    /// Listens to deciders and looks at pods. `replicas` says how many deciders a Channel with delivery `service` is to have;
    /// without it, nobody starts any for such a Channel, and none are missing.
    pub fn new(pods: Arc<Pods>, replicas: Option<Replicas>) -> Self {
        Self {
            pods: Some(pods),
            replicas,
            ..Self::default()
        }
    }

    /// The pods; none ever, where nobody watches them.
    pub(super) fn pods(&self) -> Arc<Pods> {
        self.pods.clone().unwrap_or_default()
    }

    /// Another replica says what was heard.
    pub(super) fn forget(&mut self) {
        self.heard.clear();
        self.missing.forget();
    }

    /// From now on deciders have time to call.
    pub(super) fn start(&mut self) {
        self.forget();
        self.started = Instant::now();
    }

    fn knows_pods(&self, namespace: &str) -> bool {
        self.pods.as_ref().is_none_or(|pods| pods.is_listed(namespace))
    }

    /// Whether deciders may be there that have not called again since the start. For a while after the start, fewer of
    /// them than stand on the resource mean that.
    fn may_be_more(
        &self,
        channel: &Key,
        standing: &DeciderFigures,
        census: &Census,
        report: &Report,
    ) -> bool {
        let knows_pods = self.knows_pods(&channel.0);
        // Pods that are gone do not call again.
        let there = i32::try_from(census.injected.len()).unwrap_or(i32::MAX);
        let had_pods = self.pods.is_some() && knows_pods && standing.injected > 0;
        let expected = |count: i32| if had_pods { count.min(there) } else { count };
        let running = report.current.saturating_add(report.stale);
        let ran = standing.current.saturating_add(standing.stale);
        !knows_pods || report.current < expected(standing.current) || running < expected(ran)
    }
}

impl Driver {
    /// Tells the index what deciders said, and people which pods have none.
    pub(super) fn hear_deciders(&mut self) {
        let pods = self.hearing.pods();
        let bundles = &self.outputs.shelf;
        bundles
            .deciders
            .forget(|namespace, decider| pods.has_departed(namespace, decider));
        let mut censuses = pods.census();
        let mut reports = bundles
            .deciders
            .report(|namespace, channel| bundles.revision(namespace, channel));
        let channels: BTreeSet<Key> = self
            .index
            .channels()
            .map(|(namespace, channel)| (namespace.to_owned(), channel.to_owned()))
            .collect();
        self.hearing.heard.retain(|channel| channels.contains(channel));
        self.hearing.missing.retain(|channel| channels.contains(channel));
        let is_early = self.hearing.started.elapsed() < self.pace.decider_grace;
        let mut total = DeciderFigures::default();
        for channel in channels {
            let census = censuses.remove(&channel).unwrap_or_default();
            let report = reports.remove(&channel).unwrap_or_default();
            let standing = self.index.standing_deciders(&channel.0, &channel.1);
            let is_heard = self.hearing.heard.contains(&channel);
            if is_early && !is_heard && self.hearing.may_be_more(&channel, &standing, &census, &report) {
                add(&mut total, &standing);
                // What was heard while another led was said to this replica alone.
                self.index.hear(&channel.0, &channel.1, Deciders::Unheard);
                continue;
            }
            let expected = self.expected(&channel);
            let heard = count(expected, &census, &report);
            add(&mut total, &heard.figures());
            self.tell_missing(&channel, &census, &heard);
            self.index.hear(&channel.0, &channel.1, Deciders::Heard(heard));
            self.hearing.heard.insert(channel);
        }
        // The others would count the same once more.
        let total = if self.role.leads() {
            total
        } else {
            DeciderFigures::default()
        };
        self.metrics.counted(&total);
    }

    /// The deciders that a Channel is to have.
    fn expected(&self, (namespace, channel): &Key) -> Expected {
        let delivery = self.index.delivery(namespace, channel);
        match (delivery, &self.hearing.replicas) {
            (Some(Delivery::Service(_)), None) => Expected::Own(0),
            (_, Some(replicas)) => Expected::of(delivery, replicas(namespace, channel)),
            (_, None) => Expected::of(delivery, None),
        }
    }

    /// Names pods without a decider: each on itself, and new ones on the Channel too.
    fn tell_missing(&mut self, channel: &Key, census: &Census, heard: &Heard) {
        if !self.role.leads() {
            return;
        }
        let id = ObjectId {
            kind: Kind::Channel,
            namespace: channel.0.clone(),
            name: channel.1.clone(),
        };
        let bare = if heard.bare.count > 0 {
            census.bare.as_slice()
        } else {
            &[]
        };
        let message = heard.bare.message();
        let standing = self
            .index
            .status(&id)
            .and_then(missing_message)
            .map(str::to_owned);
        let news = self
            .hearing
            .missing
            .news(channel, bare, standing.as_deref(), &message);
        if news.is_empty() {
            return;
        }
        let events = &self.outputs.events;
        // Otherwise the condition turns, which is told.
        if standing.is_some() {
            let regarding = reference(&id, self.index.uid(&id));
            events.tell(regarding, EventReason::DecidersMissing, &message);
        }
        for pod in news {
            let regarding = pod_reference(&channel.0, &pod.name, pod.uid.clone());
            let note = format!(
                "the pod asks for a decider of channel `{}` and was created without one: delete it, and what takes its \
                 place gets one",
                channel.1
            );
            events.tell(regarding, EventReason::DecidersMissing, &note);
        }
    }
}

/// What a Channel's condition says of pods without a decider, if it says so.
fn missing_message(status: &Value) -> Option<&str> {
    let text =
        |condition: &Value, field: &str| condition.get(field).and_then(Value::as_str).map(str::to_owned);
    let conditions = status.get("conditions")?.as_array()?;
    let converged = conditions.iter().find(|condition| {
        text(condition, "type").as_deref() == Some(ConditionType::Converged.as_str())
            && text(condition, "reason").as_deref() == Some(Reason::DecidersMissing.as_str())
    })?;
    converged.get("message")?.as_str()
}

fn add(total: &mut DeciderFigures, figures: &DeciderFigures) {
    total.desired = total.desired.saturating_add(figures.desired);
    total.injected = total.injected.saturating_add(figures.injected);
    total.current = total.current.saturating_add(figures.current);
    total.stale = total.stale.saturating_add(figures.stale);
    total.missing = total.missing.saturating_add(figures.missing);
}
