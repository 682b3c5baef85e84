use super::*;

#[test]
fn finds_the_first_byte_that_needs_an_escape_wherever_it_stands() {
    for special in ['"', '\\', '\n', '\0', '\u{1f}'] {
        for before in 0..20 {
            for after in ["", "x", "\u{80}\u{ff}", "\"\\ and more", "ÿÿÿÿÿÿÿÿÿÿ"] {
                let plain = "ÿ é~\u{7f}! zäöü plain".chars().take(before).collect::<String>();
                let text = format!("{plain}{special}{after}");
                assert_eq!(length(&text), plain.len(), "{text:?}");
                assert!(is_plain(&plain) && !is_plain(&text), "{text:?}");
            }
        }
    }
}
