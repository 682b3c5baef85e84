//! A release installed by Helm on a real node: pods with deciders, certificates, replicas, upgrades.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that a JSON document lacks reads as null, which the comparison then shows"
)]

mod sidecars;

use std::process::ExitCode;

use anyhow::Result;
use attune_e2e::Suite;
use attune_e2e::release::Installed;

fn main() -> Result<ExitCode> {
    let suite = Suite::prepared_on_node(async |cluster| Installed::install(cluster).await)?.test(
        "a_deployment_gets_deciders_that_are_counted",
        sidecars::a_deployment_gets_deciders_that_are_counted,
    );
    Ok(suite.run())
}
