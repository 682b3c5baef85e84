//! Deciders of their own for Channels with delivery `service`, and what decides in bulk for those with delivery `batch`: what should stand is built by `attune-admission`, and put
//! there, and put back there, by server-side apply.
//!
//! - What others may decide stays theirs: a field that we do not apply is not looked at.
//! - Nothing is written where nothing would change, after a restart too: what stands is compared field by field, and so
//!   is what of it is ours.
//! - An object of the same name that is not the Channel's is never touched; [`Desired`] says so.

mod changes;
mod desired;
mod differ;
mod establish;

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use attune_admission::Settings;
use attune_admission::workload::{Part, Standing as Wanted, owner_kind};
use attune_api::labels::{MANAGED_BY, MANAGER, OWNER_KIND};
use attune_api::{Channel, Kind};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, future, stream};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use tracing::{debug, info, warn};

use crate::leadership::Leadership;
use crate::watch::Pauses;
use changes::Changes;
pub use desired::{Desired, Obstacle, Standing};
use establish::{DeliverError, Established, Establisher, Target};

/// Silence to wait for before an object is looked at.
const DEBOUNCE: Duration = Duration::from_millis(250);
/// Channels that are worked on at a time.
const CONCURRENCY: u16 = 4;
/// How long a Channel that stands well goes unlooked at, and how much that varies from Channel to Channel.
const REVISIT: Duration = Duration::from_mins(10);
const REVISIT_SPREAD_SECONDS: u64 = 120;
/// Pauses between attempts on one Channel.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Namespace and name of a Channel.
type Key = (String, String);

/// Keeps the workloads of Channels in the scopes (`None`: all namespaces) while this replica leads.
pub async fn run(
    client: Client,
    scopes: Vec<Option<String>>,
    settings: Settings,
    mut leadership: Leadership,
    desired: Arc<Desired>,
) {
    loop {
        leadership.gained().await;
        let controllers = scopes.iter().map(|scope| {
            let context = Context::new(client.clone(), settings.clone(), Arc::clone(&desired));
            control(context, scope.clone())
        });
        tokio::select! {
            _ = future::join_all(controllers) => {}
            () = leadership.lost() => {}
        }
        desired.clear();
    }
}

/// What all Channels of a scope have in common.
struct Context {
    client: Client,
    settings: Settings,
    desired: Arc<Desired>,
    establisher: Establisher,
    /// What stands with labels of ours, by kind.
    standing: BTreeMap<Part, Arc<Changes>>,
    failures: Mutex<HashMap<Key, u32>>,
}

impl Context {
    fn new(client: Client, settings: Settings, desired: Arc<Desired>) -> Self {
        Self {
            establisher: Establisher::new(client.clone()),
            client,
            settings,
            desired,
            standing: Part::ALL
                .map(|part| (part, Arc::new(Changes::new(what_is_applied))))
                .into(),
            failures: Mutex::default(),
        }
    }

    /// Notes a failure; gives how many there were in a row before.
    fn failed(&self, key: Key) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key).or_default();
        *count = count.saturating_add(1);
        *count - 1
    }

    fn succeeded(&self, key: &Key) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

/// Runs a controller over the Channels of a scope for as long as it is polled.
async fn control(context: Context, scope: Option<String>) {
    let resource = Kind::Channel.api_resource();
    let writer = Writer::<DynamicObject>::new(resource.clone());
    let reader = writer.as_reader();
    let api = scoped(context.client.clone(), scope.as_deref(), &resource);
    let channels = watcher(api, watcher::Config::default().page_size(500))
        .backoff(Pauses::default())
        .modify(strip)
        .reflect(writer);
    let channels = triggers(
        channels,
        Arc::new(Changes::new(what_is_declared)),
        Kind::Channel.name(),
    );
    let config = controller::Config::default()
        .debounce(DEBOUNCE)
        .concurrency(CONCURRENCY);
    let mut controller = Controller::for_stream_with(channels, reader, resource).with_config(config);
    for (part, changes) in &context.standing {
        let resource = part_resource(*part);
        let api = scoped(context.client.clone(), scope.as_deref(), &resource);
        let labels = format!("{MANAGED_BY}={MANAGER},{OWNER_KIND}={}", owner_kind());
        let objects = watcher(api, watcher::Config::default().labels(&labels)).backoff(Pauses::default());
        controller =
            controller.owns_stream_with(triggers(objects, Arc::clone(changes), part.kind()), resource);
    }
    let context = Arc::new(context);
    let outcomes = controller.run(reconcile, try_again, Arc::clone(&context));
    outcomes
        .for_each(|outcome| {
            note(outcome, &context);
            future::ready(())
        })
        .await;
}

/// The objects of events that change something that matters here.
///
/// A watch that fails is waited out by itself: handed to the Controller, its failures would hold up all others too.
fn triggers(
    events: impl Stream<Item = watcher::Result<watcher::Event<DynamicObject>>> + Send + 'static,
    changes: Arc<Changes>,
    kind: &'static str,
) -> BoxStream<'static, watcher::Result<DynamicObject>> {
    let objects = events.map(move |event| match event {
        Ok(event) => changes.take(event),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            warn!(kind, error, "watch for deliveries failed, trying again");
            Vec::new()
        }
    });
    objects
        .flat_map(|objects| stream::iter(objects.into_iter().map(Ok)))
        .boxed()
}

type Outcome = Result<(ObjectRef<DynamicObject>, Action), controller::Error<DeliverError, watcher::Error>>;

