use super::*;

fn listed(locales: &[&str]) -> Vec<String> {
    locales.iter().map(ToString::to_string).collect()
}

#[test]
fn finds_the_longest_listed_prefix() {
    let locales = listed(&["en", "de", "de-AT"]);
    assert_eq!(lookup(&locales, "de-AT"), Some(2));
    assert_eq!(lookup(&locales, "DE-at"), Some(2));
    assert_eq!(lookup(&locales, "de-CH-1996"), Some(1));
    assert_eq!(lookup(&locales, "fr"), None);
    assert_eq!(lookup(&locales, ""), None);
    assert_eq!(lookup(&locales, "d"), None);
}

#[test]
fn drops_a_single_letter_subtag_with_its_follower() {
    let ranges: Vec<_> = chain("zh-Hant-CN-x-private1").collect();
    assert_eq!(ranges, ["zh-Hant-CN-x-private1", "zh-Hant-CN", "zh-Hant", "zh"]);
}

#[test]
fn measures_how_far_a_range_is_from_a_locale() {
    assert_eq!(distance("de", "de-AT"), Some(1));
    assert_eq!(distance("de-AT", "de-at"), Some(0));
    assert_eq!(distance("de-AT", "de"), None);
}

#[test]
fn does_not_loop_on_strange_tags() {
    for tag in ["-", "--", "-a-", "a-", "x-y-z"] {
        assert!(chain(tag).count() < 10, "{tag}");
    }
}

fn fallback(of: &[(&str, &[&str])]) -> Fallback {
    of.iter()
        .map(|(locale, others)| ((*locale).to_owned(), listed(others)))
        .collect()
}

#[test]
fn falls_back_after_what_is_more_general() {
    let fallback = fallback(&[("de", &["nl", "en"]), ("gsw-CH", &["de-AT"])]);
    let swiss = Lineage::of("gsw-CH", &fallback);
    let order = ["gsw-CH", "GSW", "de-AT", "de"].map(|range| swiss.distance(range));
    assert_eq!(order, [Some(0), Some(1), Some(2), Some(3)]);
    assert_eq!(
        swiss.distance("nl"),
        None,
        "what it falls back on does not fall back"
    );
    assert!(swiss.falls_back_on("de") && !swiss.falls_back_on("gsw"));
    let austrian = Lineage::of("de-AT", &fallback);
    assert_eq!(austrian.distance("en"), Some(3), "the list of the language");
    let empty = Fallback::new();
    let plain = Lineage::of("de-AT", &empty);
    assert_eq!(plain.distance("de"), distance("de", "de-AT"));
    assert_eq!(plain.distance("en"), None);
}

#[test]
fn finds_what_a_locale_that_is_not_listed_falls_back_on() {
    let locales = listed(&["en", "de", "es"]);
    let fallback = fallback(&[("ca", &["fr", "ES"]), ("de-CH", &["en"]), ("en-GB", &["fr"])]);
    let found = |requested: &str| lookup_with(&locales, &fallback, requested);
    assert_eq!(found("ca-AD"), Some(2));
    assert_eq!(found("de-CH"), Some(0), "what is said of it beats its language");
    assert_eq!(found("de-AT"), Some(1));
    assert_eq!(found("en-GB"), Some(0), "nothing that it falls back on is listed");
    assert_eq!(found("fr"), None);
}
