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
const MEMORY_MIB: f64 = 200.0;
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
    let crowd = Crowd::create(cluster, NAMESPACES, OBJECTS).await?;
    starts(cluster, programs, &crowd, report).await?;

    let mut operator = Operator::start(cluster, programs, "edits")?;
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

/// What one start from nothing and one from all of it took: seconds, writes and MiB.
struct Start {
    cold: f64,
    cold_writes: f64,
    cold_peak: f64,
    again: f64,
    again_writes: f64,
    again_peak: f64,
}

impl Start {
    async fn measure(
        cluster: &ControlPlane,
        programs: &Programs,
        crowd: &Crowd,
        round: usize,
    ) -> Result<Self> {
        let mark = cluster.audit().mark()?;
        let mut operator = Operator::start(cluster, programs, &format!("cold-{round}"))?;
        let cold = crowd.all_have_statuses(cluster, &operator).await?;
        operator.rests(cluster).await?;
        let (cold_peak, cold_writes) = (operator.peak_mib()?, operator.writes(cluster, mark)?);
        operator.stop().await?;

        let mark = cluster.audit().mark()?;
        let mut operator = Operator::start(cluster, programs, &format!("again-{round}"))?;
        let again = operator.is_ready().await?;
        // Twice as long as until it looks again by itself.
        tokio::time::sleep(Duration::from_secs(11)).await;
        let (again_peak, again_writes) = (operator.peak_mib()?, operator.writes(cluster, mark)?);
        operator.stop().await?;
        Ok(Self {
            cold: cold.as_secs_f64(),
            cold_writes: cold_writes as f64,
            cold_peak,
            again: again.as_secs_f64(),
            again_writes: again_writes as f64,
            again_peak,
        })
    }
}

/// From nothing, and from all of it.
async fn starts(
    cluster: &ControlPlane,
    programs: &Programs,
    crowd: &Crowd,
    report: &mut Report,
) -> Result<()> {
    let mut starts = Vec::new();
    for round in 0..ROUNDS {
        if round > 0 {
            crowd.forget_statuses(cluster).await?;
        }
        starts.push(Start::measure(cluster, programs, crowd, round).await?);
    }
    let of = |figure: fn(&Start) -> f64| starts.iter().map(figure).collect::<Vec<_>>();
    let total = NAMESPACES * OBJECTS;
    let cold = format!("{total} resources, cold, to all statuses written");
    report.row(&cold, "s", of(|start| start.cold), Some(COLD.as_secs_f64()));
    report.row("writes of that", "", of(|start| start.cold_writes), None);
    report.row(
        "peak memory of the operator at that",
        "MiB",
        of(|start| start.cold_peak),
        Some(MEMORY_MIB),
    );
    let again = "restart with nothing changed, to ready";
    report.row(again, "s", of(|start| start.again), Some(RESTART.as_secs_f64()));
    report.row("writes of that", "", of(|start| start.again_writes), Some(0.0));
    report.row(
        "peak memory of the operator at that",
        "MiB",
        of(|start| start.again_peak),
        Some(MEMORY_MIB),
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
    /// One figure from several runs: the median, the spread, and the most that we promise, if we do.
    fn row(&mut self, what: &str, unit: &str, mut runs: Vec<f64>, target: Option<f64>) {
        runs.sort_by(f64::total_cmp);
        let at = |place: usize| runs.get(place).copied().unwrap_or(f64::NAN);
        let digits = usize::from(unit == "s");
        let text = |value: f64| format!("{value:.digits$} {unit}").trim_end().to_owned();
        let worst = at(runs.len().saturating_sub(1));
        self.missed |= worst.is_nan() || target.is_some_and(|target| worst > target);
        self.rows.push(format!(
            "| {what} | {} | {} to {}, {} runs | {} |",
            text(at(runs.len() / 2)),
            text(at(0)),
            text(worst),
            runs.len(),
            target.map(text).unwrap_or_default(),
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
