use attune_api::channel::{SlotFormat, Touchpoint};
use attune_api::content_module::SlotType;
use serde_json::{Value, json};

use super::{Adapted, Author, Bound, Place, visible};

mod attacks;
mod browser;

const HTML: SlotFormat = SlotFormat::Html;
const TEXT: SlotFormat = SlotFormat::Text;
const URL: SlotFormat = SlotFormat::Url;

/// A touchpoint with these links.
fn touchpoint(links: &Value) -> Touchpoint {
    let slots = json!([{"name": "body", "format": "Html"}]);
    serde_json::from_value(json!({"name": "home-hero", "slots": slots, "links": links})).unwrap()
}

/// Words at the touchpoint of a binding, or of a baseline, or what is wrong with them.
fn shown_at(
    touchpoint: &Touchpoint,
    binding: Option<Bound<'_>>,
    form: (SlotType, SlotFormat),
    text: &str,
) -> Result<Adapted, String> {
    let place = Place {
        channel: "web",
        touchpoint,
        binding,
    };
    let author = Author {
        module: "hero",
        variant: Some("loyal"),
    };
    place
        .adapt(form, text, author)
        .map_err(|error| format!("{error}: {}", error.remedy()))
}

fn shown(type_: SlotType, format: SlotFormat, text: &str) -> Result<String, String> {
    let plain = touchpoint(&Value::Null);
    shown_at(&plain, None, (type_, format), text).map(|adapted| adapted.text)
}

fn markdown(format: SlotFormat, text: &str) -> String {
    shown(SlotType::Markdown, format, text).unwrap()
}

/// A link with these rules in a module's `Url` slot.
fn link(links: &Value, url: &str) -> Result<String, String> {
    let bound = Bound {
        binding: "retention-home-hero",
        program: "spring retention",
    };
    shown_at(&touchpoint(links), Some(bound), (SlotType::Url, URL), url).map(|adapted| adapted.text)
}

