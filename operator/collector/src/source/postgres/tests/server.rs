//! A PostgreSQL of our own: Debian's programs, a directory that is gone afterwards, nobody's rights.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
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
    process: Pid,
    /// Lives as long as the server: the server is told of its end, which is ours.
    keeper: Option<JoinHandle<()>>,
    directory: TempDir,
    port: u16,
    pub(super) authority: Authority,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Immediate: the directory goes with it.
        let _ = kill_process(self.process, Signal::QUIT);
        let _ = self.keeper.take().map(JoinHandle::join);
    }
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        let owner = owner();
        let authority = Authority::new("databases");
        let pair = authority.sign();
        for (name, text) in [
            ("password", PASSWORD),
            ("server.crt", pair.certificate.as_str()),
            ("server.key", pair.key.as_str()),
        ] {
            let path = home.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            give(&path, owner);
        }
        give(home, owner);
        let data = home.join("data");
        let initdb = program("initdb", owner)
            .args(["--no-sync", "--no-locale", "--encoding=UTF8", "--username=reader"])
            .args(["--auth-host=scram-sha-256", "--auth-local=scram-sha-256"])
            .arg(format!("--pwfile={}", home.join("password").display()))
            .arg(format!("--pgdata={}", data.display()))
            .output()
            .unwrap();
        assert!(
            initdb.status.success(),
            "{}",
            String::from_utf8_lossy(&initdb.stderr)
        );
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut postgres = program("postgres", owner);
        for setting in [
            "fsync=off".to_owned(),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", home.display()),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", home.join("server.crt").display()),
            format!("ssl_key_file={}", home.join("server.key").display()),
            "timezone=Asia/Kathmandu".to_owned(),
        ] {
            postgres.args(["-c", &setting]);
        }
        let log = std::fs::File::create(home.join("log")).unwrap();
        postgres.arg("-D").arg(&data).stdout(Stdio::null()).stderr(log);
        let (tell, told) = std::sync::mpsc::channel();
        let keeper = std::thread::spawn(move || {
            let mut child = postgres.spawn().unwrap();
            tell.send(Pid::from_child(&child)).unwrap();
            child.wait().unwrap();
        });
        let server = Self {
            process: told.recv().unwrap(),
            keeper: Some(keeper),
            directory,
            port,
            authority,
        };
        server.wait();
        server
    }

    fn wait(&self) {
        let ready = self.directory.path().join("data/postmaster.pid");
        let until = Instant::now() + Duration::from_secs(60);
        let is_ready = || std::fs::read_to_string(&ready).is_ok_and(|text| text.contains("ready"));
        while !is_ready() {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "PostgreSQL does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
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
        let (home, port, name) = (
            self.server.directory.path().display(),
            self.server.port,
            &self.name,
        );
        format!("host={home} port={port} user=reader password={PASSWORD} dbname={name}")
    }

    /// Where it is, over the network.
    pub(super) fn network_uri(&self, user: &str, password: &str, rest: &str) -> String {
        let (port, name) = (self.server.port, &self.name);
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

/// Who runs the server: it refuses to run as root, so root becomes the package's user.
fn owner() -> Option<(u32, u32)> {
    let myself = std::fs::metadata("/proc/self").unwrap().uid();
    (myself == 0).then(|| {
        let users = std::fs::read_to_string("/etc/passwd").unwrap();
        let user = users.lines().find(|line| line.starts_with("postgres:")).unwrap();
        let mut ids = user.split(':').skip(2).map(|id| id.parse().unwrap());
        (ids.next().unwrap(), ids.next().unwrap())
    })
}

fn give(path: &Path, owner: Option<(u32, u32)>) {
    if let Some((user, group)) = owner {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// A program of the newest PostgreSQL here. It ends with us, however we end.
fn program(name: &str, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=QUIT");
    if let Some((user, group)) = owner {
        command
            .arg(format!("--reuid={user}"))
            .arg(format!("--regid={group}"))
            .arg("--clear-groups");
    }
    command.arg(programs().join(name)).current_dir("/");
    command
}

fn programs() -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("Debian's package `postgresql` is installed");
    let newest = versions
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok())
        .max();
    Path::new("/usr/lib/postgresql")
        .join(newest.unwrap().to_string())
        .join("bin")
}
