//! HTML that may stand in a page as it is.

use pulldown_cmark::{Event, Tag, TagEnd, html};

/// What template engines look for and HTML can say otherwise; a brace begins most of them.
const MARKERS: [(&str, &str); 5] = [
    ("{", "&#123;"),
    ("}", "&#125;"),
    ("%%", "&#37;&#37;"),
    ("[[", "&#91;&#91;"),
    ("*|", "&#42;|"),
];

/// Text in which nothing is markup, between elements and in attributes alike; a line break stays one.
pub(super) fn of_text(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => page.push_str("<br />\n"),
            character => page.push(character),
        }
    }
    without_markers(page)
}

/// Markdown; one paragraph alone comes without its element, so that it fits into a line.
pub(super) fn of_events(mut events: Vec<Event<'_>>) -> String {
    let is_paragraph = |event: &&Event<'_>| matches!(event, Event::Start(Tag::Paragraph));
    let is_alone = events.first().as_ref().is_some_and(is_paragraph)
        && matches!(events.last(), Some(Event::End(TagEnd::Paragraph)))
        && events.iter().filter(is_paragraph).count() == 1;
    if is_alone {
        events.pop();
        events.remove(0);
    }
    let mut page = String::new();
    html::push_html(&mut page, events.into_iter());
    without_markers(page.trim_end().to_owned())
}

fn without_markers(page: String) -> String {
    MARKERS.iter().fold(page, |page, (marker, said)| {
        if page.contains(marker) {
            page.replace(marker, said)
        } else {
            page
        }
    })
}

/// The text of what may be HTML: markup is left out, and what was written by a number or a name is read.
pub(crate) fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        seen.push_str(before);
        let end = if from.starts_with('<') { '>' } else { ';' };
        let Some((mark, after)) = from.split_once(end) else {
            seen.push_str(from);
            return seen;
        };
        seen.extend(character(mark));
        rest = after;
    }
    seen.push_str(rest);
    seen
}

/// What a reference as those above stands for; nothing for an element.
fn character(mark: &str) -> Option<char> {
    match mark {
        "&amp" => Some('&'),
        "&lt" => Some('<'),
        "&gt" => Some('>'),
        "&quot" => Some('"'),
        "&#39" | "&#x27" => Some('\''),
        _ => {
            let number = mark.strip_prefix("&#")?.parse().ok()?;
            char::from_u32(number)
        }
    }
}
