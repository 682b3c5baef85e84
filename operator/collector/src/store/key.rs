//! The key that unit ids are hashed with.
//!
//! A unit id may be an e-mail address; its plain hash could be found by trying. The key stands beside the database in a
//! file of its own, so that a copy of the database alone tells nothing about anybody.

use std::io::Write;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::{Connection, OptionalExtension};
use sha2::Sha256;

use super::StoreError;
use crate::hex::Hex;

/// Name of the key file within the data directory.
const FILE: &str = "unit-ids.key";
/// What the key's own fingerprint is the hash of; the first byte is none that a namespace can have.
const CHECK: &[u8] = b"\xffattune unit key";
const KEY_BYTES: usize = 32;

/// The keyed hash of a unit: HMAC-SHA256 cut to 128 bits, at which two of 10^12 units share one with odds of 10^-15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitHash(pub(super) [u8; 16]);

impl std::fmt::Display for UnitHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// The key, ready to hash.
#[derive(Clone)]
pub(super) struct UnitKey(Hmac<Sha256>);

impl std::fmt::Debug for UnitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnitKey(..)")
    }
}

impl UnitKey {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        // HMAC pads a short key with zeros to the block of its hash; doing so here leaves nothing that can fail.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Self(Hmac::new(&block))
    }

    /// Hashes a unit of a namespace; the same unit in two namespaces cannot be told to be one.
    pub(super) fn hash(&self, namespace: &str, unit: &str) -> UnitHash {
        self.digest(&[namespace.as_bytes(), b"\0", unit.as_bytes()])
    }

    fn digest(&self, parts: &[&[u8]]) -> UnitHash {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        let bytes = mac.finalize().into_bytes();
        let mut hash = [0; 16];
        hash.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        UnitHash(hash)
    }
}

/// Reads the key of a data directory, or makes it when the database is new.
pub(super) fn load(directory: &Path, database: &Connection) -> Result<UnitKey, StoreError> {
    let path = directory.join(FILE);
    let known = fingerprint(database)?;
    let key = match std::fs::read_to_string(&path) {
        Ok(text) => UnitKey::new(&parse(&text).ok_or_else(|| StoreError::ParseKey { path: path.clone() })?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && known.is_none() => make(&path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::MatchKey { path });
        }
        Err(source) => return Err(StoreError::ReadKey { path, source }),
    };
    if known.is_some_and(|known| known != key.digest(&[CHECK]).0) {
        return Err(StoreError::MatchKey { path });
    }
    warn_if_readable_by_others(&path);
    Ok(key)
}

/// Stores the key's fingerprint, so that another key is noticed.
pub(super) fn remember(key: &UnitKey, database: &Connection) -> Result<(), StoreError> {
    let sql = "INSERT INTO setting (name, value) VALUES ('unit-key', ?1) ON CONFLICT DO NOTHING";
    database.execute(sql, [key.digest(&[CHECK]).0])?;
    Ok(())
}

fn fingerprint(database: &Connection) -> Result<Option<[u8; 16]>, StoreError> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'setting'";
    let exists: i64 = database.query_row(table, [], |row| row.get(0))?;
    if exists == 0 {
        return Ok(None);
    }
    let sql = "SELECT value FROM setting WHERE name = 'unit-key'";
    Ok(database.query_row(sql, [], |row| row.get(0)).optional()?)
}

/// Makes a key and puts it in place whole or not at all, durable before the first hash is stored.
fn make(path: &Path) -> Result<UnitKey, StoreError> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|source| StoreError::GenerateKey { source })?;
    write(path, &Hex(&bytes).to_string()).map_err(|source| StoreError::WriteKey {
        path: path.to_owned(),
        source,
    })?;
    Ok(UnitKey::new(&bytes))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = std::fs::File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    let directory = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    std::fs::File::open(directory)?.sync_all()
}

fn parse(text: &str) -> Option<[u8; KEY_BYTES]> {
    let digits: Vec<u8> = text
        .trim_end()
        .chars()
        .map(|c| c.to_digit(16)?.try_into().ok())
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit))
        .collect();
    if digits.len() == 2 * KEY_BYTES {
        bytes.try_into().ok()
    } else {
        None
    }
}

/// A warning and no refusal: volumes that are mounted with a group make every file readable for it.
fn warn_if_readable_by_others(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(path)
        && std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
    {
        tracing::warn!(path = %path.display(), "the unit key is readable by others; give it mode 0600");
    }
}
