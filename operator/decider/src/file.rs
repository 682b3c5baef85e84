//! Files that come, change and go while the process runs: mounted ConfigMaps, Secrets and tokens.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file that is read again when it has changed.
///
/// A mounted ConfigMap is a symbolic link that is swapped as a whole, so what the name leads to is looked at each time.
#[derive(Debug)]
pub(crate) struct Watched {
    path: PathBuf,
    limit: u64,
    known: Option<Stamp>,
}

/// Tells one content of a file from the next without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Watched {
    /// A file of which at most `limit` bytes are of use.
    pub(crate) fn new(path: &Path, limit: u64) -> Self {
        Self {
            path: path.to_owned(),
            limit,
            known: None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its content if it is another than last time, or is looked at for the first time.
    ///
    /// # Errors
    /// When it cannot be read, is not there, or is larger than the limit; the next look tries again.
    pub(crate) fn look(&mut self) -> io::Result<Option<Vec<u8>>> {
        let looked = self.read();
        if looked.is_err() {
            self.known = None;
        }
        looked
    }

    /// Gives the same content again at the next look: it was of no use, and may be half written.
    pub(crate) fn forget(&mut self) {
        self.known = None;
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.known == Some(Stamp::of(&std::fs::metadata(&self.path)?)) {
            return Ok(None);
        }
        let file = File::open(&self.path)?;
        // Of the file that is read, which may be another one by now.
        let stamp = Stamp::of(&file.metadata()?);
        let mut content = Vec::new();
        file.take(self.limit + 1).read_to_end(&mut content)?;
        if content.len() as u64 > self.limit {
            let message = format!("it is larger than {} bytes", self.limit);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        self.known = Some(stamp);
        Ok(Some(content))
    }
}
