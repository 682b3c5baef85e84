//! Sets of values, exactly: where they begin and end along the order of their kind, and whether having no value belongs to them.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use attune_core::expr::logic::{Condition, Kind, Scalar};
use jiff::{SignedDuration, Timestamp};

/// What a subject may be: absent, or one of some values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain {
    absent: bool,
    /// Places at which membership changes, ascending; before the first nothing is a member.
    cuts: Vec<Cut>,
}

/// A place between values.
#[derive(Debug, Clone)]
enum Cut {
    /// Before all values.
    Start,
    /// Right before a value.
    Before(Scalar),
    /// Right after a value.
    After(Scalar),
}

impl Cut {
    fn rank(&self) -> (u8, Option<&Scalar>, u8) {
        match self {
            Self::Start => (0, None, 0),
            Self::Before(value) => (1, Some(value), 0),
            Self::After(value) => (1, Some(value), 1),
        }
    }
}

impl Ord for Cut {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((first, value, side), (other_first, other_value, other_side)) = (self.rank(), other.rank());
        let values = match (value, other_value) {
            // INVARIANT: values of one subject are of one kind, and numbers are numbers.
            (Some(value), Some(other)) => value.partial_cmp(other).unwrap_or(Ordering::Equal),
            _ => Ordering::Equal,
        };
        first.cmp(&other_first).then(values).then(side.cmp(&other_side))
    }
}

impl PartialOrd for Cut {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cut {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cut {}

impl Hash for Cut {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (first, value, side) = self.rank();
        (first, side).hash(state);
        match value {
            None => {}
            Some(Scalar::Bool(value)) => value.hash(state),
            // Negative zero was made positive, so that equal numbers have equal bits.
            Some(Scalar::Number(value)) => value.to_bits().hash(state),
            Some(Scalar::Text(value)) => value.hash(state),
            Some(Scalar::Instant(value)) => value.hash(state),
            Some(Scalar::Span(value)) => value.hash(state),
        }
    }
}

impl Domain {
    /// Whatever it is.
    pub fn anything() -> Self {
        Self {
            absent: true,
            cuts: vec![Cut::Start],
        }
    }

    /// Any value at all.
    pub fn present() -> Self {
        Self {
            absent: false,
            cuts: vec![Cut::Start],
        }
    }

    /// Where a condition holds of subjects of a kind.
    pub fn of(condition: &Condition, kind: Kind) -> Self {
        let cuts = match condition {
            Condition::Absent => {
                return Self {
                    absent: true,
                    cuts: Vec::new(),
                };
            }
            Condition::Present => vec![Cut::Start],
            Condition::OneOf(values) => points(values, kind),
            Condition::NoneOf(values) => flipped(points(values, kind)),
            Condition::Below { bound, inclusive } => {
                let end = if *inclusive {
                    Cut::After(bound.clone())
                } else {
                    Cut::Before(bound.clone())
                };
                stretch(Cut::Start, end, kind)
            }
            Condition::Above { bound, inclusive } => {
                let begin = if *inclusive {
                    Cut::Before(bound.clone())
                } else {
                    Cut::After(bound.clone())
                };
                normal(begin, kind).into_iter().collect()
            }
        };
        Self { absent: false, cuts }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.absent && self.cuts.is_empty()
    }

    /// Whether having no value belongs to it.
    pub const fn admits_absence(&self) -> bool {
        self.absent
    }

    /// What is in both.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        Self {
            absent: self.absent && other.absent,
            cuts: merged(&self.cuts, &other.cuts, |one, other| one && other),
        }
    }

    /// What is in either.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self {
            absent: self.absent || other.absent,
            cuts: merged(&self.cuts, &other.cuts, |one, other| one || other),
        }
    }

    /// Whatever is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self {
            absent: !self.absent,
            cuts: flipped(self.cuts.clone()),
        }
    }

    /// Whether a value (`None`: having none) is in it.
    pub fn holds(&self, value: Option<&Scalar>) -> bool {
        let Some(value) = value else {
            return self.absent;
        };
        let place = Cut::Before(value.clone());
        // Membership changes at each cut that does not come after the value.
        self.cuts.iter().filter(|cut| **cut <= place).count() % 2 == 1
    }

    /// Whether all of it is in another.
    pub fn lies_inside(&self, other: &Self) -> bool {
        self.meet(&other.complement()).is_empty()
    }

    /// One member: `Some(None)` is having no value. `None` where none could be found, although there may be some.
    pub fn example(&self, kind: Kind) -> Option<Option<Scalar>> {
        if self.absent {
            return Some(None);
        }
        let mut pairs = self.cuts.chunks(2);
        pairs
            .find_map(|pair| match pair {
                [begin, end] => example(begin, Some(end), kind),
                [begin] => example(begin, None, kind),
                _ => None,
            })
            .map(Some)
    }
}

