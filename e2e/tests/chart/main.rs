//! The chart: what it renders, whether a server takes it, what its accounts may do, and what becomes of a release.
//!
//! Without a node nothing runs: what the installed programs do is shown by the tests of the node.

#![expect(
    clippy::indexing_slicing,
    reason = "a field that is not there is `null`, and then the test fails"
)]

mod definitions;
mod foreign;
mod golden;
mod health;
mod helm;
mod lifecycle;
mod monitoring;
mod pods;
mod rendered;
mod roles;
mod schemas;
mod values;

use std::process::ExitCode;

use anyhow::{Context, Result};
use attune_e2e::{ControlPlane, Suite};

use self::helm::Helm;

/// Where the release that all tests look at lives.
pub(crate) const NAMESPACE: &str = "attune-system";
/// Where the release that works in two namespaces only lives.
pub(crate) const SCOPED: &str = "scoped-system";
/// The namespaces that it works in.
pub(crate) const WATCHED: [&str; 2] = ["shop", "blog"];

fn main() -> Result<ExitCode> {
    Ok(operating(rendering(Suite::prepared(prepare)?)).run())
}

/// What is rendered, and whether a server takes it.
fn rendering(suite: Suite<Helm>) -> Suite<Helm> {
    suite
        .test("lints_with_every_switch", rendered::lints_with_every_switch)
        .test("a_server_takes_all_of_it", rendered::a_server_takes_all_of_it)
        .test(
            "conforms_to_the_servers_schemas",
            rendered::conforms_to_the_servers_schemas,
        )
        .test(
            "a_misspelt_object_does_not_conform",
            rendered::a_misspelt_object_does_not_conform,
        )
        .test("images_are_named_as_asked", rendered::images_are_named_as_asked)
        .test(
            "webhooks_see_the_watched_namespaces_only",
            rendered::webhooks_see_the_watched_namespaces_only,
        )
        .test(
            "webhooks_fail_open_and_have_no_ca",
            rendered::webhooks_fail_open_and_have_no_ca,
        )
        .test(
            "values::every_default_is_allowed",
            values::every_default_is_allowed,
        )
        .test(
            "values::a_misspelt_value_is_refused",
            values::a_misspelt_value_is_refused,
        )
        .test(
            "values::a_wrong_value_is_refused",
            values::a_wrong_value_is_refused,
        )
        .test(
            "definitions::are_those_of_the_types",
            definitions::are_those_of_the_types,
        )
        .test(
            "definitions::are_kept_and_otherwise_unchanged",
            definitions::are_kept_and_otherwise_unchanged,
        )
        .test("definitions::can_be_left_out", definitions::can_be_left_out)
        .test("pods::are_restricted", pods::are_restricted)
        .test(
            "pods::a_careless_one_would_be_seen",
            pods::a_careless_one_would_be_seen,
        )
        .test(
            "pods::mount_tokens_only_where_needed",
            pods::mount_tokens_only_where_needed,
        )
}

/// What an administrator meets later.
fn operating(suite: Suite<Helm>) -> Suite<Helm> {
    suite
        .test("roles::operator_cluster_wide", roles::operator_cluster_wide)
        .test("roles::operator_in_namespaces", roles::operator_in_namespaces)
        .test("roles::collector", roles::collector)
        .test("roles::users", roles::users)
        .test(
            "roles::secrets_are_created_under_their_names_only",
            roles::secrets_are_created_under_their_names_only,
        )
        .test("monitoring::alerts_are_valid", monitoring::alerts_are_valid)
        .test(
            "monitoring::every_alert_fires_when_it_should",
            monitoring::every_alert_fires_when_it_should,
        )
        .test(
            "monitoring::every_alert_has_a_test_and_a_runbook",
            monitoring::every_alert_has_a_test_and_a_runbook,
        )
        .test(
            "monitoring::every_panel_asks_what_prometheus_can_read",
            monitoring::every_panel_asks_what_prometheus_can_read,
        )
        .test(
            "health::argo_cd_and_kstatus_agree",
            health::argo_cd_and_kstatus_agree,
        )
        .test(
            "health::the_documented_snippet_is_the_script",
            health::the_documented_snippet_is_the_script,
        )
        .test(
            "lifecycle::install_upgrade_rollback_uninstall",
            lifecycle::install_upgrade_rollback_uninstall,
        )
        .test(
            "lifecycle::what_was_applied_by_hand_is_taken_over",
            lifecycle::what_was_applied_by_hand_is_taken_over,
        )
}

/// Two releases beside each other: one for the cluster, one for two namespaces.
async fn prepare(cluster: &ControlPlane) -> Result<Helm> {
    foreign::install(cluster).await?;
    let helm = Helm::new(cluster)?;
    for namespace in [NAMESPACE, SCOPED, WATCHED[0], WATCHED[1]] {
        let create = cluster.kubectl(&["create", "namespace", namespace]).await?;
        create.without_complaint()?;
    }
    for namespace in [NAMESPACE, SCOPED] {
        pods::restrict(cluster, namespace).await?;
    }
    helm.run(&["install", "attune", "CHART", "-n", NAMESPACE])
        .await?
        .succeeded()
        .context("install the release for the cluster")?;
    let watched = format!("watchNamespaces={{{}}}", WATCHED.join(","));
    let scoped = [
        "install",
        "scoped",
        "CHART",
        "-n",
        SCOPED,
        "--set",
        "crds.install=false",
        "--set",
        &watched,
    ];
    helm.run(&scoped)
        .await?
        .succeeded()
        .context("install the release for two namespaces")?;
    Ok(helm)
}
