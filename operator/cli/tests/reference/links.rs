//! Links within the repository lead somewhere.

use std::fs;

use crate::markdown::{anchor, headings};
use crate::{expected, folder};

#[test]
fn every_link_leads_somewhere() {
    let link = regex::Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let pages = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut links = 0;
    for page in pages.map(|name| name.into_string().unwrap()) {
        let text = expected(&page);
        for target in link
            .captures_iter(&text)
            .map(|found| found.get(1).unwrap().as_str())
        {
            if target.starts_with("https://") {
                continue;
            }
            links += 1;
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { &page } else { path };
            assert!(folder().join(path).exists(), "{page} links to {target}");
            let is_there = heading.is_empty() || headings(&expected(path)).any(|own| anchor(own) == heading);
            assert!(is_there, "{page} links to {target}");
        }
    }
    assert!(links > 100, "only {links} links were found");
}

#[test]
fn headings_of_a_page_differ_so_that_links_are_unambiguous() {
    for page in ["resources.md", "reasons.md", "expressions.md", "cli.md"] {
        let text = expected(page);
        let mut anchors: Vec<String> = headings(&text).map(anchor).collect();
        let count = anchors.len();
        anchors.sort_unstable();
        anchors.dedup();
        assert_eq!(anchors.len(), count, "{page}");
    }
}
