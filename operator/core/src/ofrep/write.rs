//! JSON by hand, for what is written at every request.

/// Eight times the same byte.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Members of an object, one after the other.
pub(super) struct Members<'o> {
    pub(super) out: &'o mut Vec<u8>,
    /// Whether names need no escapes.
    pub(super) is_plain: bool,
}

impl Members<'_> {
    /// A member whose value is a name, where it is there. `opening` is all that precedes the value, its quote included.
    #[inline]
    pub(super) fn name(&mut self, opening: &[u8], value: Option<&str>) {
        match value {
            None => {}
            Some(value) if self.is_plain || is_plain(value) => self.plain(opening, value),
            Some(value) => self.escaped(opening, value),
        }
    }

    /// A member whose value is known to need no escapes: hexadecimal digits, or a word of ours.
    #[inline]
    pub(super) fn plain(&mut self, opening: &[u8], value: &str) {
        self.out.extend_from_slice(opening);
        self.out.extend_from_slice(value.as_bytes());
        self.out.push(b'"');
    }

    #[cold]
    fn escaped(&mut self, opening: &[u8], value: &str) {
        // The serializer writes the quotes.
        let (_, before) = opening.split_last().unwrap_or((&b'"', opening));
        self.out.extend_from_slice(before);
        // INVARIANT: writing a string to memory cannot fail.
        let _ = serde_json::to_writer(&mut *self.out, value);
    }
}

/// Whether no byte needs an escape, eight at a time. Names of resources hold nothing that does.
pub(crate) fn is_plain(text: &str) -> bool {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    words.iter().all(|word| is_plain_word(u64::from_ne_bytes(*word)))
        && !rest.iter().any(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\'))
}

/// No control character, quote or backslash among eight bytes: the bit tricks of Mycroft (1987), by which the high bit of
/// a byte is set where it is less than a bound, or zero. Other bytes below may set it too, which only costs a second look.
fn is_plain_word(word: u64) -> bool {
    let zero = |word: u64| word.wrapping_sub(eight(1)) & !word;
    let control = word.wrapping_sub(eight(0x20)) & !word;
    let found = control | zero(word ^ eight(b'"')) | zero(word ^ eight(b'\\'));
    found & eight(0x80) == 0
}
