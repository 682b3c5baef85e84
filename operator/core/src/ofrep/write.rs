//! JSON by hand, for what is written at every request.

/// A member, where it is there.
pub(super) fn member(out: &mut Vec<u8>, name: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(name);
        string(out, value);
    }
}

/// A string. Names of resources hold nothing that needs escaping; what does is left to the serializer.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    // All bytes are looked at, whatever the first ones say: many at once, without a branch for each.
    let escaped = text
        .bytes()
        .filter(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\'));
    if escaped.count() == 0 {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // INVARIANT: writing a string to memory cannot fail.
        let _ = serde_json::to_writer(out, text);
    }
}
