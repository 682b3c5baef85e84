//! Choosing a locale: RFC 4647 lookup over a channel's listed locales.

#[cfg(test)]
mod tests;

/// Index of the listed locale that serves `requested`: the longest listed prefix by subtags, compared without regard to
/// case; `None` when none is listed.
pub fn lookup(listed: &[String], requested: &str) -> Option<usize> {
    chain(requested).find_map(|range| {
        listed
            .iter()
            .position(|locale| locale.eq_ignore_ascii_case(range))
    })
}

/// The lookup chain of a locale from most to least specific: `zh-Hant-TW`, `zh-Hant`, `zh`. A single-letter subtag is
/// dropped together with what followed it (RFC 4647, section 3.4).
pub fn chain(locale: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(locale).filter(|locale| !locale.is_empty()), |range| {
        parent(range)
    })
}

/// How many subtags of `locale`'s chain lie above `range`: 0 for the locale itself; `None` when `range` does not cover it.
pub fn distance(range: &str, locale: &str) -> Option<usize> {
    chain(locale).position(|step| step.eq_ignore_ascii_case(range))
}

fn parent(range: &str) -> Option<&str> {
    let (head, _) = range.rsplit_once('-')?;
    match head.rsplit_once('-') {
        Some((shorter, last)) if last.len() == 1 => Some(shorter),
        _ => Some(head),
    }
    .filter(|range| !range.is_empty())
}