fn note(outcome: Outcome, context: &Context) {
    match outcome {
        // Deleted: what stood for it goes with it.
        Err(controller::Error::ObjectNotFound(channel)) => {
            let key = (
                channel.namespace.clone().unwrap_or_default(),
                channel.name.clone(),
            );
            context.desired.remove(&key);
            context.succeeded(&key);
        }
        // A failure is told where it happens, with its Channel.
        Ok(_) | Err(controller::Error::ReconcilerFailed(..)) => {}
        Err(error) => warn!(
            error = &error as &dyn std::error::Error,
            "a Channel was not looked at"
        ),
    }
}

/// Brings what stands for a Channel in line with it.
async fn reconcile(object: Arc<DynamicObject>, context: Arc<Context>) -> Result<Action, DeliverError> {
    let key = (object.namespace().unwrap_or_default(), object.name_any());
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    // A Channel that cannot be read keeps what it has: it is told elsewhere.
    let Ok(channel) = object.as_ref().clone().try_parse::<Channel>() else {
        return Ok(Action::await_change());
    };
    let wanted = Wanted::of(&channel, &context.settings);
    let standing = match &wanted {
        Some(workload) => Some(put(&context, &key, workload).await?),
        None => None,
    };
    withdraw(&context, &key, wanted.as_ref()).await?;
    context.succeeded(&key);
    let Some(standing) = standing else {
        context.desired.remove(&key);
        return Ok(Action::await_change());
    };
    let spread = fingerprint(&key) % REVISIT_SPREAD_SECONDS;
    context.desired.set(key, standing);
    Ok(Action::requeue(REVISIT + Duration::from_secs(spread)))
}

/// Puts every object where it should be (writes only what differs).
async fn put(context: &Context, key: &Key, workload: &Wanted) -> Result<Standing, DeliverError> {
    let (namespace, channel) = key;
    let mut standing = Standing::default();
    for part in Part::ALL {
        let Some(document) = workload.document(part) else {
            continue;
        };
        let name = part.object_name(channel);
        let target = Target {
            part,
            namespace,
            name: &name,
            channel,
        };
        match context.establisher.establish(&target, &document).await? {
            Established::Unchanged(live) => standing.note(part, &live),
            Established::Written(live) => {
                info!(namespace, channel, kind = part.kind(), "workload written");
                standing.note(part, &live);
            }
            // Its end wakes us.
            Established::Ending => {
                debug!(
                    namespace,
                    channel,
                    kind = part.kind(),
                    "waiting for an old object to end"
                );
            }
            Established::Foreign => standing.obstacles.push(Obstacle {
                part,
                name: name.clone(),
            }),
        }
    }
    Ok(standing)
}

/// Deletes what stands for a Channel and is no longer wanted.
async fn withdraw(context: &Context, key: &Key, wanted: Option<&Wanted>) -> Result<(), DeliverError> {
    let (namespace, channel) = key;
    for (part, changes) in &context.standing {
        let is_wanted = |name: &str| {
            let workload = wanted.filter(|_| name == part.object_name(channel));
            workload.is_some_and(|workload| workload.document(*part).is_some())
        };
        for name in changes.owned_by(namespace, channel) {
            if is_wanted(&name) {
                continue;
            }
            let target = Target {
                part: *part,
                namespace,
                name: &name,
                channel,
            };
            if context.establisher.remove(&target).await? {
                info!(namespace, channel, kind = part.kind(), name, "workload removed");
            }
        }
    }
    Ok(())
}

/// Each Channel has a backoff of its own.
#[expect(clippy::needless_pass_by_value, reason = "the signature is the Controller's")]
fn try_again(object: Arc<DynamicObject>, error: &DeliverError, context: Arc<Context>) -> Action {
    let key = (object.namespace().unwrap_or_default(), object.name_any());
    warn!(
        namespace = key.0,
        channel = key.1,
        error = error as &dyn std::error::Error,
        "workload not in place, trying again"
    );
    let factor = 2_u32.saturating_pow(context.failed(key));
    Action::requeue(FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE))
}

fn scoped(client: Client, scope: Option<&str>, resource: &ApiResource) -> Api<DynamicObject> {
    match scope {
        Some(namespace) => Api::namespaced_with(client, namespace, resource),
        None => Api::all_with(client, resource),
    }
}

fn part_resource(part: Part) -> ApiResource {
    let kind = GroupVersionKind::gvk(part.group(), part.version(), part.kind());
    ApiResource::from_gvk_with_plural(&kind, part.plural())
}

/// What is kept of a Channel: who wrote which field and what its status says is asked by nobody here.
fn strip(object: &mut DynamicObject) {
    object.metadata.managed_fields = None;
    if let Some(fields) = object.data.as_object_mut() {
        fields.remove("status");
    }
}

/// What a Channel's owner says: its status and its labels do not count.
fn what_is_declared(object: &DynamicObject) -> u64 {
    let metadata = &object.metadata;
    fingerprint(&(
        &metadata.uid,
        metadata.generation,
        metadata.deletion_timestamp.is_some(),
    ))
}

/// What may be ours of an object: its status does not count.
fn what_is_applied(object: &DynamicObject) -> u64 {
    let metadata = &object.metadata;
    let spec = object.data.get("spec").map(ToString::to_string);
    let owners = metadata.owner_references.iter().flatten().map(|owner| &owner.uid);
    let owners: Vec<_> = owners.collect();
    fingerprint(&(
        &metadata.uid,
        spec,
        &metadata.labels,
        owners,
        metadata.deletion_timestamp.is_some(),
    ))
}

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
