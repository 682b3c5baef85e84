//! Rules to receivers that run no decider: an endpoint of this process, and ConfigMaps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{AuditMark, ControlPlane, PATIENCE, Strategy, wait_until};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::programs::Programs;
use crate::release::{Release, Replica};

const FLAGS: &[&str] = &["--push-allow-http", "--push-network", "127.0.0.0/8"];

/// Long enough for whatever a new leader finds to send.
const CALM: Duration = Duration::from_secs(5);

/// What the receiver was sent, and what it says that it has.
#[derive(Default)]
struct Desk {
    /// The ids of its messages; of one without a signature, an empty one.
    messages: Vec<String>,
    revision: Option<String>,
}

/// A receiver: it keeps what it is sent, and says which revision that is.
struct Receiver {
    desk: Arc<Mutex<Desk>>,
    url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    async fn start() -> Result<Self> {
        let desk: Arc<Mutex<Desk>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/rules", listener.local_addr()?);
        let router = Router::new()
            .route("/rules", get(say).post(take))
            .with_state(Arc::clone(&desk));
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { desk, url, server })
    }

    fn revision(&self) -> Option<String> {
        lock(&self.desk).revision.clone()
    }

    /// The ids of the messages that it was sent.
    fn messages(&self) -> Vec<String> {
        lock(&self.desk).messages.clone()
    }

    /// Whether it was sent these revisions, a message each: the first is named after its revision alone, the others also after
    /// the acknowledgement or the doubt before them.
    fn was_sent(&self, revisions: &[&str]) -> bool {
        let messages = self.messages();
        let mut pairs = messages.iter().zip(revisions);
        let is_of = |(id, revision): (&String, &&str)| {
            let rest = id.strip_prefix(*revision);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        messages.len() == revisions.len() && pairs.all(is_of)
    }

    /// Somebody puts back what it had before.
    fn drifts(&self) {
        lock(&self.desk).revision = Some("an-older-one".to_owned());
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn say(State(desk): State<Arc<Mutex<Desk>>>) -> Json<Value> {
    Json(json!({"revision": lock(&desk).revision}))
}

async fn take(State(desk): State<Arc<Mutex<Desk>>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let is_signed = header("webhook-signature").starts_with("v1,");
    let is_bundle = serde_json::from_slice::<Value>(&body).is_ok_and(|bundle| bundle["channel"] == "web");
    let mut desk = lock(&desk);
    let id = if is_signed && is_bundle {
        header("webhook-id")
    } else {
        String::new()
    };
    desk.messages.push(id);
    desk.revision = Some(header("attune-revision"));
    // No more than that it was taken: which revision it has, it is asked.
    Json(json!({}))
}

/// A cell of a Channel's row as `kubectl get channels -o wide` shows it.
async fn cell(cluster: &ControlPlane, tenant: &str, channel: &str, column: &str) -> Result<String> {
    let args = ["get", "channels.attune.dev", channel, "-n", tenant, "-o", "wide"];
    let table = cluster.kubectl(&args).await?.succeeded()?.stdout;
    let mut lines = table.lines();
    let (head, row) = (lines.next().context("no head")?, lines.next().context("no row")?);
    let begin = head
        .find(column)
        .with_context(|| format!("no column {column} in {head}"))?;
    // Empty cells are blank up to the next column.
    let rest = head.get(begin..).unwrap_or_default();
    let after = rest.trim_start_matches(|letter| letter != ' ').trim_start();
    let cell = match after {
        "" => row.get(begin..),
        _ => row.get(begin..begin + rest.len() - after.len()),
    };
    Ok(cell.unwrap_or_default().trim().to_owned())
}

async fn shows(cluster: &ControlPlane, tenant: &str, channel: &str, sync: &str) -> Result<()> {
    wait_until(&format!("{channel} shows {sync}"), PATIENCE, async || {
        let shown = cell(cluster, tenant, channel, "SYNC").await?;
        ensure!(shown == sync, "it shows `{shown}`");
        Ok(())
    })
    .await
}

/// Waits until the receiver has what is published, and the Channel says so; gives the revision.
async fn has_it(
    cluster: &ControlPlane,
    strategy: &Strategy,
    tenant: &str,
    receiver: &Receiver,
    before: Option<&str>,
) -> Result<String> {
    wait_until("the receiver has what is published", PATIENCE, async || {
        let status = strategy.status("Channel", "web").await?;
        let revision = status["revision"].as_str().context("nothing is published")?;
        ensure!(Some(revision) != before, "it is the one before");
        ensure!(receiver.revision().as_deref() == Some(revision), "it has another");
        ensure!(
            status["sync"]["revision"] == revision,
            "its status says {}",
            status["sync"]
        );
        let shown = cell(cluster, tenant, "web", "ACKNOWLEDGED").await?;
        ensure!(shown == revision, "kubectl shows `{shown}`");
        let shown = cell(cluster, tenant, "web", "SYNC").await?;
        ensure!(shown == "Synced", "kubectl shows `{shown}`");
        Ok(revision.to_owned())
    })
    .await
}

async fn edit(strategy: &mut Strategy, headline: &str) -> Result<()> {
    strategy.edit("ContentModule", "hero", |module| {
        module["spec"]["variants"][1]["content"]["headline"] = Value::from(headline);
        Ok(())
    })?;
    strategy.apply_one("ContentModule", "hero").await
}

/// The key that messages are signed with.
async fn create_key(cluster: &ControlPlane, tenant: &str) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client(), tenant);
    let secret = json!({
        "metadata": {"name": "signing"},
        "stringData": {"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    });
    let secret = serde_json::from_value(secret)?;
    secrets.create(&PostParams::default(), &secret).await?;
    Ok(())
}

pub(crate) async fn an_endpoint_gets_edits_and_drift_is_repaired(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let tenant = cluster.create_namespace().await?;
    let receiver = Receiver::start().await?;
    let mut strategy = Strategy::new(cluster, &tenant)?;
    strategy.edit("Channel", "web", |channel| {
        channel["spec"]["delivery"] = json!({"push": {
            "url": receiver.url,
            "auth": {"signature": {"name": "signing", "key": "key"}},
            "verify": {"interval": "3s"},
            "retry": {"initialBackoff": "2s"},
        }});
        Ok(())
    })?;
    strategy.apply().await?;
    let release = Release::prepare(cluster, programs, &tenant).await?;
    let mut first = release.replica("a", FLAGS).await?;
    shows(cluster, &tenant, "web", "SecretMissing").await?;
    ensure!(receiver.messages().is_empty(), "it was sent without a signature");
    create_key(cluster, &tenant).await?;
    let one = has_it(cluster, &strategy, &tenant, &receiver, None).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;

    let edited = std::time::Instant::now();
    edit(&mut strategy, "Come in first").await?;
    let two = has_it(cluster, &strategy, &tenant, &receiver, Some(&one)).await?;
    println!("an edit was acknowledged after {:.1?}", edited.elapsed());
    ensure!(receiver.was_sent(&[&one, &two]), "{:?}", receiver.messages());

    let sent = drift_is_repaired(cluster, &strategy, &tenant, &receiver, &two).await?;

    let mut second = release.replica("b", FLAGS).await?;
    first.server.stop().await?;
    leads(&second).await?;
    tokio::time::sleep(CALM).await;
    ensure!(
        receiver.messages() == sent,
        "another leader sent it again: {:?}",
        receiver.messages()
    );
    edit(&mut strategy, "Come in last").await?;
    let three = has_it(cluster, &strategy, &tenant, &receiver, Some(&two)).await?;
    let all = [one.as_str(), &two, &two, &three];
    ensure!(receiver.was_sent(&all), "{:?}", receiver.messages());
    second.server.ensure_running()
}

/// Somebody else's revision is found, shown and replaced; gives the messages so far.
async fn drift_is_repaired(
    cluster: &ControlPlane,
    strategy: &Strategy,
    tenant: &str,
    receiver: &Receiver,
    two: &str,
) -> Result<Vec<String>> {
    receiver.drifts();
    shows(cluster, tenant, "web", "Drifted").await?;
    has_it(cluster, strategy, tenant, receiver, None).await?;
    ensure!(
        !cell(cluster, tenant, "web", "LAST-DRIFT").await?.is_empty(),
        "it is not said when it drifted"
    );
    let sent = receiver.messages();
    let again = sent.iter().filter(|id| id.starts_with(&format!("{two}-")));
    ensure!(sent.len() == 3 && again.count() == 2, "{sent:?}");
    is_told(cluster, tenant, "Drifted").await?;
    Ok(sent)
}

async fn leads(replica: &Replica) -> Result<()> {
    wait_until("it leads", PATIENCE, async || {
        ensure!(replica.leads().await?, "not yet");
        Ok(())
    })
    .await
}

async fn is_told(cluster: &ControlPlane, tenant: &str, reason: &str) -> Result<()> {
    let events: Api<Event> = Api::namespaced(cluster.client(), tenant);
    wait_until(&format!("an Event says {reason}"), PATIENCE, async || {
        let listed = events.list(&ListParams::default()).await?;
        let is_it = |event: &&Event| event.reason.as_deref() == Some(reason);
        listed.items.iter().find(is_it).context("no such Event")?;
        Ok(())
    })
    .await
}

/// Whoever reads a ConfigMap keeps no decisions.
fn deliver_into(channel: &mut Value, name: &str) -> Result<()> {
    let spec = channel["spec"].as_object_mut().context("it has a spec")?;
    spec.remove("replay");
    spec.insert("delivery".to_owned(), json!({"configMap": {"name": name}}));
    Ok(())
}

/// The Channel `email` writes its rules into a ConfigMap of this name.
async fn write_into(strategy: &mut Strategy, name: &str) -> Result<()> {
    strategy.edit("Channel", "email", |channel| deliver_into(channel, name))?;
    strategy.apply_one("Channel", "email").await
}

/// Waits until a ConfigMap holds what the Channel `email` says is published.
async fn holds_it(maps: &Api<ConfigMap>, strategy: &Strategy, name: &str) -> Result<ConfigMap> {
    wait_until(
        &format!("`{name}` holds what is published"),
        PATIENCE,
        async || {
            let status = strategy.status("Channel", "email").await?;
            let revision = status["revision"].as_str().context("nothing is published")?;
            ensure!(status["sync"]["revision"] == revision, "{}", status["sync"]);
            let map = maps.get(name).await?;
            let said = map.annotations().get("attune.dev/revision");
            ensure!(said.is_some_and(|said| said == revision), "it says {said:?}");
            let rules = map.data.as_ref().and_then(|data| data.get("rules.json"));
            let rules: Value = serde_json::from_str(rules.context("no rules in it")?)?;
            ensure!(rules["channel"] == "email", "these are not its rules: {rules}");
            Ok(map)
        },
    )
    .await
}

async fn goes(maps: &Api<ConfigMap>, name: &str) -> Result<()> {
    wait_until(&format!("`{name}` goes"), PATIENCE, async || {
        ensure!(maps.get_opt(name).await?.is_none(), "it is there");
        Ok(())
    })
    .await
}

/// What an operator asked to be written of a ConfigMap.
fn writes(cluster: &ControlPlane, mark: AuditMark, tenant: &str, name: &str) -> Result<usize> {
    let requests = cluster.audit().of_all_groups_since(mark)?;
    let is_it = |request: &&attune_e2e::WriteRequest| {
        request.namespace == tenant && request.resource == "configmaps" && request.name == name
    };
    Ok(requests.iter().filter(is_it).count())
}

/// What we write comes back; what somebody else puts beside it stays.
async fn drift_is_put_back(maps: &Api<ConfigMap>, strategy: &Strategy, stood: &ConfigMap) -> Result<()> {
    let drift = json!({"data": {"rules.json": "{}", "beside": "stays"}});
    maps.patch("rules", &PatchParams::default(), &Patch::Merge(drift))
        .await?;
    let repaired = holds_it(maps, strategy, "rules").await?;
    let data = |map: &ConfigMap, key: &str| map.data.as_ref().and_then(|data| data.get(key).cloned());
    ensure!(
        data(&repaired, "rules.json") == data(stood, "rules.json"),
        "not as before"
    );
    ensure!(
        data(&repaired, "beside").as_deref() == Some("stays"),
        "what is theirs went too"
    );
    Ok(())
}

pub(crate) async fn rules_in_a_config_map_are_kept_and_a_foreign_one_is_left_alone(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let tenant = cluster.create_namespace().await?;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client(), &tenant);
    let foreign: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "theirs"}, "data": {"rules.json": "theirs"},
    }))?;
    let foreign = maps.create(&PostParams::default(), &foreign).await?;
    let mark = cluster.audit().mark()?;
    let mut strategy = Strategy::new(cluster, &tenant)?;
    strategy.edit("Channel", "email", |channel| deliver_into(channel, "theirs"))?;
    strategy.apply().await?;
    let mut operator = programs.operator(cluster, &tenant, &[]).await?;
    shows(cluster, &tenant, "email", "NameTaken").await?;
    is_told(cluster, &tenant, "NameTaken").await?;
    ensure!(
        maps.get("theirs").await? == foreign,
        "somebody else's was touched"
    );
    ensure!(
        writes(cluster, mark, &tenant, "theirs")? == 0,
        "somebody else's was asked to be written"
    );

    write_into(&mut strategy, "rules").await?;
    let stood = holds_it(&maps, &strategy, "rules").await?;
    shows(cluster, &tenant, "email", "Synced").await?;
    strategy
        .turns("Channel", "email", "Programmed", ("True", "Acknowledged"))
        .await?;

    drift_is_put_back(&maps, &strategy, &stood).await?;

    // Nothing is written anew by an operator that starts.
    let mark = cluster.audit().mark()?;
    operator.stop().await?;
    operator.start_again()?;
    operator.is_ready().await?;
    tokio::time::sleep(CALM).await;
    ensure!(
        writes(cluster, mark, &tenant, "rules")? == 0,
        "a restart wrote what stood"
    );

    write_into(&mut strategy, "other-rules").await?;
    holds_it(&maps, &strategy, "other-rules").await?;
    goes(&maps, "rules").await?;
    strategy.delete("Channel", "email").await?;
    goes(&maps, "other-rules").await?;
    ensure!(
        maps.get("theirs").await? == foreign,
        "somebody else's was touched"
    );
    operator.ensure_running()
}
