//! What deciders count, on its way to statuses.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, PATIENCE, Strategy, ensure_same, wait_until};
use serde_json::Value;

use crate::convergence::Writes;
use crate::programs::{Programs, Server};

/// The least of which anything is said of an attribute.
const REQUESTS: usize = 1000;

/// Counts alone are written once a minute.
const COUNTED: Duration = Duration::from_secs(150);

/// Long enough for deciders to report and for the operator to sum up, several times.
const IDLE: Duration = Duration::from_secs(12);

const BINDING: &str = "retention-home-hero";

pub(crate) async fn what_deciders_count_stands_on_statuses_and_survives_a_restart(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let flags = ["--sum-up", "1"];
    let mut operator = programs.operator(cluster, &namespace, &flags).await?;
    strategy.apply().await?;
    let flags = ["--report-pause", "1s"];
    let mut decider = programs.launch_decider_with(cluster, &namespace, "one", &operator, &flags)?;
    decider.is_ready().await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    strategy.is_ready().await?;
    let binding = strategy.status("ChannelBinding", BINDING).await?;
    ensure!(
        binding["firedRules"].is_null() && binding["decisions"].is_null(),
        "nobody has asked, and it says {binding}"
    );
    strategy
        .turns("DataContract", "shopper", "Observed", ("Unknown", "Pending"))
        .await?;

    ask(&decider, REQUESTS).await?;
    wait_until("every decision is counted", COUNTED, async || {
        is_counted(&strategy).await
    })
    .await?;
    let contract = strategy
        .turns("DataContract", "shopper", "Observed", ("False", "AttributeGaps"))
        .await?;
    println!("{}", contract["attributes"]);

    let settled = strategy.statuses().await?;
    let mut writes = Writes::from_now(cluster, &namespace, &strategy).await?;
    operator.stop().await?;
    operator.start_again()?;
    operator.is_ready().await?;
    writes.ensure_none(&strategy, IDLE).await.context("a restart")?;
    ensure_same(&settled, &strategy.statuses().await?)?;

    // And it goes on from there.
    decider.decide("one-more").await?;
    wait_until("the sum goes on", PATIENCE.max(COUNTED), async || {
        let binding = strategy.status("ChannelBinding", BINDING).await?;
        let total = &binding["decisions"]["total"];
        ensure!(*total == REQUESTS + 1, "it says {total}");
        Ok(())
    })
    .await?;
    operator.ensure_running()?;
    decider.ensure_running()
}

/// Asks for so many units, all alike.
async fn ask(decider: &Server, units: usize) -> Result<()> {
    for unit in 0..units {
        decider.decide(&format!("member-{unit}")).await?;
    }
    Ok(())
}

/// Whether every object speaks of every request.
async fn is_counted(strategy: &Strategy) -> Result<()> {
    for (kind, name) in [("Program", "spring-retention"), ("Channel", "web")] {
        let status = strategy.status(kind, name).await?;
        ensure!(
            status["firedRules"] == 1,
            "one rule wins, and {kind} {name} says {status}"
        );
    }
    let binding = strategy.status("ChannelBinding", BINDING).await?;
    let decisions = &binding["decisions"];
    ensure!(
        decisions["total"] == REQUESTS && binding["firedRules"] == 1 && decisions["othersBp"] == 0,
        "the binding says {binding}"
    );
    let contract = strategy.status("DataContract", "shopper").await?;
    for (name, present) in [("user.tier", 10_000), ("session.cartValue", 0)] {
        let figures = attribute(&contract, name)?;
        ensure!(
            figures["requests"] == REQUESTS && figures["presentBp"] == present,
            "the contract says {figures}"
        );
    }
    Ok(())
}

fn attribute<'s>(contract: &'s Value, name: &str) -> Result<&'s Value> {
    let attributes = contract["attributes"].as_array().context("no attributes")?;
    let found = attributes.iter().find(|one| one["name"] == name);
    found.with_context(|| format!("no `{name}` in {attributes:?}"))
}
