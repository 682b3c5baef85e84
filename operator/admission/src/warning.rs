//! Texts that the API server passes on to whoever applies something.

/// The API server may cut warnings that are longer, in characters.
const MAX_LENGTH: usize = 256;

/// A text that passes whole: on one line and short enough.
pub(crate) fn fit(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().count() <= MAX_LENGTH {
        return line;
    }
    let mut cut: String = line.chars().take(MAX_LENGTH - 1).collect();
    cut.push('…');
    cut
}

/// A name as somebody wrote it, short enough to be repeated.
pub(crate) fn quote(name: &str) -> String {
    const MAX_NAME: usize = 63;
    if name.chars().count() <= MAX_NAME {
        return name.to_owned();
    }
    let mut cut: String = name.chars().take(MAX_NAME).collect();
    cut.push('…');
    cut
}
