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
        let openers = json.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
        let colons = json.iter().filter(|byte| matches!(byte, b':')).count();
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
