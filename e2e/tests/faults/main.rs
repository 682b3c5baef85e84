//! What a release survives, on a real node: each test breaks one thing and asks what is served meanwhile.

use std::process::ExitCode;

use anyhow::Result;
use attune_e2e::Suite;
use attune_e2e::release::Installed;

fn main() -> Result<ExitCode> {
    let suite = Suite::prepared_on_node(async |cluster| Installed::install(cluster).await)?;
    Ok(suite.run())
}
