//! `attune export`.

use std::process::ExitCode;

use anyhow::Context as _;
use attune_compile::formats::{self, Refusal};

use super::failed;
use crate::cli::ExportArgs;
use crate::terminal::{print, say};

/// Writes what would be sent; 1 where something of the rules is not in it.
pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let publication = super::publication(&args.source, &args.channel)?;
    let written = match formats::write(&publication, args.format.into()) {
        Ok(written) => written,
        Err(refusals) => {
            tell(&refusals);
            say(format_args!("attune: nothing is written"));
            return Ok(failed());
        }
    };
    match &args.out {
        Some(file) => std::fs::write(file, &written.bytes)
            .with_context(|| format!("`{}` cannot be written", file.display()))?,
        None => print(&(String::from_utf8_lossy(&written.bytes).into_owned() + "\n"))?,
    }
    tell(&written.refusals);
    Ok(if written.refusals.is_empty() {
        ExitCode::SUCCESS
    } else {
        failed()
    })
}

fn tell(refusals: &[Refusal]) {
    for refusal in refusals {
        say(format_args!("attune: {refusal}"));
    }
}
