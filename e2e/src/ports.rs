//! Ports of the loopback interface that no other test takes.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Below the range from which Linux takes the near end of outgoing connections, which would otherwise land on a port
/// between its choice and its use.
const RANGE: std::ops::Range<u16> = 20_000..30_000;

/// A port of 127.0.0.1 nobody listens on, kept for its holder: other test binaries on this machine pass it over until it is
/// dropped, also while its program restarts.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// The lock ends with the file, however this process ends.
    _lock: File,
}

impl Port {
    /// Takes one.
    ///
    /// # Errors
    /// When all are taken, or the lock files cannot be written.
    pub fn take() -> Result<Self> {
        let locks = lock_directory()?;
        // Two binaries that start together begin at different places.
        let offset = fastrand::u16(0..RANGE.end - RANGE.start);
        for step in 0..RANGE.end - RANGE.start {
            let number = RANGE.start + (offset + step) % (RANGE.end - RANGE.start);
            if let Some(lock) = lock(&locks, number)?
                && TcpListener::bind(("127.0.0.1", number)).is_ok()
            {
                return Ok(Self { number, _lock: lock });
            }
        }
        bail!("no port of {RANGE:?} is free on 127.0.0.1")
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

fn lock_directory() -> Result<PathBuf> {
    let path = std::env::temp_dir().join("attune-e2e-ports");
    fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
    Ok(path)
}

pub(crate) fn lock(directory: &Path, number: u16) -> Result<Option<File>> {
    let path = directory.join(number.to_string());
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
    }
}
