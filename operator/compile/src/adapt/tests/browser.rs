//! What a browser makes of it, whatever is written.

use attune_api::channel::Touchpoint;
use proptest::prelude::*;
use scraper::{Html, Node};

use super::*;

/// Elements that may come of content, with their attributes.
const ALLOWED: &[(&str, &[&str])] = &[
    ("a", &["href", "title"]),
    ("blockquote", &[]),
    ("br", &[]),
    ("code", &[]),
    ("em", &[]),
    ("h1", &[]),
    ("h2", &[]),
    ("h3", &[]),
    ("h4", &[]),
    ("h5", &[]),
    ("h6", &[]),
    ("hr", &[]),
    ("img", &["src", "alt", "title"]),
    ("li", &[]),
    ("ol", &["start"]),
    ("p", &[]),
    ("pre", &[]),
    ("strong", &[]),
    ("ul", &[]),
];

/// Pieces that attacks are made of, between any text.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = vec![
        "<",
        ">",
        "</",
        "/>",
        "\"",
        "'",
        "`",
        "```",
        "\n",
        "\n\n",
        "    ",
        "\t",
        "&",
        "&lt;",
        "&#x3c;",
        "&quot;",
        "&#34;",
        "(",
        ")",
        "[",
        "]",
        "![",
        "](",
        "](<",
        ">)",
        "][",
        "]: ",
        "<script>",
        "</script>",
        "<img src=x onerror=alert(1)>",
        "<!--",
        "-->",
        "<![CDATA[",
        "<?",
        "javascript:",
        "data:text/html,",
        "https://shop.example/",
        "/rooted",
        "mailto:",
        "a@b.example",
        "*",
        "**",
        "_",
        "#",
        "- ",
        "1. ",
        "> ",
        "---",
        "\\",
        "onload=",
        " \"",
        "\" onclick=\"x",
        "{{",
        "${",
        "<%",
        "svg",
        "\u{202e}",
        "ü",
        "😀",
        "~~~",
        "|",
        "=",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[ -~]{0,8}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Asserts that a page that holds this has nothing in it but what content may have.
fn is_harmless(page: &str) -> Result<(), TestCaseError> {
    let fragment = Html::parse_fragment(page);
    for node in fragment.tree.nodes() {
        match node.value() {
            Node::Element(element) => {
                let name = element.name();
                // The page's own, to which a browser would add what somebody writes in another.
                if matches!(name, "html" | "body") && element.attrs().next().is_none() {
                    continue;
                }
                let allowed = ALLOWED.iter().find(|(known, _)| *known == name);
                let Some((_, attributes)) = allowed else {
                    return Err(TestCaseError::fail(format!("<{name}> in {page}")));
                };
                for (attribute, value) in element.attrs() {
                    prop_assert!(attributes.contains(&attribute), "<{name} {attribute}> in {page}");
                    let is_address = matches!(attribute, "href" | "src");
                    let is_safe = value.starts_with("https://")
                        || value.to_ascii_lowercase().starts_with("https://")
                        || (value.starts_with('/') && !value.starts_with("//") && !value.starts_with("/\\"));
                    prop_assert!(!is_address || is_safe, "{attribute}={value} in {page}");
                }
            }
            Node::Text(_) | Node::Fragment | Node::Document => {}
            other => return Err(TestCaseError::fail(format!("{other:?} in {page}"))),
        }
    }
    for marker in ["{", "}", "<%", "%%", "[[", "*|"] {
        prop_assert!(!page.contains(marker), "{marker} in {page}");
    }
    Ok(())
}

/// What a person reads of it.
fn read(page: &str) -> String {
    let fragment = Html::parse_fragment(page);
    fragment.root_element().text().collect()
}

fn in_html(touchpoint: &Touchpoint, type_: SlotType, text: &str) -> Option<String> {
    let shown = shown_at(touchpoint, None, (type_, HTML), text).ok()?;
    Some(shown.text)
}

fn without_breaks(text: &str) -> String {
    text.chars()
        .filter(|character| !matches!(character, '\n' | '\r'))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_browser_finds_nothing_else_in_markdown(text in hostile()) {
        let links = json!({"campaign": [{"name": "utm_source", "value": "\"><script>'&"}]});
        for links in [Value::Null, links] {
            if let Some(page) = in_html(&touchpoint(&links), SlotType::Markdown, &text) {
                is_harmless(&page)?;
            }
        }
    }

    #[test]
    fn a_browser_shows_text_as_it_was_written(text in hostile()) {
        let plain = touchpoint(&Value::Null);
        if let Some(page) = in_html(&plain, SlotType::Text, &text) {
            is_harmless(&page)?;
            prop_assert_eq!(without_breaks(&read(&page)), without_breaks(&text));
            prop_assert_eq!(without_breaks(&visible(&page)), without_breaks(&text));
        }
    }

    #[test]
    fn words_have_one_form_for_one_place(text in hostile()) {
        let plain = touchpoint(&Value::Null);
        for type_ in [SlotType::Text, SlotType::Markdown, SlotType::Url] {
            for format in [HTML, TEXT, URL] {
                let once = shown_at(&plain, None, (type_, format), &text);
                prop_assert_eq!(&once, &shown_at(&plain, None, (type_, format), &text));
                if let Ok(adapted) = once && format != HTML {
                    prop_assert_eq!(adapted.text.chars().count(), adapted.length);
                }
            }
        }
    }
}
