//! The last good bundle on disk.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use attune_core::bundle::{Bundle, MAX_BUNDLE_BYTES};

use super::Name;
use super::fallback::Ledger;

/// Precedes the revision in a file's first line.
const MAGIC: &str = "attune-bundle ";

/// One file that is only ever replaced as a whole: `<namespace>.<channel>.bundle`, a line with the revision and then the
/// bundle's bytes. Beside it, `<namespace>.<channel>.ledger` tells what was known of the fallback then.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    path: PathBuf,
    ledger: PathBuf,
}

/// Why the bundle on disk cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file's content does not hash to the revision that it names.
    #[error("`{path}` is damaged: {why}; it is ignored and replaced by the next bundle")]
    Verify {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// The file cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Store {
    /// The place of one Channel's bundle in a directory.
    pub fn new(directory: &Path, namespace: &Name, channel: &Name) -> Self {
        Self {
            directory: directory.to_owned(),
            path: directory.join(format!("{namespace}.{channel}.bundle")),
            ledger: directory.join(format!("{namespace}.{channel}.ledger")),
        }
    }

    /// The bundle's bytes, if there are any and they are what was written.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn load(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut content = Vec::new();
        let limit = (MAX_BUNDLE_BYTES + 1024) as u64;
        match File::open(&self.path).and_then(|file| file.take(limit).read_to_end(&mut content)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(StoreError::Read {
                    path: self.path.clone(),
                    source,
                });
            }
        }
        let damaged = |why| StoreError::Verify {
            path: self.path.clone(),
            why,
        };
        let end = content.iter().position(|byte| *byte == b'\n');
        let (head, json) = end
            .and_then(|end| content.split_at_checked(end))
            .ok_or_else(|| damaged("it has no first line"))?;
        let json = json.get(1..).unwrap_or_default();
        let revision = head
            .strip_prefix(MAGIC.as_bytes())
            .ok_or_else(|| damaged("its first line is no revision"))?;
        if Bundle::revision(json).as_bytes() != revision {
            return Err(damaged("its content does not hash to its revision"));
        }
        Ok(Some(json.to_vec()))
    }

    /// Replaces the bundle; after a crash there is the old one or the new one, whole.
    ///
    /// # Errors
    /// When the disk does not take it; the old one is still there.
    pub fn save(&self, json: &[u8]) -> Result<(), StoreError> {
        let revision = Bundle::revision(json);
        self.replace(&self.path, &[MAGIC.as_bytes(), revision.as_bytes(), b"\n", json])
    }

    /// What was known of the fallback when the bundle was kept; nothing where that is unreadable.
    pub(super) fn load_ledger(&self) -> Ledger {
        let mut content = Vec::new();
        let limit = 64 * 1024;
        let read = File::open(&self.ledger).and_then(|file| file.take(limit).read_to_end(&mut content));
        let ledger = read.ok().and_then(|_| serde_json::from_slice(&content).ok());
        ledger.unwrap_or_default()
    }

    /// Replaces what is known of the fallback.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(super) fn save_ledger(&self, ledger: &Ledger) -> Result<(), StoreError> {
        let content = serde_json::to_vec(ledger).unwrap_or_default();
        self.replace(&self.ledger, &[&content])
    }

    fn replace(&self, path: &Path, parts: &[&[u8]]) -> Result<(), StoreError> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        self.write(path, &draft, parts).map_err(|source| {
            // Half a draft would keep a small disk full. If it cannot be removed, the next one is written over it.
            let _ = fs::remove_file(&draft);
            StoreError::Write {
                path: path.to_owned(),
                source,
            }
        })
    }

    fn write(&self, path: &Path, draft: &Path, parts: &[&[u8]]) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut file = File::create(draft)?;
        for part in parts {
            file.write_all(part)?;
        }
        // The content reaches the disk before its name does, and the name before this returns.
        file.sync_all()?;
        fs::rename(draft, path)?;
        File::open(&self.directory)?.sync_all()
    }
}
