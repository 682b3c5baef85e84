//! Places in the engine, four bytes each.

use std::fmt;

/// The place of something in a list of the engine, or none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ix(u32);

impl Ix {
    /// No place.
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// A place in a list. None has four billion entries: a bundle's bytes are limited.
    pub(crate) fn new(place: usize) -> Self {
        u32::try_from(place).map_or(Self::NONE, Self)
    }

    /// Two of them in one word, to be hashed.
    pub(crate) fn beside(self, other: Self) -> u64 {
        u64::from(self.0) << 32 | u64::from(other.0)
    }

    /// The place, where there is one.
    pub(crate) fn get(self) -> Option<usize> {
        (self != Self::NONE).then_some(self.0 as usize)
    }
}

impl From<Option<usize>> for Ix {
    fn from(place: Option<usize>) -> Self {
        place.map_or(Self::NONE, Self::new)
    }
}

impl fmt::Debug for Ix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}
