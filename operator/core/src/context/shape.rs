//! How large a request may be in other ways than its length.

use super::ContextError;

/// How deep and how wide a request's JSON may be, whatever its rules read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Most objects and lists in each other, the outermost included.
    pub depth: usize,
    /// Most keys of all objects together.
    pub keys: usize,
}

impl Shape {
    /// Whether JSON keeps to it. What is no JSON may pass; the decoder says so.
    ///
    /// Costs a count of two kinds of bytes; only JSON that has many of them is looked at more closely.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(self, json: &[u8]) -> Result<(), ContextError> {
        let openers = count(json, |byte| matches!(byte, b'{' | b'['));
        let colons = count(json, |byte| byte == b':');
        if openers <= self.depth && colons <= self.keys {
            return Ok(());
        }
        self.scan(json)
    }

    fn scan(self, json: &[u8]) -> Result<(), ContextError> {
        let (mut depth, mut keys) = (0_usize, 0_usize);
        let (mut in_string, mut escaped) = (false, false);
        for byte in json {
            if in_string {
                in_string = escaped || *byte != b'"';
                escaped = !escaped && *byte == b'\\';
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b':' => keys += 1,
                _ => {}
            }
            if depth > self.depth {
                return Err(ContextError::TooDeep { limit: self.depth });
            }
            if keys > self.keys {
                return Err(ContextError::TooManyKeys { limit: self.keys });
            }
        }
        Ok(())
    }
}

/// How many bytes are meant: counted in runs whose sum a byte holds, which the compiler adds up many at a time.
fn count(json: &[u8], is_meant: impl Fn(u8) -> bool) -> usize {
    let runs = json.chunks(usize::from(u8::MAX));
    let sums = runs.map(|run| {
        let meant = run.iter().map(|byte| u8::from(is_meant(*byte)));
        // Without a check for an overflow that cannot be.
        meant.fold(0, u8::wrapping_add)
    });
    sums.map(usize::from).sum()
}
