//! The node itself, and the harness around it: pods run, find each other, and nothing is left behind.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that a JSON document lacks reads as null, which the comparison then shows"
)]

mod leftovers;
mod pods;

use std::process::ExitCode;

use anyhow::Result;
use attune_e2e::Suite;

fn main() -> Result<ExitCode> {
    if std::env::var_os(leftovers::VICTIM).is_some() {
        return leftovers::victim();
    }
    let suite = Suite::prepared_on_node(async |_| Ok(()))?
        .test(
            "a_deployment_is_reached_by_name_and_by_address",
            pods::a_deployment_is_reached_by_name_and_by_address,
        )
        .test(
            "a_native_sidecar_starts_first_and_ends_last",
            pods::a_native_sidecar_starts_first_and_ends_last,
        )
        .test(
            "the_api_server_reaches_webhooks_by_service",
            pods::the_api_server_reaches_webhooks_by_service,
        )
        .test("commands_run_in_containers", pods::commands_run_in_containers)
        .test(
            "a_token_is_for_its_audience_alone",
            pods::a_token_is_for_its_audience_alone,
        )
        .test(
            "restricted_namespaces_refuse_other_pods",
            pods::restricted_namespaces_refuse_other_pods,
        )
        .test(
            "our_programs_run_from_their_image",
            pods::our_programs_run_from_their_image,
        )
        .test_alone("pods_outlive_the_api_server", pods::pods_outlive_the_api_server)
        .test(
            "a_killed_cluster_leaves_nothing_behind",
            leftovers::a_killed_cluster_leaves_nothing_behind,
        );
    Ok(suite.run())
}
