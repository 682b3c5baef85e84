//! JSON by hand, for what is written at every request.

use crate::plain::is_plain;

/// Members of an object, one after the other.
pub(super) struct Members<'o> {
    pub(super) out: &'o mut Vec<u8>,
    /// Whether names need no escapes.
    pub(super) is_plain: bool,
}

impl Members<'_> {
    /// A member whose value is a name, where it is there. `opening` is all that precedes the value, its quote included.
    #[expect(
        clippy::inline_always,
        reason = "an opening whose length is known is copied as words, without a call"
    )]
    #[inline(always)]
    pub(super) fn name(&mut self, opening: &[u8], value: Option<&str>) {
        match value {
            None => {}
            Some(value) if self.is_plain || is_plain(value) => self.plain(opening, value),
            Some(value) => self.escaped(opening, value),
        }
    }

    /// A member whose value is known to need no escapes: hexadecimal digits, or a word of ours.
    #[expect(clippy::inline_always, reason = "as for names")]
    #[inline(always)]
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