#[test]
fn says_in_html_what_markdown_says() {
    for (written, said) in [
        ("*Early* access", "<em>Early</em> access"),
        ("**50 %** off", "<strong>50 %</strong> off"),
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>"),
        ("# New\n\ntext", "<h1>New</h1>\n<p>text</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>"),
        ("a  \nb", "a<br />\nb"),
        (
            "[shop](https://shop.example/?a=1&b=2 \"Our \\\"shop\\\"\")",
            "<a href=\"https://shop.example/?a=1&amp;b=2\" title=\"Our &quot;shop&quot;\">shop</a>",
        ),
        ("![a *cup*](/cup.png)", "<img src=\"/cup.png\" alt=\"a cup\" />"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
        ("```js\nlet a;\n```", "<pre><code>let a;\n</code></pre>"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
    ] {
        assert_eq!(markdown(HTML, written), said, "{written}");
    }
}

#[test]
fn says_in_text_what_markdown_says() {
    for (written, said) in [
        ("*Early* `access` for **you**", "Early access for you"),
        ("# New\nfor you\n\nand more", "New\n\nfor you\n\nand more"),
        ("one\ntwo  \nthree", "one two\nthree"),
        (
            "take:\n\n- a\n- b\n  - c\n\nend",
            "take:\n\n- a\n- b\n  - c\n\nend",
        ),
        ("3. a\n4. b", "3. a\n4. b"),
        ("- a\n\n- b\n\n  more", "- a\n- b\nmore"),
        ("> said\n\n---\n\nend", "said\n\n---\n\nend"),
        (
            "see [our *shop*](https://shop.example/a?b=1#c).",
            "see our shop (https://shop.example/a?b=1#c).",
        ),
        ("<https://shop.example>", "https://shop.example"),
        ("[](https://shop.example)", "https://shop.example"),
        ("![a *cup*](/cup.png)", "a cup"),
        ("AT&amp;T &lt;3", "AT&T <3"),
        ("    code\n      more", "code\n  more"),
    ] {
        assert_eq!(markdown(TEXT, written), said, "{written}");
    }
}

#[test]
fn escapes_text_for_html_and_keeps_its_lines() {
    let said = |text: &str| shown(SlotType::Text, HTML, text).unwrap();
    assert_eq!(
        said("<b>\"Tom\" & 'Jerry'</b>\r\n*new*"),
        "&lt;b&gt;&quot;Tom&quot; &amp; &#39;Jerry&#39;&lt;/b&gt;<br />\n*new*"
    );
    assert_eq!(
        shown(SlotType::Url, HTML, "/search?q=a&b='c'").unwrap(),
        "/search?q=a&amp;b=&#39;c&#39;"
    );
}

#[test]
fn counts_what_a_person_sees() {
    let count = |type_, format, text: &str| {
        let links = json!({"campaign": [{"name": "by", "value": "me"}]});
        shown_at(&touchpoint(&links), None, (type_, format), text)
            .unwrap()
            .length
    };
    assert_eq!(count(SlotType::Text, HTML, "a<b&ü"), 5);
    assert_eq!(
        count(SlotType::Markdown, HTML, "**ü** [shop](https://shop.example/)"),
        6
    );
    let address = "https://shop.example/?by=me";
    assert_eq!(
        count(SlotType::Markdown, TEXT, "[shop](https://shop.example/)"),
        7 + address.len()
    );
    assert_eq!(count(SlotType::Url, URL, "https://shop.example/"), address.len());
}

#[test]
fn gives_links_their_parameters_and_keeps_the_rest_of_them() {
    let links = json!({
        "schemes": ["http", "mailto"],
        "campaign": [
            {"name": "utm_source", "value": "{channel}"},
            {"name": "utm_campaign", "value": "{program}/{binding}"},
            {"name": "utm_content", "value": "{module}-{variant}@{touchpoint}"},
        ]
    });
    let all = "utm_source=web&utm_campaign=spring+retention%2Fretention-home-hero&utm_content=hero-loyal%40home-hero";
    for (written, said) in [
        ("https://shop.example", format!("https://shop.example?{all}")),
        ("/sale?a=%20b&c#top", format!("/sale?a=%20b&c&{all}#top")),
        ("/sale?#top?x", format!("/sale?{all}#top?x")),
        ("/sale?a&", format!("/sale?a&{all}")),
        ("http://shop.example/ü", format!("http://shop.example/ü?{all}")),
        (
            "/?utm%5Fsource=mine&utm_content=",
            "/?utm%5Fsource=mine&utm_content=&utm_campaign=spring+retention%2Fretention-home-hero".to_owned(),
        ),
        (
            "mailto:help@shop.example?subject=a",
            "mailto:help@shop.example?subject=a".to_owned(),
        ),
    ] {
        assert_eq!(link(&links, written).unwrap(), said, "{written}");
    }
    let body = shown_at(
        &touchpoint(&links),
        None,
        (SlotType::Markdown, HTML),
        "[a](/b) ![c](/d)",
    );
    assert_eq!(
        body.unwrap().text,
        "<a href=\"/b?utm_source=web&amp;utm_content=hero-loyal%40home-hero\">a</a> <img src=\"/d\" alt=\"c\" />",
        "a baseline has no program, and a picture leads nowhere"
    );
}

#[test]
fn shows_addresses_as_such() {
    assert_eq!(
        shown(SlotType::Url, TEXT, "https://shop.example/a").unwrap(),
        "https://shop.example/a"
    );
    for (type_, name) in [(SlotType::Text, "text"), (SlotType::Markdown, "Markdown")] {
        assert_eq!(
            shown(type_, URL, "https://shop.example").unwrap_err(),
            format!(
                "has {name} where an address is shown: make it a slot of type `Url`, or give the touchpoint's slot another format"
            )
        );
    }
    assert_eq!(
        shown(SlotType::Url, URL, "").unwrap(),
        "",
        "an empty slot is empty"
    );
}

#[test]
fn reads_its_own_html() {
    for text in [
        "a & b < c > d",
        "\"quoted\" 'too'",
        "{{x}} %% [[y]] *|z|*",
        "&amp; &#38;",
    ] {
        assert_eq!(visible(&shown(SlotType::Text, HTML, text).unwrap()), text);
    }
    assert_eq!(visible(&markdown(HTML, "only **to*d*ay**")), "only today");
    assert_eq!(visible("a & b"), "a & b");
}
