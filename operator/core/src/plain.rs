//! Text that JSON needs no escapes for.

#[cfg(test)]
mod tests;

/// Eight times the same byte.
const fn eight(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Whether all of a text needs no escape.
pub(crate) fn is_plain(text: &str) -> bool {
    length(text) == text.len()
}

/// How many bytes stand before the first control character, quote or backslash; looks at eight at a time.
pub(crate) fn length(text: &str) -> usize {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let found = escapes(u64::from_le_bytes(*word));
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let is_plain = |byte: &&u8| !matches!(byte, 0..=0x1f | b'"' | b'\\');
    length + rest.iter().take_while(is_plain).count()
}

/// The high bit of each control character, quote and backslash among eight bytes, by the bit tricks of Mycroft (1987): it
/// is set where a byte is less than a bound, or zero. Where one is found, later bytes may be marked without being one.
fn escapes(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(eight(1)) & !word;
    let control = word.wrapping_sub(eight(0x20)) & !word;
    let found = control | zero(word ^ eight(b'"')) | zero(word ^ eight(b'\\'));
    found & eight(0x80)
}
