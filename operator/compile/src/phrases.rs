//! Phrases that give a tactic away, by locale.

use attune_api::Locale;

#[cfg(test)]
mod tests;

/// Phrases with the locales that they are looked for in.
#[derive(Debug, Clone, Default)]
pub struct Phrases(Vec<Phrase>);

#[derive(Debug, Clone)]
struct Phrase {
    locale: String,
    /// As it was given.
    text: String,
    /// As it is looked for, framed by blanks.
    wanted: String,
}

impl Phrases {
    /// Adds a phrase of a locale; one without a letter or a digit is in no words, and is passed over.
    pub fn add(&mut self, locale: &Locale, text: &str) {
        let wanted = words(text);
        if wanted.trim().is_empty() {
            return;
        }
        self.0.push(Phrase {
            locale: locale.as_str().to_owned(),
            text: text.to_owned(),
            wanted,
        });
    }

    /// Adds all phrases of another list.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first phrase that a text in a locale has, as it was given: case, punctuation and markup do not matter, whole
    /// words do. A text of no locale may be in any.
    pub fn first_in(&self, locale: Option<&str>, text: &str) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        let text = words(text);
        let speaks = |phrase: &&Phrase| locale.is_none_or(|locale| is_within(locale, &phrase.locale));
        let mut phrases = self.0.iter().filter(speaks);
        phrases
            .find(|phrase| text.contains(&phrase.wanted))
            .map(|phrase| phrase.text.as_str())
    }
}

/// Whether a locale is a range or below it: `de-AT` is within `de`.
pub fn is_within(locale: &str, range: &str) -> bool {
    let Some((head, tail)) = locale.split_at_checked(range.len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(range) && (tail.is_empty() || tail.starts_with('-'))
}

/// The words of a text in lower case, each with a blank on both sides.
pub(crate) fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + 2);
    words.push(' ');
    for character in text.chars() {
        if character.is_alphanumeric() {
            words.extend(character.to_lowercase());
        } else if !matches!(character, '\'' | '\u{2019}') && !words.ends_with(' ') {
            words.push(' ');
        }
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}
