//! The cgroup that all pods of one node are in.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::guardian;

const ROOT: &str = "/sys/fs/cgroup";
/// How long containers may take to die after containerd.
const PATIENCE: Duration = Duration::from_secs(20);

/// Dropping it removes it, with all below it, once its last process is gone.
#[derive(Debug)]
pub(super) struct Cgroup {
    name: String,
}

impl Cgroup {
    pub(super) fn create(name: String) -> Result<Self> {
        guardian::adopt_cgroup(&name)?;
        let cgroup = Self { name };
        for hierarchy in hierarchies()? {
            let path = hierarchy.join(&cgroup.name);
            fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
            // In version 1, a new group has no processors and no memory until it is given some.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if hierarchy.ends_with("cpuset")
                    && let Ok(all) = fs::read_to_string(hierarchy.join(file))
                {
                    fs::write(path.join(file), all).with_context(|| format!("write {file}"))?;
                }
            }
        }
        Ok(cgroup)
    }

    /// As the kubelet names it.
    pub(super) fn path(&self) -> String {
        format!("/{}", self.name)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let hierarchies = hierarchies().unwrap_or_default();
        while !hierarchies.iter().all(|path| remove(&path.join(&self.name))) {
            if Instant::now() > deadline {
                eprintln!("processes of the cgroup {} do not end", self.name);
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = guardian::release_cgroup(&self.name);
    }
}

/// One in version 2, one for each controller in version 1, both on some machines.
fn hierarchies() -> Result<Vec<PathBuf>> {
    let root = Path::new(ROOT);
    if root.join("cgroup.controllers").exists() {
        return Ok(vec![root.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(root).with_context(|| format!("list {ROOT}"))? {
        let entry = entry.context("read an entry")?;
        // Links are second names of the same.
        if entry.file_type().context("look at an entry")?.is_dir()
            && entry.path().join("cgroup.procs").exists()
        {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Whether it and all below it are gone.
fn remove(path: &Path) -> bool {
    let Ok(entries) = fs::read_dir(path) else {
        return !path.exists();
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    match fs::remove_dir(path) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}
