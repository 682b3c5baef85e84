//! Watching the files, and the clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Server;

/// How long to wait for more changes: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// How often windows that have opened or closed are looked for.
const TICK: Duration = Duration::from_secs(1);

/// Stops watching when dropped.
#[derive(Debug)]
pub struct Watching {
    _watcher: RecommendedWatcher,
    task: JoinHandle<()>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reloads whenever something in `paths` changes.
///
/// # Errors
/// When a path cannot be watched.
pub fn watch(paths: &[PathBuf], server: Arc<Server>) -> anyhow::Result<Watching> {
    let (changed, changes) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A change that is already waiting says as much.
            let _ = changed.try_send(());
        }
    })
    .context("files cannot be watched")?;
    for path in paths.iter().filter(|path| path.as_os_str() != "-") {
        // Editors replace a file by another of its name, which only its directory sees.
        let place = if path.is_dir() {
            path.as_path()
        } else {
            directory(path)
        };
        let mode = if path.is_dir() {
            RecursiveMode::Recursive
        } else {
            RecursiveMode::NonRecursive
        };
        watcher
            .watch(place, mode)
            .with_context(|| format!("{} cannot be watched", place.display()))?;
    }
    let task = tokio::spawn(follow(changes, server));
    Ok(Watching {
        _watcher: watcher,
        task,
    })
}

fn directory(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

async fn follow(mut changes: mpsc::Receiver<()>, server: Arc<Server>) {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            change = changes.recv() => {
                if change.is_none() {
                    return;
                }
                while tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|change| change.is_some()) {}
                reload(&server);
            }
            _ = tick.tick() => server.tick(),
        }
    }
}

fn reload(server: &Server) {
    match server.reload() {
        Ok(()) => {
            let refused = server.rules().refused.len();
            let note = if refused == 0 {
                ""
            } else {
                "; findings: run `attune lint`, what was good serves on"
            };
            eprintln!("reloaded{note}");
        }
        Err(error) => eprintln!("not reloaded, the last good rules serve on: {error:#}"),
    }
}
