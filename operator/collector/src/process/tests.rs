use std::time::Duration;

use attune_core::event::parse_batch;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::certificate::{Certificate, Files};
use super::probes::Probes;
use super::{Args, api_url};
use crate::fixture::{Authority, Pair};
use crate::{Collector, CollectorOptions};
use clap::Parser as _;

const PACE: Duration = Duration::from_millis(20);

fn files(directory: &TempDir) -> Files {
    Files {
        certificate: directory.path().join("tls.crt"),
        key: directory.path().join("tls.key"),
    }
}

fn write(files: &Files, pair: &Pair) {
    std::fs::write(&files.certificate, &pair.certificate).unwrap();
    std::fs::write(&files.key, &pair.key).unwrap();
}

async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !is_so().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited in vain for {what}"
        );
        tokio::time::sleep(PACE).await;
    }
}

#[tokio::test]
async fn waits_for_its_certificate_and_changes_it_while_it_serves() {
    let directory = tempfile::tempdir().unwrap();
    let files = files(&directory);
    let mut certificate = Certificate::new(files.clone());
    let too_early = tokio::time::timeout(10 * PACE, certificate.wait(PACE)).await;
    assert!(too_early.is_err());
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    // One half of a pair is no use, nor are halves of two.
    let first = old.sign();
    std::fs::write(&files.certificate, &first.certificate).unwrap();
    std::fs::write(&files.key, old.sign().key).unwrap();
    assert!(
        tokio::time::timeout(10 * PACE, certificate.wait(PACE))
            .await
            .is_err()
    );
    write(&files, &first);
    let config = certificate.wait(PACE).await;

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/", get(async || "ok"));
    let server = axum_server::from_tcp_rustls(listener, config.clone()).unwrap();
    tokio::spawn(server.serve(app.into_make_service()));
    tokio::spawn(certificate.follow(config, PACE));
    let trusts = async |authority: &Authority| authority.client().get(&url).send().await.is_ok();
    assert!(trusts(&old).await);
    assert!(!trusts(&new).await);

    write(&files, &new.sign());
    eventually("the new certificate", || trusts(&new)).await;
    // What is of no use, or gone, leaves the last good one.
    std::fs::write(&files.key, "no key").unwrap();
    tokio::time::sleep(10 * PACE).await;
    assert!(trusts(&new).await);
    std::fs::remove_file(&files.certificate).unwrap();
    tokio::time::sleep(10 * PACE).await;
    assert!(trusts(&new).await);
    write(&files, &old.sign());
    eventually("the certificate after trouble", || trusts(&old)).await;
}

async fn ask(probes: &Probes, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = probes.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn is_ready_once_it_serves_and_its_disk_takes_something() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::open(directory.path(), CollectorOptions::default()).unwrap();
    let probes = Probes::new(collector.clone(), None);
    assert_eq!(ask(&probes, "/healthz").await.0, 200);
    let (status, why) = ask(&probes, "/readyz").await;
    assert_eq!(status, 503);
    assert!(why.contains("no certificate"), "{why}");
    probes.mark_serving(true);
    assert_eq!(ask(&probes, "/readyz").await.0, 200);

    // What is written there meets a full disk: the kernel answers ENOSPC.
    let full = Probes::new(collector, None);
    full.mark_serving(true);
    std::os::unix::fs::symlink("/dev/full", directory.path().join("writable.probe")).unwrap();
    let (status, why) = ask(&full, "/readyz").await;
    assert_eq!(status, 503);
    assert!(why.contains("No space left"), "{why}");
    assert_eq!(ask(&full, "/healthz").await.0, 200);
}

#[tokio::test]
async fn counts_events_and_commits() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::open(directory.path(), CollectorOptions::default()).unwrap();
    let probes = Probes::new(collector.clone(), None);
    let event = |id: &str, time: &str| {
        format!(
            r#"[{{"specversion":"1.0","type":"dev.attune.outcome.v1","id":"{id}","source":"/t","time":"{time}",
            "data":{{"unit":"u1","event":"click"}}}}]"#
        )
    };
    for body in [
        event("1", "2026-11-01T00:00:00Z"),
        event("1", "2026-11-01T00:00:00Z"),
        event("2", "2126-11-01T00:00:00Z"),
    ] {
        let _ = collector.take(parse_batch(body.as_bytes()).unwrap(), None).await;
    }
    let (status, text) = ask(&probes, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "attune_collector_events_total{result=\"stored\"} 1",
        "attune_collector_events_total{result=\"duplicate\"} 1",
        "attune_collector_events_total{result=\"refused\"} 1",
        "attune_collector_events_total{result=\"deferred\"} 0",
        "attune_collector_queued_events 0",
        "attune_collector_commit_seconds_count 2",
        "attune_collector_commit_failures_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    let size = text
        .lines()
        .find_map(|line| line.strip_prefix("attune_collector_store_bytes "))
        .unwrap();
    assert!(size.parse::<u64>().unwrap() > 4096, "{size}");
}

fn args(more: &[&str]) -> Args {
    let program = ["attune-collector", "--data", "/nowhere"];
    Args::try_parse_from(program.iter().chain(more)).unwrap()
}

#[test]
fn authenticates_in_a_cluster_unless_told_otherwise() {
    for (more, has_gate) in [
        (&[][..], false),
        (&["--api-host", "10.96.0.1"], true),
        (&["--api-host", "10.96.0.1", "--authentication", "None"], false),
        (&["--api-host", "fd00::1", "--authentication", "Tokens"], true),
    ] {
        assert_eq!(args(more).gate().unwrap().is_some(), has_gate, "{more:?}");
    }
    let error = args(&["--authentication", "Tokens"]).gate().unwrap_err();
    assert!(error.to_string().contains("KUBERNETES_SERVICE_HOST"));
    assert_eq!(
        api_url("fd00::1", 6443).unwrap().as_str(),
        "https://[fd00::1]:6443/"
    );
}

#[test]
fn a_certificate_needs_its_key() {
    let alone = ["attune-collector", "--data", "/nowhere", "--tls-cert", "/tls.crt"];
    assert!(Args::try_parse_from(alone).is_err());
}
