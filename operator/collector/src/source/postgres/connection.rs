//! One connection, for one question.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls, Row};

use super::columns::{Columns, Exposures, Outcomes};
use super::identifier::Table;
use super::query::Query;
use crate::source::credentials::Credential;
use crate::source::error::SourceError;
use crate::source::tls::{self, Tls};

/// The longest that connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// What of the time that is left remains ours after the server has given up.
const MARGIN: Duration = Duration::from_millis(500);

/// The shortest that a statement is given.
const SHORTEST: Duration = Duration::from_millis(100);

/// A connection with a read-only transaction begun; dropped, it is gone.
pub(super) struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    /// How long a statement may take.
    patience: Duration,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A query under way is not waited for; the server ends it by its own timeout.
        self.driver.abort();
    }
}

impl Connection {
    /// Connects and begins.
    pub(super) async fn open(
        secret: &str,
        credential: &Credential,
        until: Instant,
    ) -> Result<Self, SourceError> {
        let config = config(secret, credential)?;
        let (client, driver) = if config.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = config
                .connect(NoTls)
                .await
                .map_err(|error| unconnected(secret, &error))?;
            (client, tokio::spawn(async move { drop(connection.await) }))
        } else {
            let trusted = tls::client(credential.ca()).ok_or_else(|| SourceError::FindCa {
                secret: secret.to_owned(),
            })?;
            let tls = Tls(Arc::new(trusted));
            let (client, connection) = config
                .connect(tls)
                .await
                .map_err(|error| unconnected(secret, &error))?;
            (client, tokio::spawn(async move { drop(connection.await) }))
        };
        let patience = until
            .saturating_duration_since(Instant::now())
            .saturating_sub(MARGIN)
            .max(SHORTEST);
        let connection = Self {
            client,
            driver,
            patience,
        };
        connection.begin(secret).await?;
        Ok(connection)
    }

    /// Whatever views and functions do, nothing is written; times without a zone mean the same everywhere.
    async fn begin(&self, secret: &str) -> Result<(), SourceError> {
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL TimeZone = 'UTC'",
            self.patience.as_millis()
        );
        let answer = self.client.batch_execute(&begin).await;
        answer.map_err(|error| unconnected(secret, &error))
    }

    pub(super) async fn outcomes(&self, table: &Table) -> Result<Outcomes, SourceError> {
        let columns = self.describe(table).await?;
        Columns::new(table, columns.columns()).outcomes()
    }

    pub(super) async fn exposures(&self, table: &Table) -> Result<Exposures, SourceError> {
        let columns = self.describe(table).await?;
        Columns::new(table, columns.columns()).exposures()
    }

    /// What a table has for columns; nothing of it is read.
    async fn describe(&self, table: &Table) -> Result<tokio_postgres::Statement, SourceError> {
        let prepared = self.client.prepare(&format!("SELECT * FROM {table}")).await;
        prepared.map_err(|error| self.failed(table.name(), &error))
    }

    /// The rows of the one query.
    pub(super) async fn run(&self, query: &Query, table: &str) -> Result<Vec<Row>, SourceError> {
        let parameters: Vec<_> = query
            .parameters
            .0
            .iter()
            .map(super::condition::Parameter::as_sql)
            .collect();
        let rows = self.client.query_typed(&query.text, &parameters).await;
        rows.map_err(|error| self.failed(table, &error))
    }

    /// What an error of the server is for us; its words stay behind, see [`SourceError`].
    fn failed(&self, table: &str, error: &Error) -> SourceError {
        let table = table.to_owned();
        let Some(code) = error.code() else {
            return SourceError::ReadAnswer { table };
        };
        let unfound = [
            SqlState::UNDEFINED_TABLE,
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::INSUFFICIENT_PRIVILEGE,
        ];
        if *code == SqlState::QUERY_CANCELED {
            let seconds = self.patience.as_secs();
            SourceError::Wait { table, seconds }
        } else if unfound.contains(code) {
            SourceError::FindTable { table }
        } else {
            let code = code.code().to_owned();
            SourceError::Query { table, code }
        }
    }
}

/// Encrypted and verified, unless the URI says otherwise or there is no network in between.
fn config(secret: &str, credential: &Credential) -> Result<Config, SourceError> {
    let mut config: Config = credential.uri().parse().map_err(|_| SourceError::ParseUri {
        secret: secret.to_owned(),
    })?;
    let is_local = |host: &Host| matches!(host, Host::Unix(_));
    let only_local = !config.get_hosts().is_empty() && config.get_hosts().iter().all(is_local);
    if only_local {
        config.ssl_mode(SslMode::Disable);
    } else if config.get_ssl_mode() == SslMode::Prefer {
        config.ssl_mode(SslMode::Require);
    }
    if config.get_application_name().is_none() {
        config.application_name("attune-collector");
    }
    config.connect_timeout(CONNECT);
    Ok(config)
}

fn unconnected(secret: &str, error: &Error) -> SourceError {
    let secret = secret.to_owned();
    if let Some(code) = error.code() {
        let signs_in = ["28", "3D", "42"]
            .iter()
            .any(|class| code.code().starts_with(class));
        return if signs_in {
            SourceError::SignIn { secret }
        } else {
            SourceError::Connect { secret }
        };
    }
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(io) if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            SourceError::Trust { secret }
        }
        Some(_) => SourceError::Connect { secret },
        // A server without TLS, a name that no certificate can have, or a password that is missing.
        None if error.to_string().contains("TLS") => SourceError::Trust { secret },
        None if source.is_some() => SourceError::SignIn { secret },
        None => SourceError::Connect { secret },
    }
}
