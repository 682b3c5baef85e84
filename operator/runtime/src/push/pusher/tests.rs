mod credentials;
mod faults;
mod many;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attune_api::channel::SyncFigures;
use attune_api::conditions::Reason;
use attune_compile::status::Delivered;
use ipnet::IpNet;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::fixture::publication;
use crate::push::credentials::SecretData;
use crate::push::egress::Egress;
use crate::push::fixture::{Does, Receiver as Server};
use crate::push::resolve::Lookup;

const SHOP: &str = "shop";

/// A pusher at work, and what it works with.
pub(super) struct Post {
    pub(super) pusher: Arc<Pusher>,
    pub(super) secrets: Arc<Mutex<BTreeMap<String, SecretData>>>,
    /// What stands on the status of every Channel.
    pub(super) standing: Arc<Mutex<SyncFigures>>,
    /// What every name resolves to.
    pub(super) addresses: Arc<Mutex<Vec<IpAddr>>>,
    pub(super) lookups: Arc<Mutex<usize>>,
    wanted: Mutex<BTreeMap<Key, Delivery>>,
    task: JoinHandle<()>,
}

impl Drop for Post {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Post {
    pub(super) fn new() -> Self {
        Self::where_it_may(&Egress::new(
            &[],
            true,
            &["127.0.0.0/8".parse::<IpNet>().unwrap()],
        ))
    }

    pub(super) fn where_it_may(egress: &Egress) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pusher = Arc::new(Pusher::new(Arc::new(Metrics::new())));
        let secrets: Arc<Mutex<BTreeMap<String, SecretData>>> = Arc::default();
        let standing: Arc<Mutex<SyncFigures>> = Arc::default();
        let addresses = Arc::new(Mutex::new(vec!["127.0.0.1".parse().unwrap()]));
        let lookups: Arc<Mutex<usize>> = Arc::default();
        let read = {
            let secrets = Arc::clone(&secrets);
            move |namespace: String, name: String| {
                assert_eq!(namespace, SHOP, "Secrets of the Channel's namespace only");
                let found = secrets.lock().unwrap().get(&name).cloned();
                Box::pin(async move { Ok(found) }) as _
            }
        };
        let lookup: Lookup = {
            let (addresses, lookups) = (Arc::clone(&addresses), Arc::clone(&lookups));
            Arc::new(move |_| {
                *lookups.lock().unwrap() += 1;
                let found = addresses.lock().unwrap().clone();
                Box::pin(async move { Ok(found) })
            })
        };
        let standings: ReadStanding = {
            let standing = Arc::clone(&standing);
            Arc::new(move |_, _| {
                let found = standing.lock().unwrap().clone();
                Box::pin(async move { Some(found) })
            })
        };
        let courier = Arc::new(Courier::new(Arc::new(read), egress.clone(), lookup));
        let task = {
            let pusher = Arc::clone(&pusher);
            tokio::spawn(async move { pusher.run(courier, standings).await })
        };
        Self {
            pusher,
            secrets,
            standing,
            addresses,
            lookups,
            wanted: Mutex::default(),
            task,
        }
    }

    /// Lets a Channel's rules be sent to a url; `touchpoint` makes the revision, which is given.
    pub(super) fn wants(&self, channel: &str, url: &str, fields: Value, touchpoint: &str) -> String {
        let mut push = json!({
            "url": url,
            "retry": {"timeout": "1s", "initialBackoff": "1s", "maxBackoff": "2s"},
        });
        let Value::Object(fields) = fields else { panic!() };
        push.as_object_mut().unwrap().extend(fields);
        let publication = publication(SHOP, channel, touchpoint);
        let revision = publication.revision.clone();
        let delivery = Delivery {
            push: serde_json::from_value(push).unwrap(),
            publication,
            standing: None,
        };
        let mut wanted = self.wanted.lock().unwrap();
        wanted.insert((SHOP.to_owned(), channel.to_owned()), delivery);
        self.pusher.settle(wanted.clone(), &BTreeSet::new());
        revision
    }

    /// The same for the Channel `web`.
    pub(super) fn web(&self, url: &str, fields: Value, touchpoint: &str) -> String {
        self.wants("web", url, fields, touchpoint)
    }

    pub(super) fn stands(&self, channel: &str) -> Delivered {
        match self.pusher.receiver(SHOP, channel) {
            Receiver::Known(delivered) => *delivered,
            Receiver::Unknown => panic!("there is no such line"),
        }
    }

    /// Waits until the Channel `web` says so; gives how it stands.
    pub(super) async fn says(&self, reason: Reason) -> Delivered {
        let began = Instant::now();
        loop {
            let stands = self.stands("web");
            if stands.reason == reason {
                return stands;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "it says {stands:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) fn secret(&self, name: &str, entries: &[(&str, &str)]) {
        let entries = entries.iter();
        let data = entries.map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()));
        self.secrets
            .lock()
            .unwrap()
            .insert(name.to_owned(), data.collect());
    }
}

