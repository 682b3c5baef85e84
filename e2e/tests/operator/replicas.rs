//! Replicas of one release: one writes, all serve, and another takes over whatever becomes of the one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{
    Change, Component, ControlPlane, PATIENCE, Strategy, Write, WriteRequest, repository, wait_until,
};
use serde_json::Value;
use tokio::time::sleep;

use crate::programs::{Programs, Server};
use crate::release::{Release, Replica};

/// How long a Lease holds (15 s) and two looks at it (2 s each), with some air.
const LEASE: Duration = Duration::from_secs(20);

/// Long enough for whatever a new leader finds to write.
const CALM: Duration = Duration::from_secs(5);

/// How long a leader without the API server goes on believing in itself: 10 s, and a look that hangs for 4.
const BELIEF: Duration = Duration::from_secs(16);

/// One that is behind and one that is ahead of everybody's clock.
const SLOW: &[&str] = &["--clock-offset=-300s"];
const FAST: &[&str] = &["--clock-offset=300s"];

/// Waits until one of these leads and no other does; gives its place.
async fn one_leads(replicas: &[&Replica], within: Duration) -> Result<usize> {
    wait_until("one replica leads", within, async || {
        let mut leaders = Vec::new();
        for (place, replica) in replicas.iter().enumerate() {
            if replica.leads().await? {
                leaders.push(place);
            }
        }
        ensure!(leaders.len() == 1, "{} of them lead", leaders.len());
        leaders.first().copied().context("one leads")
    })
    .await
}

/// Waits until the Channel `web` counts this many deciders and all of them run its revision.
async fn counts(strategy: &Strategy, expected: i64) -> Result<Value> {
    // Where only figures change, they may be a minute old.
    wait_until("the channel counts its deciders", 3 * PATIENCE, async || {
        let status = strategy.status("Channel", "web").await?;
        let deciders = &status["deciders"];
        let figures = ["desired", "current", "stale", "missing"].map(|field| deciders[field].as_i64());
        ensure!(
            figures == [Some(expected), Some(expected), Some(0), Some(0)],
            "it says {deciders}"
        );
        Ok(status)
    })
    .await
}

/// What one user asked to be written.
fn asked(cluster: &ControlPlane, mark: attune_e2e::AuditMark, user: &str) -> Result<Vec<WriteRequest>> {
    let mut requests = cluster.audit().of_all_groups_since(mark)?;
    requests.retain(|request| request.user == user);
    Ok(requests)
}

/// Asks a decider over and over until told to stop; gives how often, or the first answer that was none.
async fn keep_asking(decider: &Server, stop: &tokio::sync::watch::Sender<bool>) -> Result<usize> {
    let mut asked = 0;
    while !*stop.borrow() {
        let answer = decider.decide(&format!("member-{asked}")).await;
        answer.with_context(|| format!("decision {asked}"))?;
        asked += 1;
        sleep(Duration::from_millis(50)).await;
    }
    Ok(asked)
}

/// The leader's clock is five minutes slow, so that by everybody else's its Lease has long ended.
pub(crate) async fn another_replica_takes_over_and_writes_nothing_twice(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let tenant = cluster.create_namespace().await?;
    let mut strategy = Strategy::new(cluster, &tenant)?;
    let release = Release::prepare(cluster, programs, &tenant).await?;
    let mark = cluster.audit().mark()?;
    let mut first = release.replica("a", SLOW).await?;
    ensure!(one_leads(&[&first], PATIENCE).await? == 0, "the only one");
    let elected = release.lease().await?;
    let mut second = release.replica("b", &[]).await?;
    let mut third = release.replica("c", FAST).await?;
    let joined = Instant::now();
    strategy.apply().await?;
    let one = release.decider("one", &first).await?;
    let two = release.decider("two", &second).await?;
    let mut three = release.decider("three", &third).await?;
    counts(&strategy, 3).await?;
    // Whichever replica it calls, it is one decider.
    three.stop().await?;
    drop(three);
    let three = release.decider("three", &second).await?;
    counts(&strategy, 3).await?;
    strategy.is_ready().await?;

    sleep(LEASE.saturating_sub(joined.elapsed())).await;
    ensure!(first.leads().await?, "the Lease of a slow clock was taken");
    ensure!(
        release.lease().await?.lease_transitions == elected.lease_transitions,
        "the Lease went from hand to hand"
    );
    for idle in [&second, &third] {
        let written = asked(cluster, mark, &idle.user)?;
        ensure!(
            written.is_empty(),
            "{} does not lead and wrote {written:#?}",
            idle.user
        );
    }

    let (stop, deciders) = (tokio::sync::watch::Sender::new(false), [&one, &two, &three]);
    let asking = futures::future::try_join_all(deciders.map(|decider| keep_asking(decider, &stop)));
    let change = async {
        let outcome = hand_over(cluster, &mut strategy, (&mut first, &mut second, &mut third)).await;
        stop.send_replace(true);
        outcome
    };
    let (decisions, changed) = tokio::join!(asking, change);
    changed?;
    println!("{} decisions, none failed", decisions?.iter().sum::<usize>());
    for replica in [&mut first, &mut second, &mut third] {
        replica.server.ensure_running()?;
    }
    Ok(())
}

