//! A PostgreSQL of a test's own: Debian's programs, a directory that the test gives, nobody's rights.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Who may connect, and how. A server listens on a socket in its directory, and on the loopback where it has a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Postgres<'a> {
    /// The name of the user who owns everything.
    pub user: &'a str,
    /// What that user has to say; absent: nothing.
    pub password: Option<&'a str>,
    /// The certificate and the key that the server shows, in PEM.
    pub pair: Option<(&'a str, &'a str)>,
    /// Further settings, such as `timezone=Asia/Kathmandu`.
    pub settings: &'a [&'a str],
}

/// A running server, which ends at the latest with the test.
#[derive(Debug)]
pub struct PostgresServer {
    process: Pid,
    /// Lives as long as the server: the server is told of its end, which is ours.
    keeper: Option<JoinHandle<()>>,
    directory: PathBuf,
    port: u16,
    user: String,
    password: Option<String>,
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Immediate: the directory goes with it.
        let _ = kill_process(self.process, Signal::QUIT);
        let _ = self.keeper.take().map(JoinHandle::join);
    }
}

impl Postgres<'_> {
    /// Makes a cluster in an empty directory and starts a server on it; waits until it can be asked. The directory has to
    /// outlive the server.
    pub fn start(&self, directory: &Path) -> PostgresServer {
        let owner = owner();
        give(directory, owner);
        self.make(directory, owner);
        let port = free_port();
        let mut postgres = self.command(directory, port, owner);
        let (tell, told) = channel();
        let keeper = std::thread::spawn(move || {
            let mut child = postgres.spawn().expect("started");
            tell.send(Pid::from_child(&child)).expect("somebody waits");
            child.wait().expect("ended");
        });
        let server = PostgresServer {
            process: told.recv().expect("started"),
            keeper: Some(keeper),
            directory: directory.to_owned(),
            port,
            user: self.user.to_owned(),
            password: self.password.map(str::to_owned),
        };
        server.wait();
        server
    }

    fn make(&self, home: &Path, owner: Option<(u32, u32)>) {
        let (certificate, key) = self.pair.unzip();
        let files = [
            ("password", self.password),
            ("server.crt", certificate),
            ("server.key", key),
        ];
        for (name, text) in files {
            let Some(text) = text else { continue };
            let path = home.join(name);
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("kept");
            give(&path, owner);
        }
        let mut initdb = program("initdb", owner);
        initdb
            .args(["--no-sync", "--no-locale", "--encoding=UTF8"])
            .arg(format!("--username={}", self.user))
            .arg(format!("--pgdata={}", home.join("data").display()));
        match self.password {
            None => initdb.arg("--auth=trust"),
            Some(_) => initdb
                .args(["--auth-host=scram-sha-256", "--auth-local=scram-sha-256"])
                .arg(format!("--pwfile={}", home.join("password").display())),
        };
        let made = initdb.output().expect("started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn command(&self, home: &Path, port: u16, owner: Option<(u32, u32)>) -> Command {
        let mut settings = vec![
            "fsync=off".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", home.display()),
        ];
        if self.pair.is_some() {
            settings.extend([
                "listen_addresses=127.0.0.1".to_owned(),
                "ssl=on".to_owned(),
                format!("ssl_cert_file={}", home.join("server.crt").display()),
                format!("ssl_key_file={}", home.join("server.key").display()),
            ]);
        } else {
            settings.push("listen_addresses=".to_owned());
        }
        settings.extend(self.settings.iter().map(ToString::to_string));
        let mut postgres = program("postgres", owner);
        for setting in settings {
            postgres.args(["-c", &setting]);
        }
        let log = std::fs::File::create(home.join("log")).expect("a log");
        postgres
            .arg("-D")
            .arg(home.join("data"))
            .stdout(Stdio::null())
            .stderr(log);
        postgres
    }
}

impl PostgresServer {
    /// Where it listens on the loopback, where it does.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where one of its databases is, by its socket.
    pub fn uri(&self, database: &str) -> String {
        let (home, port, user) = (self.directory.display(), self.port, &self.user);
        let mut uri = format!("host={home} port={port} user={user} dbname={database}");
        if let Some(password) = &self.password {
            uri.push_str(" password=");
            uri.push_str(password);
        }
        uri
    }

    fn wait(&self) {
        let ready = self.directory.join("data/postmaster.pid");
        let until = Instant::now() + Duration::from_mins(1);
        let is_ready = || std::fs::read_to_string(&ready).is_ok_and(|text| text.contains("ready"));
        while !is_ready() {
            let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "PostgreSQL does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Who runs the server: it refuses to run as root, so root becomes the package's user.
fn owner() -> Option<(u32, u32)> {
    let myself = std::fs::metadata("/proc/self").expect("a process").uid();
    (myself == 0).then(|| {
        let users = std::fs::read_to_string("/etc/passwd").expect("users");
        let user = users.lines().find(|line| line.starts_with("postgres:"));
        let ids = user.expect("the package's user").split(':').skip(2);
        let mut ids = ids.map(|id| id.parse().expect("a number"));
        (ids.next().expect("a user"), ids.next().expect("a group"))
    })
}

fn give(path: &Path, owner: Option<(u32, u32)>) {
    if let Some((user, group)) = owner {
        chown(path, Some(user), Some(group)).expect("given");
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
        .filter_map(|entry| entry.expect("an entry").file_name().to_str()?.parse::<u32>().ok())
        .max();
    Path::new("/usr/lib/postgresql")
        .join(newest.expect("a version").to_string())
        .join("bin")
}
