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
