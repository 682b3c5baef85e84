use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use tempfile::tempdir;

use super::{Launch, Process};

fn shell(name: &str, logs: &Path, script: &str) -> Launch {
    Launch::new(name, Path::new("sh"), logs).args(["-c", script])
}

/// Waits until the child has written, so that its traps stand.
async fn said(process: &Process, text: &str) {
    while !process.log_tail(10).contains(text) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_stopped_process_ends_by_its_own_hand() {
    let logs = tempdir().unwrap();
    let script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let mut process = Process::spawn(shell("polite", logs.path(), script)).unwrap();
    said(&process, "ready").await;
    let status = process.stop(Duration::from_secs(10)).await.unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(fs::read_to_string(process.log()).unwrap(), "ready\nbye\n");
}

#[tokio::test]
async fn a_process_that_ignores_the_request_is_killed() {
    let logs = tempdir().unwrap();
    let script = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
    let mut process = Process::spawn(shell("deaf", logs.path(), script)).unwrap();
    said(&process, "ready").await;
    let status = process.stop(Duration::from_millis(50)).await.unwrap();
    assert_eq!(status.signal(), Some(9));
}

#[tokio::test]
async fn a_dropped_process_is_gone() {
    let logs = tempdir().unwrap();
    let process = Process::spawn(Launch::new("sleeper", Path::new("sleep"), logs.path()).arg("600")).unwrap();
    let id = process.id();
    assert!(Path::new(&format!("/proc/{id}")).exists());
    drop(process);
    assert!(!Path::new(&format!("/proc/{id}")).exists());
}

#[tokio::test]
async fn a_process_that_ended_is_reported_with_its_log_and_starts_again() {
    let logs = tempdir().unwrap();
    let mut process = Process::spawn(shell("short", logs.path(), "echo no such flag >&2; exit 3")).unwrap();
    let first = process.id();
    while process.ended().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let message = process.ensure_running().unwrap_err().to_string();
    assert!(message.contains("`short` ended with exit status: 3"), "{message}");
    assert!(message.contains("no such flag"), "{message}");
    process.start_again().unwrap();
    assert_ne!(process.id(), first);
}

#[test]
fn a_missing_program_is_named() {
    let logs = tempdir().unwrap();
    let error =
        Process::spawn(Launch::new("ghost", Path::new("/nonexistent/ghost"), logs.path())).unwrap_err();
    assert!(
        format!("{error:#}").contains("start `ghost` from /nonexistent/ghost"),
        "{error:#}"
    );
}
