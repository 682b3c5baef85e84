//! Events: what turned, told on the object that it concerns.
//!
//! They are told on transitions only and posted in the background: whoever tells never waits, and where there are too many
//! at a time, some are lost and counted. The leader posts what follows from resources; what a request has caused is posted
//! by the replica that answered it, at most once a minute for each object and reason. The same Event on the same object
//! within a few minutes becomes one with a count.

mod missing;
mod post;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use attune_admission::Injection;
use attune_api::conditions::{ConditionType, Reason};
use attune_api::{API_VERSION, EventReason, Kind};
use attune_compile::ObjectId;
use attune_compile::finding::{is_capped, is_strategic};
use attune_compile::verdict::{Judged, Truth};
use hashlink::LruCache;
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use missing::Missing;
pub use post::Post;

use crate::metrics::Metrics;

/// Events that may wait to be posted.
const BACKLOG: usize = 512;

/// How long after an Event that a request caused there is no other of its object and reason.
const REQUEST_INTERVAL: Duration = Duration::from_mins(1);

/// Objects and reasons that are remembered for that.
const MAX_REMEMBERED: usize = 1024;

/// Where Events are told. One made by default tells nobody.
#[derive(Debug, Clone, Default)]
pub struct Events {
    told: Option<mpsc::Sender<Notice>>,
    metrics: Option<Arc<Metrics>>,
    recent: Recent,
}

/// When requests last caused an Event, by object and reason.
type Recent = Arc<Mutex<Option<LruCache<(String, String, EventReason), Instant>>>>;

/// One thing to be told.
#[derive(Debug, Clone, PartialEq)]
struct Notice {
    regarding: ObjectReference,
    reason: EventReason,
    note: String,
    /// Whichever replica answered the request posts it.
    is_of_request: bool,
}

impl Events {
    /// Where to tell, and what posts it.
    pub fn new(metrics: Arc<Metrics>) -> (Self, Post) {
        let (told, notices) = mpsc::channel(BACKLOG);
        let events = Self {
            told: Some(told),
            metrics: Some(Arc::clone(&metrics)),
            recent: Recent::default(),
        };
        (events, Post::new(notices, metrics))
    }

    /// Tells something that the leader posts.
    pub fn tell(&self, regarding: ObjectReference, reason: EventReason, note: &str) {
        self.send(regarding, reason, note, false);
    }

    /// Tells a condition that has turned.
    pub fn turned(&self, regarding: ObjectReference, turned: &Judged) {
        let reason = reason_of(turned);
        // The reason of the others says which condition it is.
        let note = match (turned.message.is_empty(), turned.truth) {
            (true, _) if is_strategic(turned.type_) => format!("{}: {}", turned.type_, turned.reason.doc()),
            (false, _) if is_strategic(turned.type_) || is_capped(turned.reason) => {
                format!("{}: {}", turned.type_, turned.message)
            }
            (false, _) => turned.message.clone(),
            (true, Truth::True) => reason.doc().to_owned(),
            (true, _) => turned.reason.doc().to_owned(),
        };
        self.tell(regarding, reason, &note);
    }

    /// Tells that a pod asked for a decider and starts without; nothing of a trial, or of a pod that did not ask.
    pub fn injection_skipped(&self, injection: &Injection) {
        let Some(warning) = injection.warning.as_ref().filter(|_| !injection.is_dry_run) else {
            return;
        };
        // The name of a pod to be may still lack its end.
        let name = injection.pod.trim_end_matches(['-', '.']);
        let name = if name.is_empty() { "pod" } else { name };
        let regarding = pod_reference(&injection.namespace, name, None);
        self.tell_of_request(regarding, EventReason::InjectionSkipped, warning);
    }

    /// Tells a Channel that a caller of another namespace asked for its bundle.
    pub fn bundle_denied(&self, namespace: &str, channel: &str, caller: &str) {
        let regarding = channel_reference(namespace, channel, None);
        let note =
            format!("{caller} asked for the bundle and was denied: it is for pods of `{namespace}` only");
        self.tell_of_request(regarding, EventReason::BundleDenied, &note);
    }

