//! What stands in a shared memory for units and names: keyed hashes, the same in every decider of a namespace.

use attune_core::history::Shown;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::state::Key;

/// Precedes every key. The number is that of the layout: what a later one cannot read, it leaves alone and lets expire.
const PREFIX: &str = "attune:1";

/// Hashes names of one namespace.
#[derive(Clone)]
pub(crate) struct Names {
    namespace: String,
    /// Has taken the namespace already.
    keyed: Hmac<Sha256>,
}

/// The two lists that are kept of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct UnitKey {
    pub shows: String,
    pub outcomes: String,
}

impl Names {
    /// Names of a namespace under a key. Whoever has neither the key nor a list of ids learns nothing about units; without a
    /// key, a list of ids is enough.
    pub(crate) fn new(namespace: &str, key: &[u8]) -> Self {
        // As long as a block, so that a key of any length is taken.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block
            .iter_mut()
            .zip(Sha256::digest(key))
            .for_each(|(to, from)| *to = from);
        let mut keyed = Hmac::<Sha256>::new(&block);
        keyed.update(namespace.as_bytes());
        keyed.update(&[0]);
        Self {
            namespace: namespace.to_owned(),
            keyed,
        }
    }

    /// Where a unit's lists are. The braces keep both on one server of a cluster.
    pub(crate) fn unit(&self, unit: &str) -> UnitKey {
        let digest = self.digest(b'u', unit);
        let mut hash = String::with_capacity(32);
        for byte in digest.iter().take(16) {
            use std::fmt::Write as _;
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        let list = |name| format!("{PREFIX}:{}:{{{hash}}}:{name}", self.namespace);
        UnitKey {
            shows: list("shows"),
            outcomes: list("outcomes"),
        }
    }

    /// Different kinds of one name are different.
    pub(crate) fn shown(&self, what: Shown<'_>) -> Key {
        match what {
            Shown::Binding(name) => self.short(b'b', name),
            Shown::Module(name) => self.short(b'm', name),
            Shown::Program(name) => self.short(b'p', name),
            Shown::Channel(name) => self.short(b'c', name),
        }
    }

    pub(crate) fn event(&self, name: &str) -> Key {
        self.short(b'e', name)
    }

    /// Tells one show or outcome from another: a decision's id, or an event's source and id.
    pub(crate) fn id(&self, id: &str) -> Key {
        self.short(b'i', id)
    }

    /// Never 0, which stands for what is not known.
    fn short(&self, kind: u8, name: &str) -> Key {
        let digest = self.digest(kind, name);
        let first = digest.first_chunk().copied().unwrap_or_default();
        Key::from_be_bytes(first).max(1)
    }

    fn digest(&self, kind: u8, name: &str) -> [u8; 32] {
        let mut keyed = self.keyed.clone();
        keyed.update(&[kind]);
        keyed.update(name.as_bytes());
        keyed.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
