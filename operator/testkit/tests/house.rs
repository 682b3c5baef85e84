//! The rooms of the house and the doors between them: a crate exists only for the dependencies that it must not have.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot read the workspace fails, and says so"
)]

#[path = "house/rooms.rs"]
mod rooms;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use self::rooms::{PURE, ROOMS, Room};

/// What stands at the top of the repository.
const TOP_LEVEL: [&str; 9] = [
    "Cargo.toml",
    "README.md",
    "charts",
    "crds",
    "docs",
    "e2e",
    "examples",
    "image",
    "operator",
];

/// What may stand there too.
const USUAL: [&str; 10] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "LICENSE",
    "Makefile",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
    "target",
];

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the crate lies two directories deep").to_path_buf()
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.exec().expect("cargo tells about the workspace")
}

fn packages(metadata: &Metadata) -> BTreeMap<&str, &Package> {
    metadata
        .packages
        .iter()
        .map(|package| (package.name.as_str(), package))
        .collect()
}

fn room(package: &str) -> &'static Room {
    let room = ROOMS.iter().find(|room| room.package == package);
    room.unwrap_or_else(|| panic!("`{package}` is no room of the house"))
}

/// A room's own rooms and theirs.
fn reachable(package: &str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<_> = room(package).ours.to_vec();
    while let Some(next) = left.pop() {
        if reached.insert(next) {
            left.extend(room(next).ours);
        }
    }
    reached
}

/// The names of the packages that a package is built with, when it is built alone: what others ask of a shared dependency
/// does not count.
fn tree(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
            package,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_crate_of_the_operator_is_a_room() {
    let metadata = metadata();
    let mut found = BTreeSet::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| package.name.as_str() != "attune-e2e")
    {
        let directory = package
            .manifest_path
            .parent()
            .expect("a manifest lies in a directory");
        let expected = root().join("operator").join(room(&package.name).directory);
        assert_eq!(
            directory.as_std_path(),
            expected,
            "`{}` lives elsewhere",
            package.name
        );
        found.insert(expected);
    }
    let directories = fs::read_dir(root().join("operator")).expect("the operator is there");
    for directory in directories {
        let path = directory.expect("its rooms can be listed").path();
        assert!(
            // Built with flags of its own.
            path.ends_with("fuzz") || found.contains(&path),
            "{} is no crate of the workspace",
            path.display()
        );
    }
}

#[test]
fn rooms_use_only_the_rooms_that_they_may() {
    let metadata = metadata();
    let ours: BTreeSet<_> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    for package in metadata
        .packages
        .iter()
        .filter(|package| package.name.as_str() != "attune-e2e")
    {
        let allowed = reachable(&package.name);
        let used = package
            .dependencies
            .iter()
            .filter(|used| ours.contains(&used.name));
        for used in used {
            // Tests may start from the testkit, and some look at a neighbour over the table's arrows.
            let is_test = used.kind == DependencyKind::Development;
            assert!(
                allowed.contains(used.name.as_str()) || is_test,
                "`{}` must not depend on `{}`",
                package.name,
                used.name
            );
        }
    }
}

#[test]
fn nobody_but_the_end_to_end_tests_needs_the_runtime() {
    let metadata = metadata();
    for package in metadata
        .packages
        .iter()
        .filter(|package| package.name.as_str() != "attune-e2e")
    {
        let used = package
            .dependencies
            .iter()
            .any(|used| used.name == "attune-operator");
        assert!(
            !used,
            "`{}` would not compile without operator/runtime",
            package.name
        );
    }
}

#[test]
fn no_room_is_built_with_what_it_must_not_know() {
    let metadata = metadata();
    for package in packages(&metadata)
        .into_keys()
        .filter(|name| *name != "attune-e2e")
    {
        let room = room(package);
        let tree = tree(package);
        assert!(tree.contains(package), "the tree of `{package}` is empty");
        let found: Vec<_> = room
            .banned
            .iter()
            .filter(|banned| tree.contains(**banned))
            .collect();
        assert!(found.is_empty(), "`{package}` is built with {found:?}");
        assert!(
            !tree.contains("attune-testkit") || package == "attune-testkit",
            "`{package}` ships the testkit"
        );
    }
}

#[test]
fn trees_hold_what_others_ask_for_only_where_it_is_asked_for() {
    assert!(tree("attune-operator").contains("kube-client"));
    let api = tree("attune-api");
    assert!(api.contains("kube-core") && !api.contains("kube-client"));
}

#[test]
fn pure_rooms_never_ask_the_clock() {
    for directory in PURE.map(|directory| root().join("operator").join(directory).join("src")) {
        let sources = sources(&directory);
        for (path, text) in sources.iter().filter(|(path, _)| !is_test_source(path)) {
            for clock in ["Timestamp::now", "Zoned::now", "SystemTime::now", "Instant::now"] {
                assert!(!text.contains(clock), "{} calls `{clock}`", path.display());
            }
        }
    }
}

#[test]
fn no_dependency_is_declared_and_not_used() {
    let metadata = metadata();
    let mut unused = Vec::new();
    for package in &metadata.packages {
        let directory = package
            .manifest_path
            .parent()
            .expect("a manifest lies in a directory");
        let sources = sources(directory.as_std_path());
        for dependency in &package.dependencies {
            let name = dependency
                .rename
                .as_ref()
                .unwrap_or(&dependency.name)
                .replace('-', "_");
            let is_test = dependency.kind == DependencyKind::Development;
            let mut texts = sources
                .iter()
                .filter(|(path, _)| is_test || !is_test_source(path));
            if !texts.any(|(_, text)| mentions(text, &name)) {
                unused.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert!(unused.is_empty(), "declared and not used: {unused:#?}");
}

#[test]
fn the_top_level_is_the_house_and_the_usual_papers() {
    let entries = fs::read_dir(root()).expect("the repository is there");
    let names: BTreeSet<_> = entries
        .map(|entry| {
            entry
                .expect("its entries can be listed")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !name.starts_with('.'))
        .collect();
    for expected in TOP_LEVEL {
        assert!(names.contains(expected), "`{expected}` is missing");
    }
    let known = |name: &&String| TOP_LEVEL.contains(&name.as_str()) || USUAL.contains(&name.as_str());
    let strange: Vec<_> = names.iter().filter(|name| !known(name)).collect();
    assert!(
        strange.is_empty(),
        "{strange:?} stand at the top level: give each a room"
    );
}

/// Every Rust file below a directory.
fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut sources = Vec::new();
    for entry in entries {
        let path = entry.expect("a directory can be listed").path();
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            sources.push((path, text));
        }
    }
    sources
}

fn is_test_source(path: &Path) -> bool {
    let mut parts = path
        .components()
        .rev()
        .map(|part| part.as_os_str().to_string_lossy());
    parts.any(|part| ["tests", "tests.rs", "benches", "examples"].contains(&part.as_ref()))
}

/// Whether a crate's name stands in a source as a word.
fn mentions(text: &str, name: &str) -> bool {
    let is_word =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (
            text.get(..at).unwrap_or_default(),
            text.get(at + name.len()..).unwrap_or_default(),
        );
        !is_word(before.chars().next_back()) && !is_word(after.chars().next())
    })
}
