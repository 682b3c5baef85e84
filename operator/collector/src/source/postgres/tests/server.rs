//! A PostgreSQL of our own, with a database for each test.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use attune_testkit::{Postgres, PostgresServer};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::fixture::Authority;
use crate::source::Credential;

pub(super) const PASSWORD: &str = "correct-horse-battery";

/// The server of this process's tests: started by the first that wants it, stopped by the last.
pub(super) fn server() -> Arc<Server> {
    static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return server;
    }
    let server = Arc::new(Server::start());
    *running = Arc::downgrade(&server);
    server
}

pub(super) struct Server {
    postgres: PostgresServer,
    /// Goes after the server.
    _directory: TempDir,
    pub(super) authority: Authority,
}

impl Server {
    fn start() -> Self {
        let authority = Authority::new("databases");
        let pair = authority.sign();
        let postgres = Postgres {
            user: "reader",
            password: Some(PASSWORD),
            pair: Some((&pair.certificate, &pair.key)),
            settings: &["timezone=Asia/Kathmandu"],
        };
        let directory = tempfile::tempdir().unwrap();
        Self {
            postgres: postgres.start(directory.path()),
            _directory: directory,
            authority,
        }
    }

    /// A new database of this server.
    pub(super) async fn database(self: &Arc<Self>) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let whole = Database {
            server: Arc::clone(self),
            name: "postgres".to_owned(),
        };
        let create = format!("CREATE DATABASE {name}");
        whole.client().await.batch_execute(&create).await.unwrap();
        Database {
            server: Arc::clone(self),
            name,
        }
    }
}

/// One database, for one test.
pub(super) struct Database {
    server: Arc<Server>,
    name: String,
}

impl Database {
    /// Where it is, by its socket.
    fn uri(&self) -> String {
        self.server.postgres.uri(&self.name)
    }

    /// Where it is, over the network.
    pub(super) fn network_uri(&self, user: &str, password: &str, rest: &str) -> String {
        let (port, name) = (self.server.postgres.port(), &self.name);
        format!("postgresql://{user}:{password}@127.0.0.1:{port}/{name}{rest}")
    }

    pub(super) fn credential(&self) -> Credential {
        Credential::new(self.uri(), None)
    }

    pub(super) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.uri(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}
