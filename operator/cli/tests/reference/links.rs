//! Links within the repository lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::markdown::{anchor, headings};
use crate::{expected, folder};

/// The pages of the folder by name.
fn pages() -> BTreeMap<String, String> {
    fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| (name.clone(), expected(&name)))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let anchors: BTreeMap<&str, BTreeSet<String>> = pages
        .iter()
        .map(|(name, text)| (name.as_str(), headings(text).map(anchor).collect()))
        .collect();
    let link = regex::Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut links = 0;
    for (page, text) in &pages {
        for found in link.captures_iter(text) {
            let target = &found[1];
            if target.starts_with("https://") {
                continue;
            }
            links += 1;
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { page } else { path };
            assert!(folder().join(path).exists(), "{page} links to {target}");
            let is_there = heading.is_empty() || anchors.get(path).is_some_and(|own| own.contains(heading));
            assert!(is_there, "{page} links to {target}");
        }
    }
    assert!(links > 100, "only {links} links were found");
}

#[test]
fn headings_of_a_page_differ_so_that_links_are_unambiguous() {
    for (page, text) in &pages() {
        let mut anchors = BTreeSet::new();
        for heading in headings(text) {
            assert!(
                anchors.insert(anchor(heading)),
                "{page} has two headings `{heading}`"
            );
        }
    }
}
