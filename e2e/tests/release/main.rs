//! A release installed by Helm on a real node: pods with deciders, certificates, replicas, upgrades.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that a JSON document lacks reads as null, which the comparison then shows"
)]

mod access;
mod apps;
mod asking;
mod bad_input;
mod batches;
mod convergence;
mod distribution;
mod guarded;
mod installed;
mod life;
mod load;
mod services;
mod sidecars;
mod validation;

use std::process::ExitCode;

use anyhow::Result;
use attune_e2e::Suite;

use self::installed::Installed;

/// Most of a test is waiting for a pod.
const SIDE_BY_SIDE: usize = 8;

macro_rules! suite {
    ($suite:expr, $($add:ident $room:ident::$name:ident,)*) => {
        $suite$(.$add(stringify!($name), $room::$name))*
    };
}

fn main() -> Result<ExitCode> {
    let suite = Suite::prepared_on_node(async |cluster| Installed::install(cluster).await)?;
    let suite = suite!(
        suite.side_by_side(SIDE_BY_SIDE),
        // Those first that wait for figures, which are written once a minute where nothing else changes.
        test services::a_channel_is_asked_as_a_service_and_put_back,
        test services::replicas_under_an_autoscaler_are_not_fought_over,
        test access::a_service_wants_keys_answers_over_tls_and_lets_the_pages_ask_that_it_is_told,
        test access::rotated_keys_and_certificates_are_in_force_without_a_restart,
        test sidecars::a_job_completes_beside_its_decider,
        test batches::a_batch_runs_on_its_schedule_and_the_channel_tells_of_it,
        test convergence::pods_from_before_they_asked_are_counted_and_named,
        test bad_input::a_deleted_channel_leaves_its_pods_deciding,
        test bad_input::a_pod_without_rules_starts_after_the_timeout_and_counts_as_missing,
        test bad_input::a_pod_of_a_megabyte_gets_a_decider,
        test sidecars::pods_with_and_without_an_owner_get_deciders,
        test sidecars::a_deployment_gets_deciders_that_are_counted,
        test sidecars::an_init_container_may_ask_the_decider,
        test sidecars::a_namespace_asks_for_its_pods_but_for_those_that_refuse,
        test sidecars::an_edit_reaches_the_answers_of_an_injected_decider,
        test bad_input::what_cannot_be_injected_starts_bare_with_a_warning_and_an_event,
        test bad_input::what_is_no_review_is_answered_with_400,
        test distribution::bundles_are_for_pods_of_their_own_namespace,
        test distribution::past_revisions_can_be_had,
        test distribution::events_are_taken_for_the_callers_own_namespace,
        test validation::an_expression_that_is_not_cel_is_refused_with_its_place,
        test validation::what_cannot_be_refused_is_warned_about,
        test life::helm_test_passes,
        test_alone life::an_upgrade_and_a_rollback_fail_no_decision,
        test_alone life::deciders_outlive_the_release_and_the_next_one_adopts_everything,
    );
    Ok(suite.run())
}
