//! Characters that nobody sees, and those that a template engine further on would take for its own.

use super::AdaptError;

/// What opens an expression in templates of e-mail and page tools.
const MARKERS: [&str; 9] = ["{{", "{%", "{#", "${", "#{", "<%", "%%", "[[", "*|"];

/// No character that is invisible and steers a terminal, a parser or the direction of writing. Line breaks and tabs, joiners
/// and marks of direction stay: languages need them.
pub(super) fn check(text: &str) -> Result<(), AdaptError> {
    let mut open = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => {}
            '\r' if characters.peek() == Some(&'\n') => {}
            // Embeddings and overrides are superseded by isolates, and an override shows other words than there are.
            '\u{202a}'..='\u{202e}' => return Err(AdaptError::Direction { character }),
            '\u{2066}'..='\u{2068}' => open.push(character),
            '\u{2069}' => {
                open.pop().ok_or(AdaptError::Direction { character })?;
            }
            _ if character.is_control() || is_invisible(character) => {
                return Err(AdaptError::Control { character });
            }
            _ => {}
        }
    }
    open.pop()
        .map_or(Ok(()), |character| Err(AdaptError::Direction { character }))
}

/// Separators that end a line of a script, interlinear marks, byte order marks and what is no character at all.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(character) & 0xfffe == 0xfffe
}

/// Nothing that a template engine further on would evaluate.
pub(super) fn check_markers(text: &str) -> Result<(), AdaptError> {
    let mut markers = MARKERS.iter();
    match markers.find(|marker| text.contains(**marker)) {
        Some(marker) => Err(AdaptError::Marker { marker }),
        None => Ok(()),
    }
}
