//! A way into a database.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, Error, NoTls};

use crate::source::credentials::Credential;
use crate::source::error::SourceError;
use crate::source::tls::{self, Tls};

/// The longest that connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection to PostgreSQL; dropped, it is gone, and so is a transaction that is open on it.
#[derive(Debug)]
pub struct Session {
    client: Client,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // What is under way is not waited for; the server ends it by itself.
        self.driver.abort();
    }
}

impl Session {
    /// Connects as the `uri` of a credential says; `secret` names it where something is wrong with it. Encrypted and verified,
    /// unless the URI says otherwise or there is no network in between.
    ///
    /// # Errors
    /// When there is no connection, or none that may be trusted. Nothing that a driver or a server said is repeated.
    pub async fn open(secret: &str, credential: &Credential) -> Result<Self, SourceError> {
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
        Ok(Self { client, driver })
    }

    /// What to ask through.
    pub fn client(&self) -> &Client {
        &self.client
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
        config.application_name("attune");
    }
    config.connect_timeout(CONNECT);
    Ok(config)
}

pub(super) fn unconnected(secret: &str, error: &Error) -> SourceError {
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
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    let is_distrusted = |io: &std::io::Error| {
        let inner = io.get_ref();
        inner.is_some_and(<dyn std::error::Error + Send + Sync + 'static>::is::<rustls::Error>)
    };
    match io {
        Some(io) if is_distrusted(io) => SourceError::Trust { secret },
        // A server without TLS, a name that no certificate can have, or a password that is missing.
        None if error.to_string().contains("TLS") => SourceError::Trust { secret },
        None if source.is_some() => SourceError::SignIn { secret },
        Some(_) | None => SourceError::Connect { secret },
    }
}
