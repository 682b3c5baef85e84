use super::{Phrases, is_within};

fn phrases(list: &[(&str, &str)]) -> Phrases {
    let mut phrases = Phrases::default();
    for (locale, text) in list {
        phrases.add(&locale.parse().unwrap(), text);
    }
    phrases
}

#[test]
fn finds_whole_words_whatever_their_case_punctuation_and_markup() {
    let phrases = phrases(&[("en", "Only today")]);
    for text in [
        "only today!",
        "Save now: **Only** _today_",
        "ONLY-TODAY",
        "only\n  today",
    ] {
        assert_eq!(phrases.first_in(Some("en"), text), Some("Only today"), "{text}");
    }
    for text in ["only todayish", "lonely today", "today only", ""] {
        assert_eq!(phrases.first_in(Some("en"), text), None, "{text}");
    }
}

#[test]
fn looks_in_the_locale_of_the_phrase_and_below_it() {
    let phrases = phrases(&[("de", "nur heute")]);
    assert!(phrases.first_in(Some("de"), "Nur heute").is_some());
    assert!(phrases.first_in(Some("de-AT"), "Nur heute").is_some());
    assert!(phrases.first_in(Some("den"), "Nur heute").is_none());
    assert!(phrases.first_in(Some("en"), "Nur heute").is_none());
    assert!(phrases.first_in(None, "Nur heute").is_some(), "it may be in any");
}

#[test]
fn a_phrase_without_words_is_in_nothing() {
    let phrases = phrases(&[("en", "!!"), ("en", " ")]);
    assert!(phrases.is_empty());
    assert_eq!(phrases.first_in(Some("en"), "Buy now!!"), None);
}

#[test]
fn reads_ranges_as_language_tags() {
    assert!(is_within("pt-BR", "pt"));
    assert!(is_within("PT", "pt"));
    assert!(!is_within("pt", "pt-BR"));
    assert!(!is_within("é", "de"));
}
