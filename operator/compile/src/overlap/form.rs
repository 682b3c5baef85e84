//! The normal form of an expression: boxes, any of which holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_core::expr::Expression;
use attune_core::expr::logic::{Condition, Formula, Scalar, Subject, Test};

use super::domain::Domain;
use crate::attributes::Attributes;

/// The most boxes of a form.
const MAX_BOXES: usize = 64;

/// The most tests of a box.
const MAX_TESTS: usize = 32;

/// The most pieces that a box is cut into to see whether a form covers it.
const MAX_PIECES: usize = 256;

/// The contexts in which an expression is true.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Form {
    /// Those of any of these boxes: none lies inside of another, in one order whatever the source.
    Boxes(Vec<Cube>),
    /// They would be too many.
    TooLarge,
}

/// One box: what each subject must be; those that are not there may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cube(pub(super) BTreeMap<Arc<Subject>, Domain>);

/// Whether something was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It holds in every context.
    Proven,
    /// It was not shown.
    NotProven,
}

impl Form {
    /// The form of a formula.
    pub fn of(formula: &Formula) -> Self {
        boxes(formula).map_or(Self::TooLarge, Self::Boxes)
    }

    /// The form of an expression; no more of the attributes matters than their types.
    pub fn of_expression(expression: &Expression, attributes: &Attributes) -> Self {
        let type_of = |name: &str| attributes.by_name.get(name).map(|known| known.attribute.ty);
        Self::of(&expression.logic(type_of))
    }

    /// What holds in every context.
    pub fn always() -> Self {
        Self::of(&Formula::always())
    }

    /// What holds in none.
    pub fn never() -> Self {
        Self::of(&Formula::never())
    }

    /// Its boxes; `None` where they would be too many.
    pub fn boxes(&self) -> Option<&[Cube]> {
        match self {
            Self::Boxes(boxes) => Some(boxes),
            Self::TooLarge => None,
        }
    }

    /// Whether it is shown that it never holds.
    pub fn is_never(&self) -> bool {
        self.boxes().is_some_and(<[Cube]>::is_empty)
    }

    /// Whether it is shown that it always holds.
    pub fn is_always(&self) -> bool {
        self.boxes()
            .is_some_and(|boxes| Cube::default().is_covered_by(boxes) == Proof::Proven)
    }

    /// Whether every context in which it holds is one in which the other does.
    pub fn lies_inside(&self, other: &Self) -> Proof {
        let (Some(own), Some(boxes)) = (self.boxes(), other.boxes()) else {
            return Proof::NotProven;
        };
        let covered = |cube: &Cube| cube.is_covered_by(boxes) == Proof::Proven;
        if own.iter().all(covered) {
            Proof::Proven
        } else {
            Proof::NotProven
        }
    }

    /// The boxes of the contexts in which both hold; `None` where one is too large.
    pub fn meet(&self, other: &Self) -> Option<Vec<Cube>> {
        let (own, others) = (self.boxes()?, other.boxes()?);
        let pairs = own
            .iter()
            .flat_map(|one| others.iter().map(move |other| (one, other)));
        Some(pairs.filter_map(|(one, other)| one.meet(other)).collect())
    }

    /// Where either holds.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let (Some(own), Some(others)) = (self.boxes(), other.boxes()) else {
            return Self::TooLarge;
        };
        let all = own.iter().chain(others).cloned().collect();
        simplified(all).map_or(Self::TooLarge, Self::Boxes)
    }

    /// Where both hold.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.meet(other)
            .and_then(simplified)
            .map_or(Self::TooLarge, Self::Boxes)
    }
}

impl Cube {
    /// The tests, by subject.
    pub fn tests(&self) -> impl Iterator<Item = (&Subject, &Domain)> {
        self.0.iter().map(|(subject, domain)| (subject.as_ref(), domain))
    }

    /// The contexts in both; `None` where there are none.
    fn meet(&self, other: &Self) -> Option<Self> {
        let mut common = self.clone();
        for (subject, domain) in &other.0 {
            common.narrow(subject, domain)?;
        }
        Some(common)
    }

    /// Takes another test into the box; `None` where nothing is left in it.
    fn narrow(&mut self, subject: &Arc<Subject>, domain: &Domain) -> Option<()> {
        let narrowed = match self.0.get(subject) {
            Some(known) => known.meet(domain),
            None => domain.clone(),
        };
        (!narrowed.is_empty()).then(|| drop(self.0.insert(Arc::clone(subject), narrowed)))
    }

    /// Whether one box alone holds all of it.
    fn lies_inside(&self, other: &Self) -> bool {
        let mut tests = other.0.iter();
        tests.all(|(subject, domain)| self.0.get(subject).is_some_and(|own| own.lies_inside(domain)))
    }

