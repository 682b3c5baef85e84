//! The operator on a real API server, with deciders and a collector beside it.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that a JSON document lacks reads as null, which the comparison then shows"
)]

mod callers;
mod convergence;
mod counts;
mod definitions;
mod edits;
mod experiments;
mod health;
mod managers;
mod neighbours;
mod plan;
mod process;
mod programs;
mod push;
mod release;
mod replicas;
mod results;
mod rules;
mod workloads;

use std::process::ExitCode;

use anyhow::{Context, Result};
use attune_e2e::{ControlPlane, Suite, repository};

use self::programs::Programs;

fn main() -> Result<ExitCode> {
    // Before any clock of a test starts.
    let programs = Programs::build()?;
    let suite = Suite::prepared(async move |cluster| prepare(cluster, programs).await)?;
    Ok(measuring(serving(suite)).run())
}

/// What stands, what is said about it, and what serves.
fn serving(suite: Suite<Programs>) -> Suite<Programs> {
    suite
        // The longest first: they wait more than they work.
        .test(
            "another_replica_takes_over_and_writes_nothing_twice",
            replicas::another_replica_takes_over_and_writes_nothing_twice,
        )
        .test(
            "nobody_leads_without_the_api_server",
            replicas::nobody_leads_without_the_api_server,
        )
        .test(
            "every_rule_turns_its_condition_and_turns_it_back",
            rules::every_rule_turns_its_condition_and_turns_it_back,
        )
        .test(
            "what_deciders_count_stands_on_statuses_and_survives_a_restart",
            counts::what_deciders_count_stands_on_statuses_and_survives_a_restart,
        )
        .test(
            "kstatus_and_argo_cd_see_every_kind_in_every_state",
            health::kstatus_and_argo_cd_see_every_kind_in_every_state,
        )
        .test(
            "workloads_are_written_once_and_put_back",
            workloads::workloads_are_written_once_and_put_back,
        )
        .test(
            "an_endpoint_gets_edits_and_drift_is_repaired",
            push::an_endpoint_gets_edits_and_drift_is_repaired,
        )
        .test(
            "rules_in_a_config_map_are_kept_and_a_foreign_one_is_left_alone",
            push::rules_in_a_config_map_are_kept_and_a_foreign_one_is_left_alone,
        )
        .test(
            "a_bundle_is_for_pods_of_its_namespace",
            callers::a_bundle_is_for_pods_of_its_namespace,
        )
        .test(
            "hundreds_of_deciders_get_an_edit_at_once",
            callers::hundreds_of_deciders_get_an_edit_at_once,
        )
        .test(
            "a_second_field_manager_changes_nothing",
            managers::a_second_field_manager_changes_nothing,
        )
        .test(
            "an_object_under_a_tightened_definition_takes_statuses",
            managers::an_object_under_a_tightened_definition_takes_statuses,
        )
        .test(
            "an_object_that_cannot_be_read_disturbs_nobody",
            definitions::an_object_that_cannot_be_read_disturbs_nobody,
        )
        .test(
            "a_second_apply_and_a_restart_write_nothing",
            convergence::a_second_apply_and_a_restart_write_nothing,
        )
        .test(
            "an_operator_waits_for_its_definitions",
            definitions::an_operator_waits_for_its_definitions,
        )
        .test(
            "decisions_go_on_while_the_api_server_restarts",
            definitions::decisions_go_on_while_the_api_server_restarts,
        )
        .test(
            "ten_orders_come_to_the_same_statuses_and_revisions",
            convergence::ten_orders_come_to_the_same_statuses_and_revisions,
        )
        .test(
            "an_edit_reaches_the_decider_and_is_acknowledged_by_it",
            edits::an_edit_reaches_the_decider_and_is_acknowledged_by_it,
        )
        .test(
            "a_plan_says_what_files_change_of_the_cluster",
            plan::a_plan_says_what_files_change_of_the_cluster,
        )
        .test(
            "a_lost_audience_turns_conditions_and_no_decision",
            neighbours::a_lost_audience_turns_conditions_and_no_decision,
        )
        .test(
            "a_deleted_program_ends_and_a_deleted_channel_is_withdrawn",
            neighbours::a_deleted_program_ends_and_a_deleted_channel_is_withdrawn,
        )
        .test(
            "a_previous_form_is_carried_over_a_restart",
            neighbours::a_previous_form_is_carried_over_a_restart,
        )
        .test(
            "a_bundle_that_somebody_deletes_is_written_again",
            neighbours::a_bundle_that_somebody_deletes_is_written_again,
        )
        .test(
            "it_counts_what_it_does_and_ends_when_told",
            process::it_counts_what_it_does_and_ends_when_told,
        )
}

/// What was measured.
fn measuring(suite: Suite<Programs>) -> Suite<Programs> {
    suite
        .test(
            "results_come_onto_an_imported_experiment_and_stay",
            results::results_come_onto_an_imported_experiment_and_stay,
        )
        .test(
            "a_worthwhile_lift_is_promoted",
            experiments::a_worthwhile_lift_is_promoted,
        )
        .test(
            "what_is_not_worthwhile_is_retired",
            experiments::what_is_not_worthwhile_is_retired,
        )
        .test("harm_is_stopped", experiments::harm_is_stopped)
        .test(
            "a_broken_split_is_invalid",
            experiments::a_broken_split_is_invalid,
        )
}

/// The definitions, and the policy that every namespace is judged by.
async fn prepare(cluster: &ControlPlane, programs: Programs) -> Result<Programs> {
    cluster.install(&repository().join("crds")).await?;
    let mut policies = attune_e2e::example()?;
    policies.retain(|object| object.metadata.namespace.is_none());
    cluster
        .objects()
        .apply(&policies, "owner")
        .await
        .context("apply the policy")?;
    Ok(programs)
}
