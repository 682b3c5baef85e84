use super::quote;

#[test]
fn keeps_messages_on_one_line_and_terminals_out_of_reach() {
    assert_eq!(quote("a\nb\u{1b}[31m\u{85}"), "a\\nb\\u{1b}[31m\\u{85}");
}

#[test]
fn shortens_what_is_long() {
    assert_eq!(quote(&"é".repeat(60)), "é".repeat(60));
    assert_eq!(quote(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
}
