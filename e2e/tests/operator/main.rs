//! The operator on a real API server, with deciders and a collector beside it.

mod convergence;
mod programs;
mod strategy;

use std::process::ExitCode;

use anyhow::{Context, Result};
use attune_e2e::{ControlPlane, Suite, repository};

use self::programs::Programs;

fn main() -> Result<ExitCode> {
    // Before any clock of a test starts.
    let programs = Programs::build()?;
    let suite = Suite::prepared(async move |cluster| prepare(cluster, programs).await)?
        .test(
            "ten_orders_come_to_the_same_statuses_and_revisions",
            convergence::ten_orders_come_to_the_same_statuses_and_revisions,
        )
        .test(
            "a_second_apply_and_a_restart_write_nothing",
            convergence::a_second_apply_and_a_restart_write_nothing,
        );
    Ok(suite.run())
}

/// The definitions, and the policy that every namespace is judged by.
async fn prepare(cluster: &ControlPlane, programs: Programs) -> Result<Programs> {
    cluster.install(&repository().join("crds")).await?;
    let mut policies = strategy::example()?;
    policies.retain(|object| object.metadata.namespace.is_none());
    cluster
        .objects()
        .apply(&policies, "owner")
        .await
        .context("apply the policy")?;
    Ok(programs)
}
