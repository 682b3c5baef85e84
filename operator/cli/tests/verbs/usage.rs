//! How `attune` is used: help, and what wrong usage is told.

use std::process::{Command, Stdio};

use crate::folder::Folder;

const VERBS: [&str; 11] = [
    "crds",
    "lint",
    "decide",
    "explain",
    "serve",
    "status",
    "lift",
    "plan-experiment",
    "forget",
    "recall",
    "ready",
];

#[test]
fn every_verb_explains_itself_and_every_option() {
    let folder = Folder::new();
    let all = folder.attune(&["--help"]);
    assert_eq!(all.code, 0);
    for verb in VERBS {
        assert!(all.stdout.contains(&format!("\n  {verb} ")), "{}", all.stdout);
        let help = folder.attune(&[verb, "--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        assert!(
            help.stdout.contains(&format!("Usage: attune {verb} ")),
            "{}",
            help.stdout
        );
        let short = folder.attune(&[verb, "-h"]).stdout;
        for line in short.lines().filter(|line| line.trim_start().starts_with('-')) {
            let (option, text) = line.trim().split_once("  ").unwrap_or((line, ""));
            assert!(
                !text.trim().is_empty(),
                "`{verb} {option}` says nothing of itself:\n{short}"
            );
        }
    }
    assert!(folder.attune(&["--version"]).stdout.starts_with("attune "));
}

#[test]
fn wrong_usage_is_2_and_told_on_standard_error() {
    let folder = Folder::example(&[]);
    let table: [(&[&str], &str); 21] = [
        (&[], "Usage: attune <COMMAND>"),
        (&["frob"], "unrecognized subcommand 'frob'"),
        (&["lnit"], "similar subcommands exist: 'lift', 'lint'"),
        (&["lint"], "--file <PATH>"),
        (&["lint", "-f"], "a value is required for '--file <PATH>...'"),
        (
            &["lint", "-f", ".", "-o", "xml"],
            "[possible values: text, json, github]",
        ),
        (
            &["lint", "-f", ".", "--at", "tomorrow"],
            "`tomorrow` is no instant: write it as 2026-12-01T00:00:00Z",
        ),
        (&["decide", "-f", ".", "--channel", "web"], "--touchpoint <NAME>"),
        (
            &["decide", "-f", ".", "-o", "github"],
            "[possible values: text, json]",
        ),
        (&["explain", "-f", "."], "--channel <NAME>"),
        (
            &["serve", "-f", ".", "--listen", "here"],
            "invalid value 'here' for '--listen <ADDR>'",
        ),
        (&["status"], "--file <PATH>"),
        (
            &["status", "-f", ".", "--server", "http://127.0.0.1:1"],
            "cannot be used with",
        ),
        (&["lift"], "--moments <FILE>"),
        (
            &["lift", "--moments", "gone.ndjson"],
            "attune: cannot read `gone.ndjson`: ",
        ),
        (
            &["lift", "--moments", "."],
            "attune: the questions cannot be read: ",
        ),
        (&["plan-experiment", "-f", "."], "--experiment <NAME>"),
        (&["plan-experiment", "--experiment", "cart-hero"], "--file <PATH>"),
        (&["plan-experiment"], "attune: `--minimum-lift` is missing: "),
        (
            &[
                "plan-experiment",
                "-f",
                ".",
                "--experiment",
                "cart-hero",
                "--type",
                "mean",
            ],
            "cannot be used with",
        ),
        (&["crds", "--colour"], "unexpected argument '--colour'"),
    ];
    for (arguments, expected) in table {
        let run = folder.attune(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(expected), "{arguments:?}: {}", run.stderr);
    }
}

/// Every verb that answers, about the folder it runs in.
const ANSWERS: [&[&str]; 8] = [
    &["crds"],
    &["lint", "-f", "."],
    &["lint", "-f", ".", "-o", "json"],
    &["status", "-f", "."],
    &["lift", "--moments", "questions.ndjson"],
    &["plan-experiment", "--minimum-lift", "0.1"],
    &[
        "decide",
        "-f",
        ".",
        "--channel",
        "web",
        "--touchpoint",
        "home-hero",
        "--context",
        "{}",
    ],
    &[
        "explain",
        "-f",
        ".",
        "--channel",
        "web",
        "--touchpoint",
        "home-hero",
        "--context",
        "{}",
    ],
];

fn answering() -> Folder {
    Folder::example(&[]).with("questions.ndjson", crate::lift::QUESTION)
}

#[test]
fn a_reader_that_has_seen_enough_is_no_mistake() {
    let folder = answering();
    for arguments in ANSWERS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_attune"))
            .args(arguments)
            .current_dir(folder.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ended");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_2() {
    let folder = answering();
    for arguments in ANSWERS {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("opened");
        let output = Command::new(env!("CARGO_BIN_EXE_attune"))
            .args(arguments)
            .current_dir(folder.path(""))
            .stdout(full)
            .output()
            .expect("ended");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(
            stderr.starts_with("attune: the answer cannot be written to standard output: "),
            "{arguments:?}: {stderr}"
        );
    }
}
