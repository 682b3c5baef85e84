//! Choosing a locale: RFC 4647 lookup over a channel's listed locales, and what serves where nothing is written in one.

use std::collections::BTreeMap;

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

/// The locales that serve others, by those others: [`crate::bundle::ChannelSettings::locale_fallback`].
pub type Fallback = BTreeMap<String, Vec<String>>;

/// What may serve a locale, from the most to the least specific: its own chain, then that of each locale it falls back on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage<'a> {
    steps: Vec<&'a str>,
    /// How many of the steps are of the locale's own chain.
    own: usize,
}

impl<'a> Lineage<'a> {
    /// The lineage of a locale.
    pub fn of(locale: &'a str, fallback: &'a Fallback) -> Self {
        let mut steps: Vec<&str> = chain(locale).collect();
        let own = steps.len();
        for other in fallback_of(locale, fallback) {
            for step in chain(other) {
                if !steps.iter().any(|known| known.eq_ignore_ascii_case(step)) {
                    steps.push(step);
                }
            }
        }
        Self { steps, own }
    }

    /// How many steps lie above `range`: 0 for the locale itself; `None` when nothing written in `range` serves it.
    pub fn distance(&self, range: &str) -> Option<usize> {
        self.steps
            .iter()
            .position(|step| step.eq_ignore_ascii_case(range))
    }

    /// Whether the locale falls back on words of `range`.
    pub fn falls_back_on(&self, range: &str) -> bool {
        self.distance(range).is_some_and(|distance| distance >= self.own)
    }
}

/// What a locale falls back on: the list of the most specific key that covers it.
fn fallback_of<'a>(locale: &str, fallback: &'a Fallback) -> &'a [String] {
    chain(locale)
        .find_map(|range| listed_fallback(range, fallback))
        .unwrap_or_default()
}

fn listed_fallback<'a>(range: &str, fallback: &'a Fallback) -> Option<&'a [String]> {
    let mut keys = fallback.iter();
    let (_, list) = keys.find(|(key, _)| key.eq_ignore_ascii_case(range))?;
    Some(list)
}

/// Index of the listed locale that serves `requested`, as [`lookup`] finds it or the first that a step of its chain falls back
/// on, whichever is more specific.
pub fn lookup_with(listed: &[String], fallback: &Fallback, requested: &str) -> Option<usize> {
    if fallback.is_empty() {
        return lookup(listed, requested);
    }
    let position = |range: &str| {
        listed
            .iter()
            .position(|locale| locale.eq_ignore_ascii_case(range))
    };
    chain(requested).find_map(|range| {
        position(range).or_else(|| {
            let others = listed_fallback(range, fallback)?;
            others.iter().find_map(|other| position(other))
        })
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
