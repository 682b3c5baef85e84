//! Texts that are compared with files of the repository.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use attune_e2e::repository;

/// Whether files are written instead of compared.
pub(crate) fn updating() -> bool {
    std::env::var_os("ATTUNE_UPDATE").is_some_and(|value| value == "1")
}

/// The text is what the file `golden/<name>` says. With `ATTUNE_UPDATE=1` the file is written.
pub(crate) fn ensure_golden(name: &str, text: &str) -> Result<()> {
    let path = repository().join("e2e/tests/chart/golden").join(name);
    if updating() {
        return write(&path, text);
    }
    let expected = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    ensure!(
        expected == text,
        "{name} has changed; if it should have, run the tests with ATTUNE_UPDATE=1 and review the difference\n{}",
        difference(&expected, text)
    );
    Ok(())
}

/// Writes a file of the repository.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// Lines that only one of the two has.
fn difference(expected: &str, found: &str) -> String {
    let only = |sign: &str, ours: &str, theirs: &str| -> Vec<String> {
        let lines = ours
            .lines()
            .filter(|line| !theirs.lines().any(|other| other == *line));
        lines.map(|line| format!("{sign} {line}")).collect()
    };
    [only("-", expected, found), only("+", found, expected)]
        .concat()
        .join("\n")
}
