//! Who is trusted, and that nothing of what opens a database is told.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use super::server::PASSWORD;
use super::*;
use crate::fixture::Authority;
use crate::{Collector, CollectorOptions, router};

async fn try_it(credential: Credential) -> Result<(), SourceError> {
    let tables = tables();
    let source = PostgresSource::new(&credential, &tables, soon());
    let asked = question(metric(MetricKind::Count, events_of("purchase", None, None)));
    source.observe(&asked, &asked.metrics[0], at(0)).await.map(drop)
}

#[tokio::test]
async fn trusts_who_has_a_certificate_of_the_secrets_authority() {
    let server = server();
    let database = server.database().await;
    Log::new().load(&database.client().await).await;
    let uri = || database.network_uri("reader", PASSWORD, "");
    assert_eq!(
        try_it(Credential::new(uri(), Some(server.authority.pem()))).await,
        Ok(())
    );
    let other = Authority::new("somebody else").pem();
    let trust = SourceError::Trust {
        secret: SECRET.into(),
    };
    assert_eq!(
        try_it(Credential::new(uri(), Some(other))).await,
        Err(trust.clone())
    );
    // Another name than the certificate's.
    let named = uri().replace("127.0.0.1", "localhost");
    let error = try_it(Credential::new(named, Some(server.authority.pem()))).await;
    assert_eq!(error, Err(trust));
    // Without encryption only where the URI says so.
    let plain = database.network_uri("reader", PASSWORD, "?sslmode=disable");
    assert_eq!(try_it(Credential::new(plain, None)).await, Ok(()));
    let preferred = database.network_uri("reader", PASSWORD, "?sslmode=prefer");
    let other = Authority::new("somebody else").pem();
    assert!(try_it(Credential::new(preferred, Some(other))).await.is_err());
}

#[tokio::test]
async fn tells_nothing_of_what_opens_a_database() {
    let server = server();
    let database = server.database().await;
    let ca = || Some(server.authority.pem());
    let secrets = ["hunter2", "mallory", "127.0.0.1", "10.255.255.1", "sslmod"];
    for (uri, ca) in [
        (database.network_uri("mallory", "hunter2", ""), ca()),
        (database.network_uri("reader", "hunter2", ""), ca()),
        (
            database.network_uri("reader", "hunter2", "?sslmode=disable"),
            None,
        ),
        (database.network_uri("reader", "hunter2", "?sslmod=hunter2"), ca()),
        ("postgresql://mallory:hunter2@127.0.0.1:1/x".to_owned(), ca()),
        (
            "postgresql://mallory:hunter2@127.0.0.1:1/x".to_owned(),
            Some("hunter2".to_owned()),
        ),
        (
            "postgresql://mallory:hunter2@127.0.0.1:hunter2/x".to_owned(),
            ca(),
        ),
        ("mallory hunter2".to_owned(), None),
    ] {
        let credential = Credential::new(uri.clone(), ca);
        let credentials: Credentials = [(SECRET.to_owned(), credential.clone())].into_iter().collect();
        for shown in [format!("{credential:?}"), format!("{credentials:?}")] {
            assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
        }
        let error = try_it(credential).await.unwrap_err();
        let mut told = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            told.push_str(&inner.to_string());
            source = inner.source();
        }
        assert!(
            secrets.iter().all(|secret| !told.contains(secret)),
            "{uri}: {told}"
        );
        assert!(told.contains(SECRET), "{told}");
    }
}

/// Everything that is logged in this process, at the finest level.
#[derive(Clone, Copy)]
struct Heard;

static HEARD: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        HEARD
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn takes_credentials_beside_a_question_and_keeps_them_out_of_answers_and_logs() {
    let logging = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(|| Heard);
    let _ = logging.try_init();
    let server = server();
    let database = server.database().await;
    let mut log = Log::new();
    for unit in ["u", "v"] {
        log.show(unit, ("hero", 2), "warm", at(0));
    }
    log.load(&database.client().await).await;
    let uri = database.network_uri("reader", PASSWORD, "");
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::open(directory.path(), CollectorOptions::default()).unwrap();
    let asked = question(metric(MetricKind::Count, events_of("purchase", None, None)));
    let mut body = serde_json::to_value(&asked).unwrap();
    body["credentials"] = json!({SECRET: {"uri": uri, "ca.crt": server.authority.pem()}});
    let ask = async |body: String| {
        let request = Request::post("/v1/answers?at=2026-12-09T00:00:00Z")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = router(collector.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    };
    let (status, answer) = ask(body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    assert!(
        !answer.contains("unavailable") && !answer.contains(PASSWORD),
        "{answer}"
    );
    let read: attune_core::measure::answer::Answer = serde_json::from_str(&answer).unwrap();
    assert_eq!(read.arms[1].exposed, 2);
    // They are no part of what was registered.
    assert_eq!(read.question, crate::question_hash(&asked).unwrap());
    let (_, refused) = ask(body.to_string().replace(PASSWORD, "another-password")).await;
    assert!(
        refused.contains("SourceUnavailable") && !refused.contains("another-password"),
        "{refused}"
    );
    body["credentials"] = json!({ SECRET: database.network_uri("reader", PASSWORD, "") });
    let (status, malformed) = ask(body.to_string()).await;
    assert_eq!(status, 422, "{malformed}");
    assert!(
        malformed.contains("`credentials`") && !malformed.contains(PASSWORD),
        "{malformed}"
    );
    let heard = String::from_utf8(HEARD.lock().unwrap().clone()).unwrap();
    assert!(heard.contains("tokio_postgres"), "the driver logs");
    assert!(!heard.contains(PASSWORD) && !heard.contains("another-password"));
}
