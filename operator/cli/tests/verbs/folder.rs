//! A folder of resources, and `attune` run in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

/// The complete strategy of the repository. What its words do not cover is told of it by tests of coverage alone.
pub(crate) static EXAMPLE: LazyLock<String> = LazyLock::new(|| {
    let (from, to) = ("coverage: {enforcement: Warn}", "coverage: {enforcement: Ignore}");
    let text = include_str!("../../../../examples/strategy/strategy.yaml");
    assert!(text.contains(from), "the example says `{from}`");
    text.replace(from, to)
});

/// The instant that every test pins.
pub(crate) const AT: [&str; 2] = ["--at", "2026-12-01T00:00:00Z"];

/// A folder of its own.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

/// What came of one run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    /// A folder with the example, edited.
    pub(crate) fn example(edits: &[(&str, &str)]) -> Self {
        Self::new().with("strategy.yaml", edited(edits))
    }

    pub(crate) fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("written");
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `attune` in the folder, so that it is told relative names.
    pub(crate) fn attune(&self, arguments: &[&str]) -> Run {
        self.attune_reading(arguments, "")
    }

    /// Runs `attune` with text on standard input.
    pub(crate) fn attune_reading(&self, arguments: &[&str], input: &str) -> Run {
        run(self.0.path(), arguments, &[], input)
    }

    /// Runs `attune` with variables in its environment.
    pub(crate) fn attune_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        run(self.0.path(), arguments, environment, "")
    }

    /// The findings of `attune lint` about everything in the folder.
    pub(crate) fn lint(&self) -> Run {
        self.attune(&["lint", "-f", ".", AT[0], AT[1]])
    }

    /// The findings as data.
    pub(crate) fn findings(&self) -> Value {
        self.attune(&["lint", "-f", ".", AT[0], AT[1], "-o", "json"])
            .json()
    }
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The example with pieces of its text replaced; each must be there.
pub(crate) fn edited(edits: &[(&str, &str)]) -> String {
    edits
        .iter()
        .fold(EXAMPLE.as_str().to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "the example says `{from}`");
            text.replace(from, to)
        })
}

/// The line of the example, 1-based, that says something first.
pub(crate) fn line_of(text: &str, piece: &str) -> usize {
    let before = text.split(piece).next().expect("text before it");
    assert!(before.len() < text.len(), "the text says `{piece}`");
    before.matches('\n').count() + 1
}

fn run(directory: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    // A command that does not read its input may be gone by now.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("ended");
    Run {
        code: output.status.code().expect("not ended by a signal"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}
