//! The control plane itself, and the harness around it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, Suite, wait_until};

fn main() -> Result<ExitCode> {
    Ok(Suite::new()?
        .test("creates_and_deletes_a_namespace", creates_and_deletes_a_namespace)
        .run())
}

async fn creates_and_deletes_a_namespace(cluster: &ControlPlane, (): &()) -> Result<()> {
    let began = Instant::now();
    let name = cluster.with_namespace(async |name| {
        cluster
            .kubectl(&["get", "namespace", name])
            .await?
            .without_complaint()?;
        Ok(name.to_owned())
    });
    let name = name.await?;
    wait_until("the namespace is gone", Duration::from_secs(60), async || {
        let outcome = cluster.kubectl(&["get", "namespace", &name]).await?;
        ensure!(!outcome.status.success(), "still there: {}", outcome.stdout);
        ensure!(
            outcome.stderr.contains("NotFound"),
            "another failure: {}",
            outcome.stderr
        );
        Ok(())
    })
    .await
    .context("delete a namespace")?;
    println!("a namespace came and went in {:.1?}", began.elapsed());
    Ok(())
}
