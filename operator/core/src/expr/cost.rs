//! The worst case of an expression, known before it is ever evaluated.
//!
//! A step is about one elementary operation: reading a slot, comparing two short strings, adding two numbers.
//! Estimates take every list of a context to be full ([`MAX_LIST_ITEMS`]) and every string to be as long as it may
//! be ([`MAX_STRING_BYTES`]), and no `&&` or `||` to stop early. The body of a macro counts once an entry of its
//! range, so nested macros multiply: two over attributes fit into [`MAX_STEPS`], three do not.

use super::{MAX_LIST_ITEMS, MAX_STRING_BYTES};

/// The most steps one evaluation may take in the worst case: about five milliseconds of one core.
pub const MAX_STEPS: u64 = 1_000_000;

/// Bytes that are compared or copied in about the time of one step.
const BYTES_A_COPY_STEP: u64 = MAX_STRING_BYTES as u64;
/// Bytes that are searched in about the time of one step.
const BYTES_A_SEARCH_STEP: u64 = 1024;
/// Bytes that a pattern is matched against in about the time of one step.
const BYTES_A_MATCH_STEP: u64 = 64;

/// The most that a value can hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Size {
    /// Entries of a list, of the lists within it, and so on; empty for what is no list.
    items: Vec<u64>,
    /// Bytes of the longest string in it.
    bytes: u64,
}

impl Size {
    pub(super) fn scalar() -> Self {
        Self::default()
    }

    pub(super) fn string(bytes: usize) -> Self {
        Self {
            items: Vec::new(),
            bytes: bytes as u64,
        }
    }

    pub(super) fn attribute() -> Self {
        Self::string(MAX_STRING_BYTES)
    }

    pub(super) fn list_attribute() -> Self {
        Self::attribute().listed(MAX_LIST_ITEMS as u64)
    }

    /// A list of `count` values of this size.
    pub(super) fn listed(mut self, count: u64) -> Self {
        self.items.insert(0, count);
        self
    }

    /// One entry of this list.
    pub(super) fn entry(&self) -> Self {
        Self {
            items: self.items.iter().skip(1).copied().collect(),
            bytes: self.bytes,
        }
    }

    /// How many entries this list has; 0 for what is no list.
    pub(super) fn len(&self) -> u64 {
        self.items.first().copied().unwrap_or(0)
    }

    /// Large enough for either.
    pub(super) fn or(mut self, other: &Self) -> Self {
        for (level, items) in other.items.iter().enumerate() {
            match self.items.get_mut(level) {
                Some(own) => *own = (*own).max(*items),
                None => self.items.push(*items),
            }
        }
        self.bytes = self.bytes.max(other.bytes);
        self
    }

    /// What `+` makes of the two: the outermost lists add up, or the strings do.
    pub(super) fn plus(self, other: &Self) -> Self {
        let items = self.len().saturating_add(other.len());
        let bytes = self.bytes.saturating_add(other.bytes);
        let mut sum = self.or(other);
        match sum.items.first_mut() {
            Some(own) => *own = items,
            None => sum.bytes = bytes,
        }
        sum
    }

    /// Steps to copy or compare all of it.
    pub(super) fn copy_steps(&self) -> u64 {
        let values = self
            .items
            .iter()
            .fold(1_u64, |product, items| product.saturating_mul((*items).max(1)));
        values.saturating_mul((self.bytes / BYTES_A_COPY_STEP).max(1))
    }

    /// Steps to count the characters of its string, or the entries of its list.
    pub(super) fn count_steps(&self) -> u64 {
        (self.bytes / BYTES_A_COPY_STEP).max(1)
    }

    /// Steps to search its string.
    pub(super) fn search_steps(&self) -> u64 {
        (self.bytes / BYTES_A_SEARCH_STEP).max(1)
    }

    /// Steps to match a pattern against its string.
    pub(super) fn match_steps(&self) -> u64 {
        (self.bytes / BYTES_A_MATCH_STEP).max(1)
    }
}
