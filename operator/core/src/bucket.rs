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
        let mut hasher = self.0.clone();
        hasher.update(unit.as_bytes());
        scale(hasher.finish(), total)
    }

    /// Whether the unit's bucket of 10,000 lies below `share_bp`. Growing the share only lets units in.
    pub fn admits(&self, unit: &str, share_bp: u32) -> bool {
        // Everybody: nothing to compute.
        share_bp >= BASIS_POINTS || self.bucket(unit, BASIS_POINTS) < share_bp
    }
}

/// Index of the range that the unit falls into, for integer weights in their listed order; `None` when they sum to 0 or
/// to more than `u32::MAX`.
pub fn pick(salt: &Salt, unit: &str, weights: &[u32]) -> Option<usize> {
    let total = weights
        .iter()
        .try_fold(0_u32, |sum, weight| sum.checked_add(*weight))?;
    if total == 0 {
        return None;
    }
    let bucket = salt.bucket(unit, total);
    let mut end = 0_u32;
    weights.iter().position(|weight| {
        end += weight;
        bucket < end
    })
}

/// `(hash * total) >> 32`, which is below `total`.
fn scale(hash: u32, total: u32) -> u32 {
    u32::try_from((u64::from(hash) * u64::from(total)) >> 32).unwrap_or(u32::MAX)
}

/// `MurmurHash3` x86 32-bit (Austin Appleby, public domain), seed 0, fed in pieces.
#[derive(Debug, Clone, Default)]
struct Murmur3 {
    hash: u32,
    tail: [u8; 4],
    tail_len: usize,
    len: u32,
}

impl Murmur3 {
    fn update(&mut self, bytes: &[u8]) {
        // The algorithm mixes in the length modulo 2^32.
        self.len = self
            .len
            .wrapping_add(u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(u32::MAX));
        let mut rest = bytes;
        while self.tail_len > 0 && !rest.is_empty() {
            rest = self.push_tail(rest);
        }
        let mut blocks = rest.chunks_exact(4);
        for block in &mut blocks {
            if let Ok(block) = <[u8; 4]>::try_from(block) {
                self.mix(u32::from_le_bytes(block));
            }
        }
        let mut rest = blocks.remainder();
        while !rest.is_empty() {
            rest = self.push_tail(rest);
        }
    }

    /// Moves one byte into the tail and mixes the tail in once it is full.
    fn push_tail<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((first, rest)) = bytes.split_first() else {
            return bytes;
        };
        if let Some(place) = self.tail.get_mut(self.tail_len) {
            *place = *first;
        }
        self.tail_len += 1;
        if self.tail_len == 4 {
            self.mix(u32::from_le_bytes(self.tail));
            self.tail = [0; 4];
            self.tail_len = 0;
        }
        rest
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
        if self.tail_len > 0 {
            hash ^= scramble(u32::from_le_bytes(self.tail));
        }
        hash ^= self.len;
        hash ^= hash >> 16;
        hash = hash.wrapping_mul(0x85eb_ca6b);
        hash ^= hash >> 13;
        hash = hash.wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

fn scramble(block: u32) -> u32 {
    block
        .wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}
