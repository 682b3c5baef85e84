//! What a release survives, on a real node: each test breaks one thing and asks what is served meanwhile.
//!
//! Faults last seconds here, and as long as they are meant to with `ATTUNE_FAULTS=full`. Tests that break what all share run
//! alone.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that a JSON document lacks reads as null, which the comparison then shows"
)]

mod absence;
mod certificates;
mod disks;
mod leaders;
mod length;
mod operator;
mod outages;
mod standing;
mod traffic;

use std::process::ExitCode;

use anyhow::Result;
use attune_e2e::Suite;

use self::standing::Standing;

macro_rules! suite {
    ($suite:expr, $($way:ident: $module:ident::$test:ident,)+) => {
        $suite$(.$way(stringify!($test), $module::$test))+
    };
}

fn main() -> Result<ExitCode> {
    let suite = Suite::prepared_on_node(async |cluster| Standing::set_up(cluster).await)?;
    let suite = suite!(
        suite,
        test: absence::without_any_rules_the_startup_gate_ends_and_the_decider_counts_as_missing,
        test: disks::a_full_disk_and_a_damaged_file_stop_no_decision,
        test: disks::deciders_ten_minutes_apart_follow_their_operator,
        test_alone: outages::a_restarted_pod_decides_while_the_operator_and_the_api_server_are_down,
        test_alone: outages::no_decision_fails_while_the_api_server_is_down,
        test_alone: outages::no_decision_fails_while_etcd_is_down,
        test_alone: outages::what_changed_behind_an_expired_watch_is_picked_up,
        test_alone: absence::pods_start_while_no_operator_runs_and_bare_ones_are_named_when_it_returns,
        test_alone: certificates::every_pod_is_injected_while_certificates_change,
        test_alone: leaders::a_leader_killed_while_it_publishes_leaves_nothing_half_written,
        test_alone: leaders::a_killed_leader_is_followed_by_another_that_repeats_nothing,
        test_alone: leaders::replicas_ten_minutes_apart_lead_in_peace_and_hand_over,
    );
    Ok(suite.run())
}