    /// Tells that the certificates in a Secret were renewed.
    pub fn certificate_rotated(&self, namespace: &str, secret: &str, uid: Option<String>, note: &str) {
        let regarding = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Secret".to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(secret.to_owned()),
            uid,
            ..ObjectReference::default()
        };
        self.tell(regarding, EventReason::CertificateRotated, note);
    }

    fn tell_of_request(&self, regarding: ObjectReference, reason: EventReason, note: &str) {
        let object = |part: &Option<String>| part.clone().unwrap_or_default();
        let key = (object(&regarding.namespace), object(&regarding.name), reason);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = recent.get_or_insert_with(|| LruCache::new(MAX_REMEMBERED));
        let now = Instant::now();
        let is_early = |last: &Instant| now.duration_since(*last) < REQUEST_INTERVAL;
        if recent.get(&key).is_some_and(is_early) {
            return;
        }
        recent.insert(key, now);
        self.send(regarding, reason, note, true);
    }

    fn send(&self, regarding: ObjectReference, reason: EventReason, note: &str, is_of_request: bool) {
        let notice = Notice {
            regarding,
            reason,
            note: note.to_owned(),
            is_of_request,
        };
        let is_lost = self
            .told
            .as_ref()
            .is_some_and(|told| told.try_send(notice).is_err());
        if let Some(metrics) = self.metrics.as_ref().filter(|_| is_lost) {
            metrics.event_lost();
        }
    }
}

/// The reason of the Event that tells a turned condition.
fn reason_of(turned: &Judged) -> EventReason {
    match (turned.type_, turned.truth, turned.reason) {
        (_, _, Reason::ServingPrevious) => EventReason::ServingPrevious,
        (_, _, Reason::PreviousUnreadable) => EventReason::PreviousUnreadable,
        (_, _, Reason::Refused) => EventReason::Refused,
        (_, _, Reason::DecidersMissing) => EventReason::DecidersMissing,
        (_, _, Reason::Drifted) => EventReason::Drifted,
        (_, _, Reason::NameTaken) => EventReason::NameTaken,
        (ConditionType::Synced, Truth::True, _) => EventReason::Synced,
        (ConditionType::Synced, ..) => EventReason::NotSynced,
        (_, _, Reason::FallbackTooLarge) => EventReason::FallbackTooLarge,
        (ConditionType::Programmed, Truth::True, reason) if is_capped(reason) => EventReason::StrategyBroken,
        (ConditionType::Programmed, Truth::True, _) => EventReason::Programmed,
        (ConditionType::Programmed, _, Reason::Published) => EventReason::Published,
        (ConditionType::Programmed, ..) => EventReason::NotProgrammed,
        (ConditionType::Converged, Truth::True, _) => EventReason::Converged,
        (ConditionType::Converged, ..) => EventReason::Converging,
        (type_, Truth::True, _) if is_strategic(type_) => EventReason::StrategyMended,
        (type_, ..) if is_strategic(type_) => EventReason::StrategyBroken,
        (_, Truth::True, _) => EventReason::Ready,
        _ => EventReason::NotReady,
    }
}

/// One of our resources as an Event refers to it.
pub fn reference(id: &ObjectId, uid: Option<String>) -> ObjectReference {
    ObjectReference {
        api_version: Some(API_VERSION.to_owned()),
        kind: Some(id.kind.name().to_owned()),
        namespace: Some(id.namespace.clone()).filter(|namespace| !namespace.is_empty()),
        name: Some(id.name.clone()),
        uid,
        ..ObjectReference::default()
    }
}

/// A Channel as an Event refers to it; without a UID it is looked up, and nothing is told of one that is not there.
pub fn channel_reference(namespace: &str, channel: &str, uid: Option<String>) -> ObjectReference {
    let id = ObjectId {
        kind: Kind::Channel,
        namespace: namespace.to_owned(),
        name: channel.to_owned(),
    };
    reference(&id, uid)
}

/// A pod as an Event refers to it.
pub fn pod_reference(namespace: &str, pod: &str, uid: Option<String>) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(pod.to_owned()),
        uid,
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests;
