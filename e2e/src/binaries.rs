//! Programs of this workspace, as child processes of a test.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Builds a program of this workspace, in the profile of the running test, and returns its path. Cargo builds the programs
/// only of the package under test: one of another package would be missing, or worse, an old one.
///
/// # Errors
/// When it does not build; with what the compiler said.
pub fn binary(package: &str, name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().context("find the running test")?;
    // target/<profile>/deps/<test>
    let profile_directory = test
        .ancestors()
        .nth(2)
        .context("find the directory of the profile")?;
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(crate::repository()).args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        package,
        "--bin",
        name,
    ]);
    if profile_directory.ends_with("release") {
        build.arg("--release");
    }
    build
        .arg("--target-dir")
        .arg(profile_directory.parent().context("find the target directory")?);
    let output = build.output().context("run cargo")?;
    ensure!(
        output.status.success(),
        "build `{name}`:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(profile_directory.join(name))
}
