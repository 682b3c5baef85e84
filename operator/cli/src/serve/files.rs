//! Watching the files, and the clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Server;
use crate::manifest::is_manifest;
use crate::terminal::say;

/// How long to wait for more changes: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// How long to wait at most: something may change all the time.
const PATIENCE: Duration = Duration::from_secs(2);

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

/// Reloads whenever something in `paths` changes; the files below `ignored`, where events are kept,
/// change all the time and are none of it.
///
/// # Errors
/// When a path cannot be watched.
pub fn watch(paths: &[PathBuf], ignored: &Path, server: Arc<Server>) -> anyhow::Result<Watching> {
    let (notice, changes) = mpsc::channel(1);
    let ignored = ignored.canonicalize().unwrap_or_else(|_| ignored.to_owned());
    let is_ignored = move |event: &notify::Event| {
        let below = |path: &PathBuf| {
            !is_manifest(path) && (path.starts_with(&ignored) || real(path).starts_with(&ignored))
        };
        !event.paths.is_empty() && event.paths.iter().all(below)
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access() && !is_ignored(&event)) {
            // A change that is already waiting says as much.
            let _ = notice.try_send(());
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

/// The path without links: that of its directory where the file is gone already.
fn real(path: &Path) -> PathBuf {
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    parent.unwrap_or_else(|| path.to_owned())
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
                wait(&mut changes).await;
                reload(&server);
            }
            _ = tick.tick() => server.tick(),
        }
    }
}

/// Lets the changes that belong together come.
async fn wait(changes: &mut mpsc::Receiver<()>) {
    let end = Instant::now() + PATIENCE;
    loop {
        let quiet = (Instant::now() + QUIET).min(end);
        match tokio::time::timeout_at(quiet, changes.recv()).await {
            Ok(Some(())) => {}
            Ok(None) | Err(_) => return,
        }
    }
}

fn reload(server: &Server) {
    match server.reload() {
        Ok(None) => {}
        Ok(Some(summary)) => {
            say(format_args!("reloaded, {summary}"));
            summary.first().for_each(|line| say(format_args!("  {line}")));
        }
        Err(error) => say(format_args!(
            "not reloaded, the last good rules serve on: {error:#}"
        )),
    }
}
