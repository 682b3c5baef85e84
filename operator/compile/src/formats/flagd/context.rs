//! What a context says about a unit, in `JsonLogic`.

use std::collections::BTreeSet;

use attune_core::bundle::{Attribute, Bundle, Window};
use attune_core::engine::SERVICE;
use attune_core::value::AttributeType;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::logic::{
    Test, chain, compare, entries, equals, is_bool, is_filled_string_list, is_number, is_string,
    is_string_list, one_of, var,
};

/// Segments that evaluators answer themselves, whatever the context says.
const TAKEN: [&str; 2] = ["length", "__proto__"];

/// Whether every evaluator finds what stands at a path: identifiers, of which none but the first may be one of theirs.
pub(super) fn is_readable(path: &str) -> bool {
    let rest = path.split('.').skip(1);
    rest.into_iter().all(|segment| {
        let starts_with_digit = segment.starts_with(|c: char| c.is_ascii_digit());
        !TAKEN.contains(&segment) && !starts_with_digit
    })
}

/// Whether the decision's instant lies in a window, to the second: evaluators know no less.
pub(super) fn is_within(window: Window) -> Test {
    let from = window.from.map_or(Test::Always, from);
    let until = window
        .until
        .map_or(Test::Always, |until| from_second(until).not());
    Test::all([from, until])
}

/// Whether the decision's instant is this one or later.
pub(super) fn from(at: Timestamp) -> Test {
    from_second(at)
}

fn from_second(at: Timestamp) -> Test {
    // Up to a second: a fraction of one begins with the next.
    let second = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    compare(">=", &var("$flagd.timestamp"), second)
}

/// Who is asking.
#[derive(Debug)]
pub(super) struct Unit {
    /// Whether there is anybody.
    pub is_there: Test,
    /// Their id; the fallback where it is there.
    pub id: Json,
}

impl Unit {
    pub(super) fn of(bundle: &Bundle) -> Self {
        let identity = &bundle.settings.identity;
        let is_there = |path: &str| Test::all([is_string(&var(path)), compare("!==", &var(path), "")]);
        let (unit, id) = (is_there(&identity.unit), var(&identity.unit));
        match &identity.fallback {
            None => Self { is_there: unit, id },
            Some(fallback) => Self {
                is_there: Test::any([is_there(fallback), unit]),
                id: chain([(is_there(fallback), var(fallback))], id),
            },
        }
    }

    /// One of several outcomes with these weights, by the unit's bucket.
    pub(super) fn pick(&self, salt: &str, weights: &[(String, u32)]) -> Json {
        let mut parts = vec![json!({"cat": [salt, self.id]})];
        parts.extend(weights.iter().map(|(outcome, weight)| json!([outcome, weight])));
        json!({ "fractional": parts })
    }

    /// Whether the unit's bucket of 10,000 lies in `[from, to)`.
    pub(super) fn is_between(&self, salt: &str, from: u32, to: u32) -> Test {
        const ALL: u32 = 10_000;
        let to = to.min(ALL);
        if from >= to {
            return Test::Never;
        }
        if from == 0 && to == ALL {
            return Test::Always;
        }
        let parts = [("below", from), ("in", to - from), ("above", ALL - to)];
        let weights: Vec<_> = parts
            .into_iter()
            .filter(|(_, weight)| *weight > 0)
            .map(|(part, weight)| (part.to_owned(), weight))
            .collect();
        equals(&self.pick(salt, &weights), "in")
    }
}

/// Whether a purpose is granted; `None` where no evaluator can be asked.
pub(super) fn grants(bundle: &Bundle, purpose: &str, explicitly: bool) -> Option<Test> {
    if purpose == SERVICE && !explicitly {
        return Some(Test::Always);
    }
    let Some(path) = &bundle.settings.identity.consent else {
        return Some(Test::Never);
    };
    let entry = format!("{path}.{purpose}");
    if purpose.contains('.') || !is_readable(&entry) {
        return None;
    }
    let mut grants = vec![equals(&var(&entry), "Explicit")];
    if !explicitly {
        grants.push(equals(&var(&entry), "Implied"));
    }
    grants.push(Test::all([
        one_of(&json!(purpose), entries(path)),
        is_filled_string_list(path),
    ]));
    Some(Test::any(grants))
}

/// Whether an attribute is there and well typed; `None` where no evaluator can tell.
pub(super) fn is_typed(path: &str, attribute: &Attribute) -> Option<Test> {
    Some(match attribute.ty {
        AttributeType::Bool => Test::any([is_bool(path, true), is_bool(path, false)]),
        AttributeType::Double => is_number(path),
        AttributeType::Int => Test::all([is_number(path), is_whole(path)]),
        AttributeType::String => is_string(&var(path)),
        AttributeType::StringList => is_string_list(path),
        AttributeType::Timestamp => return None,
    })
}

/// Whether a number is one of 64 bits without a fraction.
fn is_whole(path: &str) -> Test {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    let value = var(path);
    Test::all([
        compare(">=", &value, -BOUND),
        compare("<", &value, BOUND),
        equals(&json!({"%": [value, 1]}), 0),
    ])
}

/// Whether a listed locale covers the one that is asked for: it is it or its beginning, up to a `-` and whatever the case of
/// the letters.
pub(super) fn covers(path: &str, listed: &str) -> Test {
    const LETTERS: usize = 4;
    let asked = var(path);
    let part = |from: usize, length: usize| json!({"substr": [asked, from, length]});
    let mut tests = vec![is_string(&asked)];
    let mut at = 0;
    for subtag in listed.split('-') {
        if at > 0 {
            tests.push(equals(&part(at, 1), "-"));
            at += 1;
        }
        let letters: Vec<char> = subtag.chars().collect();
        for piece in letters.chunks(LETTERS) {
            tests.push(one_of(&part(at, piece.len()), spellings(piece)));
            at += piece.len();
        }
    }
    tests.push(one_of(&part(at, 1), json!(["", "-"])));
    Test::all(tests)
}

/// Every spelling of some letters in small and in capital ones.
fn spellings(letters: &[char]) -> Vec<String> {
    let mut spellings = vec![String::new()];
    for letter in letters {
        let cases = [letter.to_ascii_lowercase(), letter.to_ascii_uppercase()];
        let cases: BTreeSet<char> = cases.into_iter().collect();
        let longer = |known: &String| {
            cases
                .iter()
                .map(|case| format!("{known}{case}"))
                .collect::<Vec<_>>()
        };
        spellings = spellings.iter().flat_map(longer).collect();
    }
    spellings
}
