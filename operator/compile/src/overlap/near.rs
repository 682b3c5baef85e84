//! Audiences that are the same, or nearly: found by look-ups, see [the module](super).

use std::collections::{BTreeMap, BTreeSet};

use attune_core::expr::logic::Subject;
use foldhash::{HashMap, HashMapExt};

use super::Forms;
use super::domain::Domain;
use super::form::Cube;

/// Audiences that lie close to each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Near {
    /// Groups of audiences with the same members, by name.
    pub equal: Vec<Vec<String>>,
    /// Pairs of an audience and one that lies around it: its conjunction has one test more, or one that lets fewer pass. Of
    /// equal ones only the first by name; of a chain only neighbours.
    pub nested: BTreeSet<(String, String)>,
}

/// Finds audiences that are equal, and conjunctions that differ in one test.
pub fn near(forms: &Forms) -> Near {
    let mut by_form: BTreeMap<&[Cube], Vec<&str>> = BTreeMap::new();
    for (name, form) in &forms.by_name {
        if let Some(boxes) = form.boxes().filter(|boxes| !boxes.is_empty()) {
            by_form.entry(boxes).or_default().push(name);
        }
    }
    let conjunctions = by_form.iter().filter_map(|(boxes, names)| match boxes {
        // Whoever is always true lies around everybody.
        [only] if only.tests().next().is_some() => Some((*names.first()?, only)),
        _ => None,
    });
    let nested = nested(conjunctions);
    let owned = |name: &str| name.to_owned();
    let equal = by_form.into_values().filter(|names| names.len() > 1);
    let mut equal: Vec<Vec<_>> = equal
        .map(|names| names.into_iter().map(owned).collect())
        .collect();
    equal.sort_unstable();
    let nested = nested
        .into_iter()
        .map(|(inner, outer)| (owned(inner), owned(outer)));
    Near {
        equal,
        nested: nested.collect(),
    }
}

/// The numbers of tests: one test, one number.
#[derive(Default)]
struct Tests<'f>(HashMap<(&'f Subject, &'f Domain), usize>);

impl<'f> Tests<'f> {
    fn numbers(&mut self, cube: &'f Cube) -> Vec<usize> {
        let tests = cube.tests();
        tests
            .map(|test| {
                let next = self.0.len();
                *self.0.entry(test).or_insert(next)
            })
            .collect()
    }
}

/// A box without one of its tests, and what that one is about.
type Hole<'f> = (Vec<usize>, &'f Subject);

fn nested<'f>(conjunctions: impl Iterator<Item = (&'f str, &'f Cube)>) -> BTreeSet<(&'f str, &'f str)> {
    let mut tests = Tests::default();
    let boxes: Vec<_> = conjunctions
        .map(|(name, cube)| (name, cube, tests.numbers(cube)))
        .collect();
    let whole: HashMap<&[usize], &str> = boxes
        .iter()
        .map(|(name, _, numbers)| (numbers.as_slice(), *name))
        .collect();
    let mut nested = BTreeSet::new();
    let mut siblings: HashMap<Hole<'_>, Vec<(&Domain, &str)>> = HashMap::new();
    for (name, cube, numbers) in &boxes {
        for (place, (subject, domain)) in cube.tests().enumerate() {
            let mut rest = numbers.clone();
            rest.remove(place);
            if let Some(wider) = whole.get(rest.as_slice()) {
                nested.insert((*name, *wider));
            }
            siblings.entry((rest, subject)).or_default().push((domain, name));
        }
    }
    for mut row in siblings.into_values() {
        row.sort_unstable();
        for pair in row.windows(2) {
            let [(one, name), (other, other_name)] = pair else {
                continue;
            };
            if one.lies_inside(other) {
                nested.insert((*name, *other_name));
            } else if other.lies_inside(one) {
                nested.insert((*other_name, *name));
            }
        }
    }
    nested
}
