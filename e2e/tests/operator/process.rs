//! The operator as a process: what it counts, what it prints, how it ends.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use attune_e2e::ControlPlane;

use crate::programs::{GRACE, Programs};
use attune_e2e::Strategy;

pub(crate) async fn it_counts_what_it_does_and_ends_when_told(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let _decider = programs.decider(cluster, &namespace, "one", &operator).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    strategy.is_ready().await?;

    let metrics = operator.metrics().await?;
    let count = |name: &str| {
        let value = metrics.get(name).copied();
        value.with_context(|| format!("no `{name}` in {metrics:#?}"))
    };
    ensure!(count("attune_operator_ready")? >= 1.0, "not ready");
    ensure!(
        count("attune_operator_publications_total")? >= 2.0,
        "two channels were published"
    );
    ensure!(
        count("attune_operator_decider_polls_total")? >= 2.0,
        "a decider got a bundle and said so"
    );
    ensure!(count("attune_operator_compilations_total")? >= 1.0, "compiled");
    ensure!(
        count("attune_operator_settle_duration_seconds_count")? >= 1.0,
        "and took time for it"
    );
    for kind in ["Channel", "Program", "Experiment"] {
        let name = format!("attune_operator_status_writes_total{{kind=\"{kind}\"}}");
        ensure!(count(&name)? >= 1.0, "{name}");
    }
    let failed = |name: &&String| name.contains("_failures_total{");
    let failures: Vec<_> = metrics.keys().filter(failed).collect();
    ensure!(failures.is_empty(), "something failed: {failures:?}");

    let log = operator.log()?;
    ensure!(
        log.contains("publishing") && !log.contains('\u{1b}'),
        "colours, or no line about a bundle:\n{log}"
    );
    let loud: Vec<_> = log
        .lines()
        .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
        .collect();
    ensure!(loud.is_empty(), "warnings although all is well: {loud:#?}");

    let began = Instant::now();
    let status = operator.stop().await?;
    ensure!(
        status.success(),
        "it ended with {status} after {:?}, or had to be killed after {GRACE:?}",
        began.elapsed()
    );
    println!("ended {:.0?} after SIGTERM", began.elapsed());
    Ok(())
}
