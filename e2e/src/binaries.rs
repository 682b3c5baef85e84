//! Programs of this workspace, as child processes of a test.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Path of a program of this workspace: one of `ATTUNE_BINARIES` where that is set, else built now, in the profile of the
/// running test. Cargo by itself builds the programs of the package under test only: those of another would be missing, or
/// worse, old.
///
/// # Errors
/// When it is not there or does not build; with what the compiler said.
pub fn binary(name: &str) -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("ATTUNE_BINARIES") {
        let program = PathBuf::from(directory).join(name);
        ensure!(
            program.is_file(),
            "`{}` is not there: run `make build`",
            program.display()
        );
        return Ok(program);
    }
    let test = std::env::current_exe().context("find the running test")?;
    // target/<machine>/<profile>/deps/<test>
    let profile_directory = test
        .ancestors()
        .nth(2)
        .context("find the directory of the profile")?;
    let target_directory = profile_directory
        .ancestors()
        .nth(2)
        .context("find the target directory")?;
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(crate::repository()).args([
        "build",
        "--quiet",
        "--locked",
        // Of the whole workspace, so that its dependencies are built with one set of features and shared with all tests.
        "--workspace",
        "--bin",
        name,
    ]);
    if profile_directory.ends_with("release") {
        build.arg("--release");
    }
    build.arg("--target-dir").arg(target_directory);
    let output = build.output().context("run cargo")?;
    ensure!(
        output.status.success(),
        "build `{name}`:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(profile_directory.join(name))
}
