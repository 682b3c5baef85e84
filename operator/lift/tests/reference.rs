//! Every case of `data/stats_reference.json`, computed with reference packages, against this crate.
//!
//! A kind is either checked here or left out with a reason; a kind in neither list fails.

use std::collections::{BTreeMap, BTreeSet};

use std::path::Path;
use std::{env, fs};

#[cfg(test)]
mod case;
#[cfg(test)]
mod kinds;

use case::{Case, root};
use kinds::{CHECKED, LEFT_OUT};

#[test]
fn every_case_of_every_checked_kind_agrees_with_its_reference() {
    let root = root();
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for case in root["cases"].as_array().unwrap() {
        let kind = case["kind"].as_str().unwrap();
        let Some(checked) = CHECKED.iter().find(|checked| checked.kind == kind) else {
            continue;
        };
        let case = Case {
            id: case["id"].as_str().unwrap(),
            root: &root,
            inputs: &case["inputs"],
            expected: &case["expected"],
            relative: case["tolerance"]["rel"].as_f64().unwrap(),
            absolute: case["tolerance"]["abs"].as_f64().unwrap(),
            compared: std::cell::RefCell::default(),
        };
        (checked.check)(&case);
        for key in case.expected.as_object().unwrap().keys() {
            let compared = case.compared.borrow().contains(key);
            let not_ours = checked.not_ours.contains(&key.as_str());
            assert!(
                compared != not_ours,
                "{}: `{key}` is compared {compared} and not ours {not_ours}",
                case.id
            );
        }
        *by_kind.entry(kind).or_default() += 1;
    }
    for checked in CHECKED {
        assert!(
            by_kind.contains_key(checked.kind),
            "`{}` has no case",
            checked.kind
        );
    }
}

#[test]
fn every_kind_is_checked_or_left_out_with_a_reason() {
    let root = root();
    let kinds: BTreeSet<&str> = root["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["kind"].as_str().unwrap())
        .collect();
    let checked: BTreeSet<&str> = CHECKED.iter().map(|checked| checked.kind).collect();
    let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        checked.intersection(&left_out).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "in both lists"
    );
    let listed: BTreeSet<&str> = checked.union(&left_out).copied().collect();
    assert_eq!(
        kinds.difference(&listed).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "in neither list"
    );
    assert_eq!(
        listed.difference(&kinds).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "listed without a case"
    );
    for (kind, reason) in LEFT_OUT {
        assert!(reason.len() > 20, "`{kind}` is left out without a reason");
    }
}

/// With `ATTUNE_UPDATE=1` the rows are written instead of compared.
#[test]
fn the_page_lists_what_is_left_out_and_why() {
    const BEGIN: &str = "<!-- left out begin -->\n\n";
    const END: &str = "\n<!-- left out end -->";
    let root = root();
    let cases = root["cases"].as_array().unwrap();
    let of = |kind: &str| cases.iter().filter(|case| case["kind"] == kind).count();
    let left: usize = LEFT_OUT.iter().map(|(kind, _)| of(kind)).sum();
    let rows = LEFT_OUT
        .iter()
        .map(|(kind, reason)| format!("| `{kind}` | {} | {reason} |\n", of(kind)));
    let expected = format!(
        "{} of {} cases agree, of {} kinds; {left}, of {} kinds, are left out.\n\n\
         | kind | cases | why |\n|---|---|---|\n{}",
        cases.len() - left,
        cases.len(),
        CHECKED.len(),
        LEFT_OUT.len(),
        rows.collect::<String>()
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/validity.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if env::var_os("ATTUNE_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
    } else {
        assert!(
            found == expected,
            "docs/validity.md differs: run `ATTUNE_UPDATE=1 cargo test -p attune-lift --test reference`"
        );
    }
}
