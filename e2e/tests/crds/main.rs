//! The definitions on the API server itself: how they apply, what they accept and refuse, and what they print.

mod cases;
mod columns;
mod definitions;
mod example;
mod server;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, Outcome, Suite};

use self::cases::Judgement;

/// What one run of the preparation found; the tests judge it.
struct Findings {
    client_side_on_nothing: Outcome,
    client_side_again: Outcome,
    server_side_over_client_side: Outcome,
    outcomes: Vec<Judgement>,
}

fn main() -> Result<ExitCode> {
    let cases = cases::read()?;
    let names: Vec<String> = cases.iter().map(|case| case.name.clone()).collect();
    let mut suite = Suite::prepared(async move |cluster| prepare(cluster, cases).await)?
        .test("apply::server_side_on_nothing", server_side_on_nothing)
        .test("apply::client_side_on_nothing", async |_, found| {
            applied(&found.client_side_on_nothing, "created")
        })
        .test("apply::client_side_again_changes_nothing", async |_, found| {
            applied(&found.client_side_again, "unchanged")
        })
        .test("apply::server_side_over_client_side", async |_, found| {
            applied(&found.server_side_over_client_side, "serverside-applied")
        })
        .test(
            "every_rule_has_an_accepted_and_a_refused_case",
            every_rule_has_an_accepted_and_a_refused_case,
        )
        .test("columns_that_point_nowhere_are_seen", async |_, _| {
            columns::ensure_mistakes_are_seen()
        })
        .test("columns_point_at_fields", async |_, _| {
            definitions::read()?
                .iter()
                .try_for_each(columns::ensure_paths_exist)
        })
        .test(
            "example::applies_twice_without_a_change",
            example::applies_twice_without_a_change,
        )
        .test("example::prints_every_column", example::prints_every_column);
    for name in names {
        suite = suite.test(format!("case::{name}"), async move |_, found| {
            found.outcome(&name)?.ensure_expected()
        });
    }
    Ok(suite.run())
}

async fn prepare(cluster: &ControlPlane, cases: Vec<cases::Case>) -> Result<Findings> {
    let client_side_on_nothing = apply(cluster, &["--server-side=false"]).await?;
    let client_side_again = apply(cluster, &["--server-side=false"]).await?;
    let server_side_over_client_side = apply(cluster, &["--server-side"]).await?;
    let outcomes = cases::run(cluster, cases).await?;
    Ok(Findings {
        client_side_on_nothing,
        client_side_again,
        server_side_over_client_side,
        outcomes,
    })
}

/// Applies all definitions and waits until they are established.
async fn apply(cluster: &ControlPlane, flags: &[&str]) -> Result<Outcome> {
    let directory = definitions::directory();
    let path = directory.to_str().context("a path in UTF-8")?;
    let arguments = [&["apply", "-f", path], flags].concat();
    let outcome = cluster.kubectl(&arguments).await?.succeeded()?;
    cluster.wait_established(&directory).await?;
    Ok(outcome)
}

/// On a control plane of its own: to delete the definitions and wait for their end can take the server five minutes when
/// they are only seconds old.
async fn server_side_on_nothing(_: &ControlPlane, _: &Findings) -> Result<()> {
    let cluster = ControlPlane::start().await?;
    applied(&apply(&cluster, &["--server-side"]).await?, "serverside-applied")
}

impl Findings {
    fn outcome(&self, name: &str) -> Result<&Judgement> {
        self.outcomes
            .iter()
            .find(|outcome| outcome.name == name)
            .context("it did not run")
    }
}

/// Every definition was applied with this result, and nothing was complained of.
fn applied(outcome: &Outcome, result: &str) -> Result<()> {
    let outcome = outcome.clone().without_complaint()?;
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let definitions = definitions::read()?.len();
    ensure!(
        lines.len() == definitions,
        "{definitions} definitions, but `{}` says:\n{}",
        outcome.command,
        outcome.stdout
    );
    ensure!(
        lines.iter().all(|line| line.ends_with(result)),
        "not all are {result}:\n{}",
        outcome.stdout
    );
    Ok(())
}

async fn every_rule_has_an_accepted_and_a_refused_case(_: &ControlPlane, found: &Findings) -> Result<()> {
    let mut lacking = Vec::new();
    for definition in definitions::read()? {
        let kind = &definition.spec.names.kind;
        for rule in definition.rules()? {
            let of_kind = || found.outcomes.iter().filter(|outcome| outcome.kind == *kind);
            let accepted = of_kind().any(|outcome| outcome.accepted_by(&rule.message));
            let refused = of_kind().any(|outcome| outcome.refused_by(&rule.message));
            let missing = match (accepted, refused) {
                (true, true) => continue,
                (true, false) => "a refused",
                (false, true) => "an accepted",
                (false, false) => "an accepted and a refused",
            };
            lacking.push(format!("{} lacks {missing} case: {}", rule.place, rule.message));
        }
    }
    ensure!(
        lacking.is_empty(),
        "{} rules are not shown to work:\n{}",
        lacking.len(),
        lacking.join("\n")
    );
    Ok(())
}
