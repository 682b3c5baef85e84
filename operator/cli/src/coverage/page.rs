//! Every assembled message as a person would get it, on one page that needs nothing else.
//!
//! Words are shown as text, addresses too: the page loads nothing and runs nothing, and says so to the browser.

use std::fmt::Write as _;

use attune_api::program::CellState;
use attune_compile::coverage::{Cell, Coverage, reach};

use super::{Covered, shown, twin};

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}\
h1,h2,h3{line-height:1.2}h2{border-top:2px solid var(--line);padding-top:1.5rem}.figures{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;\
padding:0;list-style:none}.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:1rem;padding:0;\
list-style:none}.card{border:1px solid var(--line);border-left:.4rem solid #c33;border-radius:.4rem;padding:.75rem 1rem}\
.Differentiated{border-left-color:#2a7}.Waived{border-left-color:#888}.Shared,.Untranslated{border-left-color:#c80}\
.who{display:flex;justify-content:space-between;gap:1rem;font-size:.85rem}.state{font-weight:600}dl{margin:.5rem 0 0}\
dt{font-size:.75rem;opacity:.7}dd{margin:0 0 .4rem;overflow-wrap:anywhere;white-space:pre-wrap}.none{font-style:italic}\
footer{margin-top:3rem;font-size:.85rem;opacity:.7}";

/// The page of every Program of every namespace.
pub(crate) fn page(all: &[Covered<'_>]) -> String {
    let mut body = String::new();
    for covered in all {
        for coverage in &covered.programs {
            program(&mut body, covered, coverage);
        }
    }
    if body.is_empty() {
        body.push_str("<p>No programs.</p>\n");
    }
    let at = all
        .first()
        .map(|covered| covered.space.at.to_string())
        .unwrap_or_default();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>What each audience gets</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>What each audience gets</h1>\n{body}\
         <footer>As of {}. A person in several audiences gets what the first candidate that admits them shows.</footer>\n\
         </body>\n</html>\n",
        escaped(&at)
    )
}

fn program(page: &mut String, covered: &Covered<'_>, coverage: &Coverage<'_>) {
    let covered_bp = coverage.covered_bp();
    let _ = write!(
        page,
        "<h2>Program {}</h2>\n<p>{}</p>\n<ul class=\"figures\"><li><strong>{}.{:02} %</strong> covered or waived</li>",
        escaped(coverage.name),
        escaped(&coverage.program.spec.objective),
        covered_bp / 100,
        covered_bp % 100,
    );
    for state in CellState::ALL {
        let _ = write!(page, "<li>{} {}</li>", coverage.count(state), state.as_str());
    }
    page.push_str("</ul>\n");
    for (index, spot) in coverage.spots.iter().enumerate() {
        for locale in &spot.locales {
            let place = format!("{} / {}", spot.channel, spot.touchpoint.name);
            let place = if locale.is_empty() {
                place
            } else {
                format!("{place} / {locale}")
            };
            let _ = write!(page, "<h3>{}</h3>\n<ul class=\"cards\">\n", escaped(&place));
            let cells = coverage
                .cells
                .iter()
                .filter(|cell| cell.spot == index && cell.locale == *locale);
            for cell in cells {
                card(page, covered, coverage, cell);
            }
            page.push_str("</ul>\n");
        }
    }
}

fn card(page: &mut String, covered: &Covered<'_>, coverage: &Coverage<'_>, cell: &Cell<'_>) {
    let state = cell.state.as_str();
    let units = reach(&covered.space.snapshot, cell.audience);
    let units = units.map(|units| format!(" ({units})")).unwrap_or_default();
    let with = twin(cell)
        .map(|other| format!(" with {other}"))
        .unwrap_or_default();
    let _ = write!(
        page,
        "<li class=\"card {state}\"><div class=\"who\"><span>{}{}</span><span class=\"state\">{state}{}</span></div>",
        escaped(cell.audience),
        escaped(&units),
        escaped(&with),
    );
    match coverage.words(cell) {
        None => page.push_str("<p class=\"none\">nothing: the client's own default</p>"),
        Some(words) => {
            page.push_str("<dl>");
            for (slot, value) in shown(coverage, cell, words) {
                let language = if cell.locale.is_empty() {
                    String::new()
                } else {
                    format!(" lang=\"{}\"", escaped(cell.locale))
                };
                let _ = write!(
                    page,
                    "<dt>{}</dt><dd{language}>{}</dd>",
                    escaped(&slot),
                    escaped(&value)
                );
            }
            let _ = write!(
                page,
                "</dl><div class=\"who\"><span>{}</span></div>",
                escaped(words.variant)
            );
        }
    }
    page.push_str("</li>\n");
}

/// Text that stays text wherever it stands in a page.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            character => safe.push(character),
        }
    }
    safe
}
