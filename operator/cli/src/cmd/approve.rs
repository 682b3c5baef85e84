//! `attune approve`.

use std::process::ExitCode;

use crate::approve::approve;
use crate::cli::ApproveArgs;
use crate::terminal::{print, say};

/// Writes an approval into a file, or, for standard input, what the file should be onto standard output.
pub(crate) fn run(args: &ApproveArgs) -> anyhow::Result<ExitCode> {
    let approved = approve(args)?;
    match &approved.path {
        Some(path) => {
            std::fs::write(path, &approved.text).map_err(|source| {
                anyhow::Error::new(source).context(format!("cannot write `{}`", path.display()))
            })?;
            say(format_args!(
                "approved `{}/{}` as {}",
                args.module, args.variant, approved.hash
            ));
        }
        None => print(&approved.text)?,
    }
    Ok(ExitCode::SUCCESS)
}
