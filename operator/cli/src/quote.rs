//! Input in messages: on one line, and not longer than a message bears.

/// At most this many characters of an input are repeated in a message.
const LONGEST: usize = 60;

/// A text as it may stand in a message: control characters as escapes, shortened.
pub fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars().take(LONGEST) {
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests;
