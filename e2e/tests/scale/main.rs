//! How much the operator takes on: 5,000 resources, and 200 deciders. Prints tables for `docs/benchmarks.md`.
//!
//! No test: what it measures depends on the machine and on what else runs there. `make bench-cluster` runs it on the
//! programs that users run.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that a JSON document lacks reads as null, which the comparison then shows"
)]

mod crowd;
mod edits;
mod operator;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use attune_e2e::{ControlPlane, example, repository};

use self::crowd::Crowd;
use self::edits::Times;
use self::operator::Operator;

/// Namespaces, and objects in each.
const NAMESPACES: usize = 50;
const OBJECTS: usize = 100;

/// Edits whose way is measured.
const EDITS: usize = 120;

/// Deciders that wait at one operator.
const DECIDERS: usize = 200;

/// How often each of the times of a start is measured.
const ROUNDS: usize = 3;

/// What we promise.
const COLD: Duration = Duration::from_secs(90);
const COLD_MEMORY_MIB: f64 = 200.0;
const RESTART: Duration = Duration::from_secs(15);
const ONE: Duration = Duration::from_millis(500);
const MANY: Duration = Duration::from_secs(2);

/// Where the programs are: `ATTUNE_BINARIES`.
pub(crate) struct Programs {
    operator: PathBuf,
    decider: PathBuf,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let programs = Programs {
        operator: attune_e2e::binary("attune-operator")?,
        decider: attune_e2e::binary("attune-decider")?,
    };
    let mut report = Report::default();
    let mut cluster = ControlPlane::start().await?;
    if let Err(error) = measure(&cluster, &programs, &mut report).await {
        cluster.keep_logs();
        eprintln!("{error:?}\n{}", cluster.log_tails(20));
        return Ok(ExitCode::FAILURE);
    }
    print!("{}", report.markdown());
    Ok(if report.missed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn measure(cluster: &ControlPlane, programs: &Programs, report: &mut Report) -> Result<()> {
    cluster.install(&repository().join("crds")).await?;
    let mut policies = example()?;
    policies.retain(|object| object.metadata.namespace.is_none());
    cluster
        .objects()
        .apply(&policies, "owner")
        .await
        .context("apply the policy")?;
    let mut crowd = Crowd::create(cluster, NAMESPACES, OBJECTS).await?;
    starts(cluster, programs, &mut crowd, report).await?;

    let mut operator = Operator::start(cluster, programs, "edits").await?;
    operator.is_ready().await?;
    operator.rests(cluster).await?;
    let alone = edits::measure(cluster, programs, &operator, EDITS, 0).await?;
    report.times("apply to served by one decider", &alone, ONE);
    let many = edits::measure(cluster, programs, &operator, EDITS, DECIDERS).await?;
    report.times(
        &format!("apply to served by the last of {DECIDERS} simulated deciders"),
        &many,
        MANY,
    );
    operator.ensure_running()
}

/// From nothing, and from all of it.
async fn starts(
    cluster: &ControlPlane,
    programs: &Programs,
    crowd: &mut Crowd,
    report: &mut Report,
) -> Result<()> {
    let (mut cold, mut peaks, mut again, mut writes, mut later) = (vec![], vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        if round > 0 {
            crowd.forget_statuses(cluster).await?;
        }
        let mut operator = Operator::start(cluster, programs, &format!("cold-{round}")).await?;
        cold.push(crowd.all_have_statuses(cluster, &operator).await?);
        operator.rests(cluster).await?;
        peaks.push(operator.peak_mib()?);
        operator.stop().await?;

        let mark = cluster.audit().mark()?;
        let mut operator = Operator::start(cluster, programs, &format!("again-{round}")).await?;
        again.push(operator.is_ready().await?);
        // Twice as long as it looks again by itself.
        tokio::time::sleep(Duration::from_secs(11)).await;
        writes.push(operator.writes(cluster, mark)?);
        later.push(operator.peak_mib()?);
        operator.stop().await?;
    }
    let total = NAMESPACES * OBJECTS;
    let seconds = |times: Vec<Duration>| times.iter().map(Duration::as_secs_f64).collect::<Vec<_>>();
    report.row(
        &format!("{total} resources, cold, to all statuses written"),
        "s",
        seconds(cold),
        COLD.as_secs_f64(),
    );
    report.row("peak memory of the operator, cold", "MiB", peaks, COLD_MEMORY_MIB);
    report.row(
        "restart with nothing changed, to ready",
        "s",
        seconds(again),
        RESTART.as_secs_f64(),
    );
    let writes = writes.iter().map(|count| *count as f64).collect();
    report.row("writes of that restart", "", writes, 0.0);
    report.row(
        "peak memory of the operator, restarted",
        "MiB",
        later,
        COLD_MEMORY_MIB,
    );
    Ok(())
}

/// What came of it, as it stands in `docs/benchmarks.md`.
#[derive(Default)]
struct Report {
    rows: Vec<String>,
    missed: bool,
}

impl Report {
    /// One figure from several runs: the median, the spread, and the most that we promise.
    fn row(&mut self, what: &str, unit: &str, mut runs: Vec<f64>, target: f64) {
        runs.sort_by(f64::total_cmp);
        let at = |place: usize| runs.get(place).copied().unwrap_or(f64::NAN);
        let worst = at(runs.len().saturating_sub(1));
        self.missed |= worst.is_nan() || worst > target;
        let digits = usize::from(unit == "s");
        self.rows.push(format!(
            "| {what} | {:.digits$} {unit} | {:.digits$} to {worst:.digits$} {unit}, {} runs | {target} {unit} |",
            at(runs.len() / 2),
            at(0),
            runs.len(),
        ));
    }

    fn times(&mut self, what: &str, times: &Times, target: Duration) {
        self.missed |= times.quantile(99) > target;
        self.rows.push(format!(
            "| {what} | p50 {} ms, p99 {} ms | {} to {} ms, {} edits | p99 {} ms |",
            times.quantile(50).as_millis(),
            times.quantile(99).as_millis(),
            times.quantile(0).as_millis(),
            times.quantile(100).as_millis(),
            times.count(),
            target.as_millis(),
        ));
    }

    fn missed(&self) -> bool {
        self.missed
    }

    fn markdown(&self) -> String {
        let head = "| what | median | spread | target |\n|---|---|---|---|";
        format!("\n{head}\n{}\n", self.rows.join("\n"))
    }
}
