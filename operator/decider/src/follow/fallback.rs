//! The bundle in the mounted ConfigMap, and whether it is newer than the one on disk.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use attune_core::bundle::{Bundle, MAX_BUNDLE_BYTES};
use attune_core::pieces;
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use crate::file::Watched;

/// Largest compressed bundle, in bytes: twice what a ConfigMap can hold.
const MAX_PACKED_BYTES: u64 = 2 * 1024 * 1024;

/// Bytes that are unpacked in one piece of work.
const UNPACKED_AT_ONCE: u64 = 64 * 1024;

/// Most revisions that a [`Ledger`] remembers.
const MAX_TRAIL: usize = 32;

/// A compressed bundle in a file that may come, change and go.
#[derive(Debug)]
pub(super) struct Fallback {
    file: Watched,
}

/// A bundle that was read.
#[derive(Debug, Clone)]
pub(super) struct Unpacked {
    pub revision: String,
    pub json: Vec<u8>,
}

/// Why the fallback is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FallbackError {
    #[error("cannot read the fallback `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the fallback `{}` is damaged", path.display())]
    Unpack {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the fallback `{}` is larger than {MAX_BUNDLE_BYTES} bytes", path.display())]
    Bound { path: PathBuf },
}

impl Fallback {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            file: Watched::new(path, MAX_PACKED_BYTES),
        }
    }

    /// The bundle, if it is another than at the last look; `None` also where there is none.
    pub(super) fn look(&mut self) -> Result<Option<Unpacked>, FallbackError> {
        let path = self.file.path().to_owned();
        let packed = match self.file.look() {
            Ok(Some(packed)) => packed,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FallbackError::Read { path, source }),
        };
        match unpack(&packed) {
            Ok(json) if json.len() > MAX_BUNDLE_BYTES => Err(FallbackError::Bound { path }),
            Ok(json) => Ok(Some(Unpacked {
                revision: Bundle::revision(&json),
                json,
            })),
            Err(source) => Err(FallbackError::Unpack { path, source }),
        }
    }
}

/// At most a little more than a bundle may have: a few bytes may stand for gigabytes.
fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut unpacking = MultiGzDecoder::new(packed);
    let mut json = Vec::new();
    while json.len() <= MAX_BUNDLE_BYTES {
        if unpacking.by_ref().take(UNPACKED_AT_ONCE).read_to_end(&mut json)? == 0 {
            break;
        }
        pieces::done();
    }
    Ok(json)
}

/// What the fallback was when it was last seen, and what the operator published since then.
///
/// Bundles have no order in time, and a ConfigMap arrives up to minutes after the same bundle came from the operator. So
/// a fallback is news only if it is neither the one that was last seen, nor one that was adopted since: then it is just
/// catching up. What is kept on disk is otherwise the newest that this decider has heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Ledger {
    fallback: Option<String>,
    adopted: Vec<String>,
}

impl Ledger {
    /// Takes note of a bundle from the operator.
    pub(super) fn adopt(&mut self, revision: &str) {
        if self.adopted.len() >= MAX_TRAIL {
            self.adopted.remove(0);
        }
        self.adopted.push(revision.to_owned());
    }

    /// Takes note of the fallback; whether it is newer than everything that was adopted.
    pub(super) fn observe(&mut self, revision: &str) -> bool {
        if self.fallback.as_deref() == Some(revision) {
            return false;
        }
        self.fallback = Some(revision.to_owned());
        let place = self.adopted.iter().position(|adopted| adopted == revision);
        self.adopted
            .drain(..place.map_or(self.adopted.len(), |place| place + 1));
        place.is_none()
    }
}
