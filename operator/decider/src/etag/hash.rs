//! A fast hash of 128 bits, the same in every process of one build: replicas give one answer one tag.
//!
//! It is no cryptographic hash. Whoever makes two of their own contexts collide is told that nothing changed, themselves
//! and nobody else.

use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::quality::FixedState;

/// Two seeds of one's own make 128 bits.
const SEEDS: (u64, u64) = (0x6174_7475_6e65_0001, 0x6174_7475_6e65_0002);

/// What something hashed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hash(pub(super) u64, pub(super) u64);

/// Hashes of parts on their way to one of the whole.
pub(super) struct Hasher(
    <FixedState as std::hash::BuildHasher>::Hasher,
    <FixedState as std::hash::BuildHasher>::Hasher,
);

impl Hasher {
    /// For a whole of some kind: different kinds of the same parts are different.
    pub(super) fn new(kind: u8) -> Self {
        let mut hashers = Self(
            FixedState::with_seed(SEEDS.0).build_hasher(),
            FixedState::with_seed(SEEDS.1).build_hasher(),
        );
        hashers.0.write_u8(kind);
        hashers.1.write_u8(kind);
        hashers
    }

    /// The next part. Parts are of one length, so that no two sequences of them hash alike.
    pub(super) fn add(&mut self, part: Hash) {
        self.0.write_u64(part.0);
        self.0.write_u64(part.1);
        self.1.write_u64(part.1);
        self.1.write_u64(part.0);
    }

    pub(super) fn finish(self) -> Hash {
        Hash(self.0.finish(), self.1.finish())
    }
}

/// Something that has no parts.
pub(super) fn leaf(kind: u8, content: &[u8]) -> Hash {
    let mut hasher = Hasher::new(kind);
    for half in [&mut hasher.0, &mut hasher.1] {
        half.write_usize(content.len());
        half.write(content);
    }
    hasher.finish()
}
