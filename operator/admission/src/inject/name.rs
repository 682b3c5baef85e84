//! The annotation that names a Channel.

/// The names in an annotation: one is what we want, several are told apart from one that is misspelt.
pub(super) fn read(annotation: &str) -> Vec<&str> {
    annotation
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Whether a Channel may be called so, and its name be the value of a label and part of a ConfigMap's name: what would
/// make the pod one that the API server refuses is not injected.
pub(super) fn is_valid(name: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let edges = [bytes.first(), bytes.last()];
        edges
            .into_iter()
            .all(|edge| edge.is_some_and(|byte| is_alphanumeric(*byte)))
            && bytes.iter().all(|byte| is_alphanumeric(*byte) || *byte == b'-')
    };
    name.len() <= 63 && name.split('.').all(is_label)
}
