//! The collector's process on a cluster: TLS, probes and tokens.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::generate_simple_self_signed;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_attune-collector"))
            .args(["--listen", "127.0.0.1:0", "--probes", "127.0.0.1:0", "--data"])
            .arg(directory.join("data"))
            .arg("--tls-cert")
            .arg(directory.join("tls.crt"))
            .arg("--tls-key")
            .arg(directory.join("tls.key"))
            // As in a pod whose API server is gone.
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", "9")
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Self { child, log }
    }

    /// Waits for a line of the log; gives what follows the text in it, up to a blank.
    fn said(&self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let log = self.log.lock().unwrap().clone();
            if let Some((_, rest)) = log.iter().find_map(|line| line.split_once(text)) {
                return rest.split(' ').next().unwrap().to_owned();
            }
            assert!(Instant::now() < deadline, "`{text}` is not in {log:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    fn ends(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that trusts one certificate, or none.
fn client(pem: Option<&str>) -> reqwest::Client {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(pem) = pem {
        roots
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .unwrap();
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(config);
    builder.no_proxy().build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_its_certificate_and_lets_nobody_in_unreviewed() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path());
    process.said("authentication=Tokens");
    let probes = process.said("probes=");
    let probe = async |path: &str| {
        let url = format!("http://{probes}{path}");
        client(None).get(url).send().await.unwrap().status().as_u16()
    };
    process.said("waiting for a certificate");
    assert_eq!(probe("/healthz").await, 200);
    assert_eq!(probe("/readyz").await, 503);

    let pair = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(directory.path().join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
    std::fs::write(directory.path().join("tls.crt"), pair.cert.pem()).unwrap();
    let url = format!("https://{}/v1/events", process.said(" address="));
    assert_eq!(probe("/readyz").await, 200);
    let events = client(Some(&pair.cert.pem())).post(url).body("[]");
    let anonymous = events.try_clone().unwrap().send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let unreviewed = events.bearer_auth("token").send().await.unwrap();
    assert_eq!(unreviewed.status(), 503);
    assert_eq!(unreviewed.headers()["retry-after"], "1");
    assert_eq!(probe("/metrics").await, 200);
    process.signal();
    process.ends();
}

#[test]
fn ends_while_it_waits_for_its_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path());
    process.said("waiting for a certificate");
    process.signal();
    process.ends();
}