/// Waits until this is so.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_edit_arrives_signed_and_is_acknowledged() {
    let (server, post) = (Server::plain().await, Post::new());
    post.secret("signing", &[("key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")]);
    let auth = json!({"auth": {"signature": {"name": "signing", "key": "key"}}});
    let first = post.web(&server.url("/rules"), auth.clone(), "one");
    let stands = post.says(Reason::Synced).await;
    assert_eq!(stands.figures.revision, Some(first.clone()));
    assert_eq!(stands.figures.response_status, Some(200));
    let second = post.web(&server.url("/rules"), auth, "two");
    until("the second arrives", || {
        server.revision("/rules").as_ref() == Some(&second)
    })
    .await;
    post.says(Reason::Synced).await;
    let sent = server.sent("/rules");
    assert_eq!(sent.len(), 2, "each once");
    for (request, revision) in sent.iter().zip([&first, &second]) {
        assert_eq!(request.header("attune-revision"), revision);
        let message = request.header("webhook-id");
        assert!(message.starts_with(revision.as_str()), "{message}");
        assert_eq!(request.header("idempotency-key"), message);
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.header("attune-channel"), "shop/web");
        assert_eq!(request.header("attune-format"), "Attune");
        let at = request.header("webhook-timestamp").parse().unwrap();
        let at = Timestamp::from_second(at).unwrap();
        assert!(Timestamp::now().duration_since(at).as_secs().abs() < 60);
        let key = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        );
        let signature = crate::push::signature::sign(&key.unwrap(), message, at, &request.body);
        assert_eq!(Some(request.header("webhook-signature")), signature.as_deref());
    }
}

#[tokio::test]
async fn drift_is_found_shown_and_repaired() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::TakesSilently);
    let verify = json!({"verify": {"interval": "1s"}});
    let revision = post.web(&server.url("/rules"), verify, "one");
    post.says(Reason::Synced).await;
    server.has("/rules", "something-else");
    let drifted = post.says(Reason::Drifted).await;
    assert_eq!(drifted.figures.revision, None);
    let repaired = post.says(Reason::Synced).await;
    assert!(repaired.figures.last_drift.is_some());
    assert_eq!(server.revision("/rules"), Some(revision.clone()));
    let sent = server.sent("/rules");
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].header("webhook-id"), revision);
    assert!(
        sent[1].header("webhook-id").starts_with(&format!("{revision}-")),
        "another message"
    );
}

#[tokio::test]
async fn another_leader_sends_nothing_that_was_acknowledged() {
    let server = Server::plain().await;
    let first = Post::new();
    first.web(&server.url("/rules"), json!({}), "one");
    let standing = first.says(Reason::Synced).await.figures;
    drop(first);
    let second = Post::new();
    *second.standing.lock().unwrap() = standing;
    second.web(&server.url("/rules"), json!({}), "one");
    second.says(Reason::Synced).await;
    assert_eq!(server.sent("/rules").len(), 1);
}

#[tokio::test]
async fn what_was_sent_and_not_acknowledged_is_sent_once_more_as_the_same_message() {
    let server = Server::plain().await;
    server.does("/rules", Does::TakesAndHangs);
    let first = Post::new();
    let slow = json!({"retry": {"timeout": "60s"}});
    first.web(&server.url("/rules"), slow.clone(), "one");
    until("it was sent", || server.sent("/rules").len() == 1).await;
    // It ends between the send and the acknowledgement.
    drop(first);
    server.does("/rules", Does::Takes);
    let second = Post::new();
    second.web(&server.url("/rules"), slow, "one");
    second.says(Reason::Synced).await;
    let sent = server.sent("/rules");
    assert_eq!(sent.len(), 2);
    assert_eq!(
        sent[0].header("idempotency-key"),
        sent[1].header("idempotency-key")
    );
    assert_eq!(sent[0].body, sent[1].body);
}

#[tokio::test]
async fn whoever_no_longer_leads_sends_nothing() {
    let server = Server::plain().await;
    server.does("/rules", Does::Hangs);
    let post = Post::new();
    post.web(&server.url("/rules"), json!({}), "one");
    until("it is under way", || server.sent("/rules").len() == 1).await;
    post.pusher.follow();
    assert_eq!(post.pusher.receiver(SHOP, "web"), Receiver::Unknown);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.sent("/rules").len(), 1);
}

#[tokio::test]
async fn another_url_is_another_receiver() {
    let (server, post) = (Server::plain().await, Post::new());
    post.web(&server.url("/old"), json!({}), "one");
    post.says(Reason::Synced).await;
    let revision = post.web(&server.url("/new"), json!({}), "one");
    until("the new one has it", || {
        server.revision("/new") == Some(revision.clone())
    })
    .await;
    assert_eq!(server.sent("/old").len(), 1);
}

#[tokio::test]
async fn rules_are_sent_in_the_format_that_the_channel_names() {
    for format in ["Flagd", "Content"] {
        let (server, post) = (Server::plain().await, Post::new());
        server.does("/rules", Does::Answers(200, None));
        let revision = post.web(&server.url("/rules"), json!({"format": format}), "one");
        // An answer that is no JSON names no other revision.
        post.says(Reason::Synced).await;
        let sent = server.sent("/rules");
        assert_eq!(sent[0].header("attune-format"), format);
        assert_eq!(sent[0].header("attune-revision"), revision);
        let written: Value = serde_json::from_slice(&sent[0].body).unwrap();
        assert_eq!(
            written.get("formatVersion"),
            None,
            "this is the bundle: {written}"
        );
    }
}
