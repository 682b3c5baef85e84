//! JSON by hand, for what is written at every request.

/// Eight times the same byte.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// A member, where it is there.
pub(super) fn member(out: &mut Vec<u8>, name: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(name);
        string(out, value);
    }
}

/// A member whose value is known to need no escaping: hexadecimal digits, or a name of ours.
pub(super) fn plain_member(out: &mut Vec<u8>, name: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(name);
        quoted(out, value);
    }
}

/// A string. Names of resources hold nothing that needs escaping; what does is left to the serializer.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        quoted(out, text);
    } else {
        // INVARIANT: writing a string to memory cannot fail.
        let _ = serde_json::to_writer(out, text);
    }
}

fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Whether no byte needs escaping, eight at a time.
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
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