/// The leader is killed, and then the next one is told to end.
async fn hand_over(
    cluster: &ControlPlane,
    strategy: &mut Strategy,
    (first, second, third): (&mut Replica, &mut Replica, &mut Replica),
) -> Result<()> {
    let bundles = strategy.bundle_versions().await?;
    let mark = cluster.audit().mark()?;
    first.server.kill().await?;
    let killed = Instant::now();
    let place = one_leads(&[second, third], LEASE).await?;
    println!("another led {:.1?} after the leader was killed", killed.elapsed());
    let (leader, follower) = if place == 0 {
        (second, third)
    } else {
        (third, second)
    };

    // All stands as it should, so that there is nothing to write.
    sleep(CALM).await;
    let mut written = asked(cluster, mark, &leader.user)?;
    written.retain(|request| request.group != "coordination.k8s.io");
    ensure!(
        written.is_empty(),
        "the new leader wrote what stood: {written:#?}"
    );
    ensure!(
        bundles == strategy.bundle_versions().await?,
        "bundles were written again"
    );

    first.server.start_again()?;
    first.server.is_ready().await?;
    counts(strategy, 3).await?;
    ensure_written_once(cluster, strategy, leader, &[first, follower]).await?;

    let told = Instant::now();
    let status = leader.server.stop().await?;
    ensure!(status.success(), "the leader ended with {status}");
    one_leads(&[first, follower], CALM).await?;
    println!(
        "another led {:.1?} after the leader was told to end",
        told.elapsed()
    );
    leader.server.start_again()?;
    leader.server.is_ready().await?;
    counts(strategy, 3).await?;
    Ok(())
}

/// An edit is written by the leader alone, and each of its writes changes something.
async fn ensure_written_once(
    cluster: &ControlPlane,
    strategy: &mut Strategy,
    leader: &Replica,
    others: &[&Replica],
) -> Result<()> {
    let (mut watch, mark) = (cluster.watch_writes().await?, cluster.audit().mark()?);
    let before = strategy.status("Channel", "web").await?;
    strategy.edit("ContentModule", "hero", |module| {
        module["spec"]["variants"][1]["content"]["headline"] = Value::from("Come in first");
        Ok(())
    })?;
    strategy.apply_one("ContentModule", "hero").await?;
    wait_until("all deciders run another revision", PATIENCE, async || {
        let status = counts(strategy, 3).await?;
        ensure!(status["revision"] != before["revision"], "{status}");
        Ok(())
    })
    .await?;
    let seen = watch.during(CALM).await?;
    let is_its = |write: &&Write| {
        write.object.namespace == leader.tenant
            && write.change == Change::Modified
            && write.manager.starts_with("attune-operator/status")
    };
    let effects = seen.iter().filter(is_its).count();
    let asked_by = |replica: &Replica| asked(cluster, mark, &replica.user);
    let is_status = |request: &&WriteRequest| request.resource.ends_with("/status");
    let written = asked_by(leader)?;
    let requests = written.iter().filter(is_status).count();
    println!("{requests} requests of the leader wrote {effects} statuses");
    let both = || {
        let written = written
            .iter()
            .map(|request| format!("{} {}", request.resource, request.name));
        let seen = seen.iter().map(ToString::to_string);
        written.chain(seen).collect::<Vec<_>>().join("\n")
    };
    ensure!(
        requests == effects && effects > 0,
        "{requests} requests, {effects} effects:\n{}",
        both()
    );
    for other in others {
        let written = asked_by(other)?;
        ensure!(written.is_empty(), "{} wrote {written:#?}", other.user);
    }
    Ok(())
}

/// The leader's clock is five minutes fast, so that by everybody else's its Lease ends in five minutes.
pub(crate) async fn nobody_leads_without_the_api_server(_: &ControlPlane, programs: &Programs) -> Result<()> {
    let cluster = ControlPlane::start().await?;
    cluster.install(&repository().join("crds")).await?;
    let tenant = cluster.create_namespace().await?;
    let strategy = Strategy::new(&cluster, &tenant)?;
    let release = Release::prepare(&cluster, programs, &tenant).await?;
    let mut fast = release.replica("fast", FAST).await?;
    one_leads(&[&fast], PATIENCE).await?;
    let mut right = release.replica("right", &[]).await?;
    strategy.apply().await?;
    let decider = release.decider("one", &right).await?;
    counts(&strategy, 1).await?;
    ensure!(fast.leads().await?, "it still leads");

    fast.server.kill().await?;
    let killed = Instant::now();
    one_leads(&[&right], LEASE).await?;
    println!(
        "another led {:.1?} after a leader with a fast clock was killed",
        killed.elapsed()
    );
    fast.server.start_again()?;
    fast.server.is_ready().await?;

    cluster.kill(Component::ApiServer).await?;
    let gone = Instant::now();
    wait_until("the leader stands down", BELIEF, async || {
        ensure!(!right.leads().await?, "it leads");
        Ok(())
    })
    .await?;
    println!(
        "the leader stood down {:.1?} after the API server was gone",
        gone.elapsed()
    );
    while gone.elapsed() < BELIEF {
        decider.decide("member-1").await?;
        ensure!(!fast.leads().await? && !right.leads().await?, "somebody leads");
        sleep(Duration::from_millis(100)).await;
    }
    cluster.start_again(Component::ApiServer).await?;
    let back = Instant::now();
    one_leads(&[&fast, &right], LEASE).await?;
    println!("one led {:.1?} after the API server was back", back.elapsed());
    counts(&strategy, 1).await?;
    strategy.is_ready().await?;
    fast.server.ensure_running()?;
    right.server.ensure_running()
}