    /// Whether boxes together hold all of it: what each leaves of it is cut into boxes again.
    fn is_covered_by(&self, boxes: &[Self]) -> Proof {
        if boxes.iter().any(|one| self.lies_inside(one)) {
            return Proof::Proven;
        }
        let mut left = vec![self.clone()];
        for one in boxes {
            left = left.iter().flat_map(|piece| piece.without(one)).collect();
            if left.len() > MAX_PIECES {
                return Proof::NotProven;
            }
        }
        if left.is_empty() {
            Proof::Proven
        } else {
            Proof::NotProven
        }
    }

    /// What is left of it outside of another box: disjoint boxes.
    fn without(&self, other: &Self) -> Vec<Self> {
        if self.meet(other).is_none() {
            return vec![self.clone()];
        }
        let mut pieces = Vec::new();
        let mut inside = self.clone();
        for (subject, domain) in &other.0 {
            let mut piece = inside.clone();
            if piece.narrow(subject, &domain.complement()).is_some() {
                pieces.push(piece);
            }
            if inside.narrow(subject, domain).is_none() {
                break;
            }
        }
        pieces
    }

    /// A context in it: an attribute that is not there may be anything. `None` where it tests what is computed, or no value
    /// could be found.
    pub fn example(&self) -> Option<Vec<(Subject, Option<Scalar>)>> {
        let mut values = Vec::new();
        for (subject, domain) in self.tests() {
            if !subject.is_attribute {
                return None;
            }
            values.push((subject.clone(), domain.example(subject.kind)?));
        }
        Some(values)
    }
}

fn boxes(formula: &Formula) -> Option<Vec<Cube>> {
    match formula {
        Formula::Test(test) => Some(cube(test).into_iter().collect()),
        Formula::Any(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(boxes(part)?);
                all = simplified(all)?;
            }
            Some(all)
        }
        Formula::All(parts) => {
            let mut all = vec![Cube::default()];
            for part in parts {
                let boxes = boxes(part)?;
                if all.len().saturating_mul(boxes.len()) > MAX_BOXES * MAX_BOXES {
                    return None;
                }
                let met = all
                    .iter()
                    .flat_map(|one| boxes.iter().filter_map(|other| one.meet(other)));
                all = simplified(met.collect())?;
            }
            Some(all)
        }
    }
}

/// A test as a box; `None` where it cannot be passed.
fn cube(test: &Test) -> Option<Cube> {
    let mut cube = Cube::default();
    let subject = Arc::new(test.subject.clone());
    cube.narrow(&subject, &Domain::of(&test.condition, test.subject.kind))?;
    if test.condition != Condition::Absent && !test.subject.is_attribute {
        for attribute in &test.requires {
            cube.narrow(&Arc::new(attribute.clone()), &Domain::present())?;
        }
    }
    Some(cube)
}

/// Boxes in order, without those that lie inside of another and with those joined that differ in one test; `None` where they
/// are too many.
fn simplified(mut boxes: Vec<Cube>) -> Option<Vec<Cube>> {
    if boxes.len() > MAX_BOXES * MAX_BOXES || boxes.iter().any(|cube| cube.0.len() > MAX_TESTS) {
        return None;
    }
    for cube in &mut boxes {
        cube.0.retain(|_, domain| *domain != Domain::anything());
    }
    boxes.sort();
    boxes.dedup();
    let mut kept: Vec<Cube> = Vec::new();
    for cube in boxes {
        if kept.iter().any(|known| cube.lies_inside(known)) {
            continue;
        }
        kept.retain(|known| !known.lies_inside(&cube));
        kept.push(cube);
        if kept.len() > MAX_BOXES {
            return None;
        }
    }
    // Each turn leaves one box less.
    while let Some((one, other, joined)) = joinable(&kept) {
        kept.swap_remove(one.max(other));
        kept.swap_remove(one.min(other));
        kept.retain(|known| !known.lies_inside(&joined));
        kept.push(joined);
    }
    kept.sort();
    Some(kept)
}

/// Two boxes that differ in one test, and the box that they make together.
fn joinable(boxes: &[Cube]) -> Option<(usize, usize, Cube)> {
    boxes.iter().enumerate().find_map(|(place, one)| {
        let mut others = boxes.iter().enumerate().skip(place + 1);
        others.find_map(|(index, other)| Some((place, index, join(one, other)?)))
    })
}

fn join(one: &Cube, other: &Cube) -> Option<Cube> {
    if one.0.len() != other.0.len() || !one.0.keys().eq(other.0.keys()) {
        return None;
    }
    let mut differing = one
        .0
        .iter()
        .zip(&other.0)
        .filter(|((_, own), (_, theirs))| own != theirs);
    let ((subject, own), (_, theirs)) = differing.next()?;
    if differing.next().is_some() {
        return None;
    }
    let mut joined = one.clone();
    let domain = own.join(theirs);
    if domain == Domain::anything() {
        joined.0.remove(subject);
    } else {
        joined.0.insert(Arc::clone(subject), domain);
    }
    Some(joined)
}
