//! Markdown (`CommonMark`) without HTML of its own.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::error::quoted;
use super::links::LinkRules;
use super::{AdaptError, characters};

/// What a text says, with every link as it is shown.
pub(super) fn read<'t>(text: &'t str, links: &LinkRules<'_>) -> Result<Vec<Event<'t>>, AdaptError> {
    let events = Parser::new_ext(text, Options::empty());
    events.map(|event| adapt(event, links)).collect()
}

fn adapt<'t>(event: Event<'t>, links: &LinkRules<'_>) -> Result<Event<'t>, AdaptError> {
    Ok(match event {
        Event::Html(html) | Event::InlineHtml(html) => {
            return Err(AdaptError::RawHtml { html: quoted(&html) });
        }
        // The language of a block of code is a class, which styles of a page might know.
        Event::Start(Tag::CodeBlock(_)) => Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            characters::check(&title)?;
            let dest_url = match link_type {
                // The writer puts the scheme in front of it.
                LinkType::Email => {
                    links.adapt(&format!("mailto:{dest_url}"))?;
                    dest_url
                }
                _ => links.adapt(&dest_url)?.into(),
            };
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            })
        }
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            characters::check(&title)?;
            links.picture(&dest_url)?;
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            })
        }
        other => other,
    })
}

/// What a person reads: emphasis is dropped, lists keep their marks, and links their addresses where these are wanted.
pub(super) fn plain(events: &[Event<'_>], with_addresses: bool) -> String {
    let mut writer = Writer::default();
    for event in events {
        match event {
            Event::Text(text) | Event::Code(text) => writer.say(text),
            Event::SoftBreak => writer.say(" "),
            Event::HardBreak => writer.say("\n"),
            Event::Rule => {
                writer.begin();
                writer.say("---");
            }
            Event::Start(tag) => writer.start(tag),
            Event::End(TagEnd::List(_)) => {
                writer.lists.pop();
            }
            Event::End(TagEnd::Link) => writer.end_link(with_addresses),
            _ => {}
        }
    }
    writer.out.trim_end().to_owned()
}

#[derive(Default)]
struct Writer {
    out: String,
    /// The number of the next item of each list around; `None` for one without numbers.
    lists: Vec<Option<u64>>,
    /// Where each link around begins, and where it leads.
    links: Vec<(usize, String)>,
    /// Whether an item has a mark and nothing else yet.
    is_marked: bool,
}

impl Writer {
    fn say(&mut self, text: &str) {
        self.out.push_str(text);
        self.is_marked = false;
    }

    /// A block begins: on a line of its own, and outside of lists behind an empty one.
    fn begin(&mut self) {
        if !self.is_marked {
            self.break_line(if self.lists.is_empty() { 2 } else { 1 });
        }
    }

    fn break_line(&mut self, breaks: usize) {
        if self.out.is_empty() {
            return;
        }
        let text = self.out.trim_end_matches('\n').len();
        self.out.truncate(text);
        self.out.extend(std::iter::repeat_n('\n', breaks));
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::CodeBlock(_) => self.begin(),
            Tag::List(first) => {
                self.begin();
                self.is_marked = false;
                self.lists.push(*first);
            }
            Tag::Item => self.item(),
            Tag::Link {
                link_type, dest_url, ..
            } => {
                let scheme = if *link_type == LinkType::Email {
                    "mailto:"
                } else {
                    ""
                };
                self.links.push((self.out.len(), format!("{scheme}{dest_url}")));
            }
            _ => {}
        }
    }

    fn item(&mut self) {
        if !self.out.ends_with("\n\n") {
            self.break_line(1);
        }
        let depth = self.lists.len().saturating_sub(1);
        self.out.extend(std::iter::repeat_n("  ", depth));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                // Writing to a String cannot fail.
                let _ = write!(self.out, "{number}. ");
                *number = number.saturating_add(1);
            }
            _ => self.out.push_str("- "),
        }
        self.is_marked = true;
    }

    fn end_link(&mut self, with_address: bool) {
        let Some((start, address)) = self.links.pop() else {
            return;
        };
        let words = self.out.get(start..).unwrap_or_default();
        let bare = address.strip_prefix("mailto:").unwrap_or(&address);
        if !with_address || words == bare || words == address {
            return;
        }
        let said = if words.is_empty() {
            address
        } else {
            format!(" ({address})")
        };
        self.say(&said);
    }
}
