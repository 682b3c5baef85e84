//! A file that grows beside where it belongs, and is put there when it is whole.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Bytes that are written at a time.
const CHUNK: usize = 256 * 1024;

/// A file under way, `NAME.part`. Nobody else writes it meanwhile.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
    buffer: Vec<u8>,
    /// Bytes in the file.
    written: u64,
}

/// The name of something beside a file.
pub(crate) fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(target);
    name.push(ending);
    PathBuf::from(name)
}

impl Part {
    /// Opens the file and keeps so many bytes of it.
    ///
    /// # Errors
    /// When it cannot be written, another run writes it, or it has fewer bytes than that.
    pub(crate) fn open(target: &Path, keep: u64) -> anyhow::Result<Self> {
        let path = beside(target, ".part");
        let told = || format!("cannot write `{}`", path.display());
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let mut file = file.with_context(told)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another run writes `{}`: wait for it", path.display()),
            Err(TryLockError::Error(error)) => {
                // Some volumes know no locks; one run at a time is then up to whoever runs them.
                if error.kind() != std::io::ErrorKind::Unsupported {
                    return Err(error).with_context(told);
                }
            }
        }
        let length = file.metadata().with_context(told)?.len();
        if length < keep {
            bail!(
                "`{}` is shorter than the run had come: run without --resume",
                path.display()
            );
        }
        file.set_len(keep).with_context(told)?;
        file.seek(SeekFrom::Start(keep)).with_context(told)?;
        Ok(Self {
            file,
            target: target.to_owned(),
            path,
            buffer: Vec::with_capacity(CHUNK * 2),
            written: keep,
        })
    }

    /// Where to write; see [`Part::drain`].
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes the buffer to the file where there is enough in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn drain(&mut self) -> anyhow::Result<()> {
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let written = self.file.write_all(&self.buffer);
        written.with_context(|| format!("cannot write `{}`", self.path.display()))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Lets everything reach the disk; how many bytes the file has.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn commit(&mut self) -> anyhow::Result<u64> {
        self.flush()?;
        let synced = self.file.sync_data();
        synced.with_context(|| format!("cannot write `{}`", self.path.display()))?;
        Ok(self.written)
    }

    /// Puts the file where it belongs.
    ///
    /// # Errors
    /// When it cannot be put there.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.commit()?;
        rename(&self.path, &self.target)
    }
}

impl std::io::Write for Part {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.drain().map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Part::flush(self).map_err(std::io::Error::other)
    }
}

/// Puts the file of a run that had written all of it where it belongs, if it is not there yet.
///
/// # Errors
/// When it cannot be put there.
pub(crate) fn complete(target: &Path) -> anyhow::Result<()> {
    let part = beside(target, ".part");
    if part.exists() {
        rename(&part, target)?;
    }
    Ok(())
}

/// Puts a file in place of another, for good.
///
/// # Errors
/// When that cannot be done.
pub(crate) fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::rename(from, to).with_context(|| format!("cannot write `{}`", to.display()))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")));
    // A folder that cannot be synced is as good as the system makes it.
    let _ = folder.and_then(|folder| folder.sync_all());
    Ok(())
}
