use super::nearest;

#[test]
fn finds_a_typo_a_swap_and_another_case() {
    let words = ["headline", "cta", "audiences"];
    assert_eq!(nearest("headlin", words), Some("headline"));
    assert_eq!(nearest("haedline", words), Some("headline"));
    assert_eq!(nearest("CTA", words), Some("cta"));
    assert_eq!(nearest("audience", words), Some("audiences"));
}

#[test]
fn stays_silent_about_words_that_are_far_away() {
    assert_eq!(nearest("price", ["headline", "cta"]), None);
    assert_eq!(nearest("x", ["cta"]), None);
    assert_eq!(nearest("", ["cta"]), None);
}

#[test]
fn prefers_the_nearer_and_then_the_first_by_name() {
    assert_eq!(nearest("form", ["from", "forms", "fork"]), Some("fork"));
    assert_eq!(nearest("forms", ["from", "form", "formss"]), Some("form"));
}
