//! README's commands, run as they stand: what a newcomer types first must work.
#![expect(clippy::expect_used, reason = "the helpers of a test fail it")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const README: &str = include_str!("../../../README.md");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The commands of README that begin with `program`, continued lines joined.
fn commands(program: &str) -> Vec<String> {
    let joined = README.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with(&format!("{program} ")))
        .map(str::to_owned)
        .collect()
}

/// Runs a command of README with the built `attune` in front of the path.
fn run(command: &str) -> std::process::Output {
    let built = Path::new(env!("CARGO_BIN_EXE_attune"))
        .parent()
        .expect("a directory");
    let path = format!(
        "{}:{}",
        built.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(command)
        .current_dir(repository())
        .env("PATH", path);
    shell.output().expect("a shell")
}

#[test]
fn every_command_that_needs_no_server_succeeds() {
    let offline: Vec<_> = commands("attune")
        .into_iter()
        .filter(|command| !command.contains("attune serve") && !command.contains("--server"))
        .collect();
    assert_eq!(offline.len(), 3, "{offline:#?}");
    for command in offline {
        let output = run(&command);
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "`{command}` said:\n{said}");
        if command.contains("decide") || command.contains("explain") {
            assert!(said.contains("hero/loyal"), "`{command}` said:\n{said}");
        }
    }
}

/// An `attune serve` that ends with the test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn serve_status_and_curl_work_together() {
    let free = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port");
    let here = |command: &str| command.replace("127.0.0.1:8016", &free.to_string());
    let [serve] = commands("attune")
        .into_iter()
        .filter(|one| one.starts_with("attune serve"))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let arguments: Vec<_> = here(&serve)
        .split_whitespace()
        .skip(1)
        .map(str::to_owned)
        .collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
    command
        .args(arguments)
        .current_dir(repository())
        .stderr(Stdio::null());
    let _served = Served(command.spawn().expect("attune starts"));
    let [status] = commands("attune")
        .into_iter()
        .filter(|one| one.contains("--server"))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let output = loop {
        let output = run(&here(&status));
        if output.status.success() || Instant::now() > deadline {
            break output;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("program.attune.dev/spring-retention"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let [curl] = commands("curl").try_into().unwrap();
    let output = run(&here(&format!("{curl} --silent")));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("\"variant\":\"hero/loyal\""),
        "`{curl}` said:\n{said}"
    );
}
