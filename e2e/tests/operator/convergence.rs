//! Whatever the order, whatever was before: the same objects come to the same statuses, and then to silence.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{AuditMark, Change, ControlPlane, Write, WriteRequest, WriteWatch};
use serde_json::Value;

use crate::programs::Programs;
use attune_e2e::PATIENCE;
use attune_e2e::Strategy;

/// Long enough for the operator to look again by itself, twice.
const IDLE: Duration = Duration::from_secs(11);

/// The revisions that the Channels of the example say they serve.
async fn revisions(strategy: &Strategy) -> Result<BTreeMap<&'static str, Value>> {
    let mut revisions = BTreeMap::new();
    for channel in ["web", "email"] {
        let revision = strategy.status("Channel", channel).await?["revision"].clone();
        ensure!(revision.is_string(), "channel {channel} says no revision");
        revisions.insert(channel, revision);
    }
    Ok(revisions)
}

/// Ten seeds that follow from one, which is printed; `ATTUNE_E2E_SEED` repeats a run.
fn seeds() -> Result<Vec<u64>> {
    let first = match std::env::var("ATTUNE_E2E_SEED") {
        Ok(text) => text.parse().context("ATTUNE_E2E_SEED is no number")?,
        Err(_) => fastrand::u64(..),
    };
    println!("ATTUNE_E2E_SEED={first}");
    let mut seeds = fastrand::Rng::with_seed(first);
    Ok(std::iter::repeat_with(|| seeds.u64(..)).take(10).collect())
}

/// One namespace, one order after the other, everything deleted between: revisions name the namespace, so that only
/// within one they can be compared to the letter.
pub(crate) async fn ten_orders_come_to_the_same_statuses_and_revisions(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    // Every state on the way is compiled, as far as it is seen.
    let flags = ["--debounce", "1"];
    let mut operator = programs.operator(cluster, &namespace, &flags).await?;
    let (mut watch, mark) = (cluster.watch_writes().await?, cluster.audit().mark()?);
    let mut first = None;
    for seed in seeds()? {
        let began = Instant::now();
        strategy.apply_shuffled(seed).await?;
        let order = async || match &first {
            None => Ok(Some((strategy.is_ready().await?, revisions(&strategy).await?))),
            Some((statuses, known)) => {
                strategy.comes_to(statuses).await?;
                ensure!(*known == revisions(&strategy).await?, "other revisions");
                Ok(None)
            }
        };
        let found = order()
            .await
            .with_context(|| format!("the order of seed {seed}"))?;
        first = found.or(first);
        println!("seed {seed}: converged in {:.1?}", began.elapsed());
        strategy.delete_shuffled(seed).await?;
    }
    let effects = watch.until_quiet(Duration::from_millis(500), PATIENCE).await?;
    let is_its = |write: &&Write| {
        // The owner only creates and deletes.
        write.object.namespace == namespace && write.change == Change::Modified
    };
    let effects = effects.iter().filter(is_its).count();
    let requests = cluster.audit().since(mark)?;
    let is_its = |request: &&WriteRequest| {
        request.namespace == namespace && request.resource.ends_with("/status") && request.code == 200
    };
    let requests = requests.iter().filter(is_its).count();
    println!("{requests} requests wrote {effects} statuses");
    // What was written comes back as news; news that is overtaken by the next verdict may cost a request, now and then.
    ensure!(
        requests <= effects + effects / 10,
        "{requests} requests to write statuses, of which {effects} had an effect"
    );
    operator.ensure_running()
}

/// The writes of a namespace, with and without an effect.
pub(crate) struct Writes<'c> {
    cluster: &'c ControlPlane,
    namespace: String,
    watch: WriteWatch,
    mark: AuditMark,
    bundles: BTreeMap<String, String>,
}

impl<'c> Writes<'c> {
    pub(crate) async fn from_now(
        cluster: &'c ControlPlane,
        namespace: &str,
        strategy: &Strategy,
    ) -> Result<Self> {
        Ok(Self {
            cluster,
            namespace: namespace.to_owned(),
            watch: cluster.watch_writes().await?,
            mark: cluster.audit().mark()?,
            bundles: strategy.bundle_versions().await?,
        })
    }

    /// Fails when anything was written in this time, or asked to be by an operator.
    pub(crate) async fn ensure_none(&mut self, strategy: &Strategy, period: Duration) -> Result<()> {
        let effects = self.watch.during(period).await?;
        let effects: Vec<_> = effects
            .iter()
            .filter(|write| write.object.namespace == self.namespace)
            .map(ToString::to_string)
            .collect();
        ensure!(effects.is_empty(), "writes with an effect: {effects:#?}");
        let requests = self.cluster.audit().since(self.mark)?;
        let asked = |request: &&WriteRequest| {
            request.namespace == self.namespace && request.resource.ends_with("/status")
        };
        let requests: Vec<_> = requests.iter().filter(asked).collect();
        ensure!(requests.is_empty(), "requests without an effect: {requests:#?}");
        ensure!(
            self.bundles == strategy.bundle_versions().await?,
            "bundles were written"
        );
        Ok(())
    }
}

pub(crate) async fn a_second_apply_and_a_restart_write_nothing(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let decider = programs.decider(cluster, &namespace, "one", &operator).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    let settled = strategy.is_ready().await?;
    let answer = decider.decide("member-1").await?;

    let mut writes = Writes::from_now(cluster, &namespace, &strategy).await?;
    strategy.apply().await?;
    let before = operator.metrics().await?;
    writes
        .ensure_none(&strategy, IDLE)
        .await
        .context("a second apply")?;
    let after = operator.metrics().await?;
    let compilations = "attune_operator_compilations_total";
    ensure!(
        before.get(compilations).is_some_and(|count| *count > 0.0)
            && before.get(compilations) == after.get(compilations),
        "compiled although nothing changed: {before:?}, then {after:?}"
    );

    operator.stop().await?;
    operator.start_again()?;
    operator.is_ready().await?;
    // The decider has called the new one.
    attune_e2e::wait_until("the decider calls again", PATIENCE, async || {
        let polls = operator.metrics().await?;
        let polls = polls
            .get("attune_operator_decider_polls_total")
            .copied()
            .unwrap_or_default();
        ensure!(polls > 0.0, "no poll yet");
        Ok(())
    })
    .await?;
    writes
        .ensure_none(&strategy, Duration::from_secs(6))
        .await
        .context("a restart")?;
    attune_e2e::ensure_same(&settled, &strategy.statuses().await?)?;
    ensure!(decider.decide("member-1").await? == answer, "another decision");
    operator.ensure_running()
}
