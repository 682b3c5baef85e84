//! Who is trusted, and that nothing of what opens a database is told.

use super::server::PASSWORD;
use super::*;
use crate::fixture::Authority;

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
