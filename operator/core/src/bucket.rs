//! Deterministic assignment of units to buckets.
//!
//! `bucket = (murmur3_x86_32(salt ++ unit, seed 0) * total) >> 32` in 64-bit arithmetic: the published high-precision
//! formula of flagd's `fractional` operation, so that its vectors are ours too. Salts are built from names, never from
//! UIDs, so that the same resources in two clusters assign the same people.

#[cfg(test)]
mod tests;

/// The number of buckets of everything that is declared in basis points.
pub const BASIS_POINTS: u32 = 10_000;

/// A salt, hashed once when a bundle is loaded; units are hashed on top of it.
#[derive(Debug, Clone)]
pub struct Salt(Murmur3);

impl Salt {
    /// Takes the text that precedes the unit.
    pub fn new(text: &str) -> Self {
        let mut hasher = Murmur3::default();
        hasher.update(text.as_bytes());
        Self(hasher)
    }

    /// The unit's bucket in `0..total`; `0` when `total` is 0.
    pub fn bucket(&self, unit: &str, total: u32) -> u32 {
        let mut hasher = self.0;
        hasher.update(unit.as_bytes());
        scale(hasher.finish(), total)
    }

    /// Whether the unit's bucket of 10,000 lies below `share_bp`. Growing the share only lets units in.
    pub fn admits(&self, unit: &str, share_bp: u32) -> bool {
        // Everybody: nothing to compute.
        share_bp >= BASIS_POINTS || self.bucket(unit, BASIS_POINTS) < share_bp
    }
}

/// Integer weights in their listed order, which split units.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Where the range of each ends.
    ends: Box<[u32]>,
    total: u32,
}

impl Weights {
    /// `None` when they sum to 0 or to more than `u32::MAX`.
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut total = 0_u32;
        let ends = weights.into_iter().map(|weight| {
            total = total.checked_add(weight)?;
            Some(total)
        });
        let ends: Box<[u32]> = ends.collect::<Option<_>>()?;
        (total > 0).then_some(Self { ends, total })
    }

    /// Index of the range that the unit falls into.
    pub fn pick(&self, salt: &Salt, unit: &str) -> usize {
        let bucket = salt.bucket(unit, self.total);
        // INVARIANT: the last range ends at the total, which is above every bucket.
        self.ends.iter().position(|end| bucket < *end).unwrap_or_default()
    }
}

/// `(hash * total) >> 32`, which is below `total`.
fn scale(hash: u32, total: u32) -> u32 {
    u32::try_from((u64::from(hash) * u64::from(total)) >> 32).unwrap_or(u32::MAX)
}

/// `MurmurHash3` x86 32-bit (Austin Appleby, public domain), seed 0, fed in pieces.
#[derive(Debug, Clone, Copy, Default)]
struct Murmur3 {
    hash: u32,
    /// Bytes that do not fill a block yet, the first one lowest.
    tail: u32,
    /// How many bits of it there are: 0, 8, 16 or 24.
    tail_bits: u32,
    len: u32,
}

impl Murmur3 {
    fn update(&mut self, bytes: &[u8]) {
        // The algorithm mixes in the length modulo 2^32.
        self.len = self
            .len
            .wrapping_add(u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(u32::MAX));
        let mut blocks = bytes.chunks_exact(4);
        for block in &mut blocks {
            if let Ok(block) = <[u8; 4]>::try_from(block) {
                // The tail is at most 24 bits, so that both together are at most 56.
                let filled = u64::from(self.tail) | (u64::from(u32::from_le_bytes(block)) << self.tail_bits);
                let (full, rest) = halves(filled);
                self.mix(full);
                self.tail = rest;
            }
        }
        for byte in blocks.remainder() {
            self.tail |= u32::from(*byte) << self.tail_bits;
            self.tail_bits += 8;
            if self.tail_bits == 32 {
                self.mix(self.tail);
                (self.tail, self.tail_bits) = (0, 0);
            }
        }
    }

    fn mix(&mut self, block: u32) {
        self.hash ^= scramble(block);
        self.hash = self
            .hash
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }

    fn finish(self) -> u32 {
        let mut hash = self.hash;
        if self.tail_bits > 0 {
            hash ^= scramble(self.tail);
        }
        hash ^= self.len;
        hash ^= hash >> 16;
        hash = hash.wrapping_mul(0x85eb_ca6b);
        hash ^= hash >> 13;
        hash = hash.wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

/// The lower and the upper half.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is cut off is the other half"
)]
const fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

fn scramble(block: u32) -> u32 {
    block
        .wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}