/// A value between two cuts.
fn example(begin: &Cut, end: Option<&Cut>, kind: Kind) -> Option<Scalar> {
    let fits = |value: &Scalar| {
        let place = Cut::Before(value.clone());
        *begin <= place && end.is_none_or(|end| place < *end)
    };
    let candidates = [
        match begin {
            Cut::Before(value) => Some(value.clone()),
            Cut::After(value) => next(value, kind),
            Cut::Start => None,
        },
        match (begin, end) {
            (Cut::Start, Some(Cut::After(value))) => Some(value.clone()),
            (Cut::Start, Some(Cut::Before(value))) => previous(value, kind),
            (Cut::Start, None) => some(kind),
            (
                Cut::After(Scalar::Number(low)),
                Some(Cut::Before(Scalar::Number(high)) | Cut::After(Scalar::Number(high))),
            ) => Some(Scalar::Number(low + (high - low) / 2.0)),
            _ => None,
        },
    ];
    candidates.into_iter().flatten().find(fits)
}

fn some(kind: Kind) -> Option<Scalar> {
    match kind {
        Kind::Bool => Some(Scalar::Bool(true)),
        Kind::Integer | Kind::Number => Some(Scalar::Number(0.0)),
        Kind::Text => Some(Scalar::Text(String::new())),
        Kind::Instant => Some(Scalar::Instant(Timestamp::UNIX_EPOCH)),
        Kind::Span => Some(Scalar::Span(SignedDuration::ZERO)),
        Kind::List => None,
    }
}

/// A value after another, near to it.
fn next(value: &Scalar, kind: Kind) -> Option<Scalar> {
    match value {
        Scalar::Bool(_) => None,
        Scalar::Number(number) => Some(Scalar::Number(
            number + if kind == Kind::Integer { 1.0 } else { 0.5 },
        )),
        Scalar::Text(text) => Some(Scalar::Text(format!("{text}\u{0}"))),
        Scalar::Instant(at) => at
            .checked_add(SignedDuration::from_nanos(1))
            .ok()
            .map(Scalar::Instant),
        Scalar::Span(span) => span.checked_add(SignedDuration::from_nanos(1)).map(Scalar::Span),
    }
}

/// A value before another.
fn previous(value: &Scalar, kind: Kind) -> Option<Scalar> {
    match value {
        Scalar::Bool(value) => value.then_some(Scalar::Bool(false)),
        Scalar::Number(number) => Some(Scalar::Number(
            number - if kind == Kind::Integer { 1.0 } else { 0.5 },
        )),
        Scalar::Text(_) => some(Kind::Text),
        Scalar::Instant(at) => at
            .checked_sub(SignedDuration::from_nanos(1))
            .ok()
            .map(Scalar::Instant),
        Scalar::Span(span) => span.checked_sub(SignedDuration::from_nanos(1)).map(Scalar::Span),
    }
}

fn points(values: &[Scalar], kind: Kind) -> Vec<Cut> {
    values.iter().fold(Vec::new(), |cuts, value| {
        let point = stretch(Cut::Before(value.clone()), Cut::After(value.clone()), kind);
        merged(&cuts, &point, |one, other| one || other)
    })
}

/// From one cut to another; nothing where the second does not come after the first.
fn stretch(begin: Cut, end: Cut, kind: Kind) -> Vec<Cut> {
    let (begin, end) = (normal(begin, kind), normal(end, kind));
    match (begin, end) {
        (Some(begin), Some(end)) if begin < end => vec![begin, end],
        (Some(begin), None) => vec![begin],
        _ => Vec::new(),
    }
}

/// One spelling for each place: between whole numbers, and between false and true, there is nothing. `None` is after all.
fn normal(cut: Cut, kind: Kind) -> Option<Cut> {
    match (kind, cut) {
        (Kind::Integer, Cut::Before(Scalar::Number(number))) => {
            Some(Cut::Before(Scalar::Number(number.ceil() + 0.0)))
        }
        (Kind::Integer, Cut::After(Scalar::Number(number))) => {
            Some(Cut::Before(Scalar::Number(number.floor() + 1.0)))
        }
        (Kind::Bool, Cut::Before(Scalar::Bool(false))) => Some(Cut::Start),
        (Kind::Bool, Cut::After(Scalar::Bool(false))) => Some(Cut::Before(Scalar::Bool(true))),
        (Kind::Bool, Cut::After(Scalar::Bool(true))) => None,
        (_, cut) => Some(cut),
    }
}

fn flipped(mut cuts: Vec<Cut>) -> Vec<Cut> {
    if cuts.first() == Some(&Cut::Start) {
        cuts.remove(0);
    } else {
        cuts.insert(0, Cut::Start);
    }
    cuts
}

/// The cuts of a set made of two, by whether a place is a member of each.
fn merged(one: &[Cut], other: &[Cut], is_member: impl Fn(bool, bool) -> bool) -> Vec<Cut> {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let (mut in_one, mut in_other, mut inside) = (false, false, false);
    let mut cuts = Vec::new();
    // Ends, because each turn takes a cut of at least one of the two.
    while let Some(cut) = match (one.peek(), other.peek()) {
        (Some(one), Some(other)) => Some((*one).min(*other)),
        (one, other) => one.or(other).copied(),
    } {
        if one.next_if(|next| *next == cut).is_some() {
            in_one = !in_one;
        }
        if other.next_if(|next| *next == cut).is_some() {
            in_other = !in_other;
        }
        if is_member(in_one, in_other) != inside {
            inside = !inside;
            cuts.push(cut.clone());
        }
    }
    cuts
}
