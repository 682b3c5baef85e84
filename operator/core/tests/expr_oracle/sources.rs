//! Random well-typed expressions, as text.
//!
//! Strategies are built level by level: those of depth `d` combine those of depth `d - 1`, within a scope of macro
//! variables.

use proptest::prelude::*;
use proptest::strategy::Union;

use crate::macros::Macros;

pub(crate) type Source = BoxedStrategy<String>;

/// The variables of the macros around.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    pub(crate) strings: Vec<String>,
    pub(crate) ints: Vec<String>,
}

/// One strategy a type.
#[derive(Clone)]
pub(crate) struct Level {
    pub(crate) bool: Source,
    pub(crate) int: Source,
    pub(crate) double: Source,
    pub(crate) string: Source,
    pub(crate) timestamp: Source,
    pub(crate) duration: Source,
    pub(crate) strings: Source,
    pub(crate) ints: Source,
    /// An attribute whose type the schema does not know.
    pub(crate) dynamic: Source,
}

/// Expressions of the types that a field takes: a Bool, an Int or a Double.
pub(crate) fn expression() -> Source {
    let level = level(3, &Scope::default());
    prop_oneof![6 => level.bool, 1 => level.int, 1 => level.double].boxed()
}

fn one_of(texts: &[&str]) -> Source {
    Union::new(texts.iter().map(|text| Just((*text).to_owned()))).boxed()
}

pub(crate) fn map2(left: &Source, right: &Source, render: impl Fn(&str, &str) -> String + 'static) -> Source {
    (left.clone(), right.clone())
        .prop_map(move |(left, right)| render(&left, &right))
        .boxed()
}

/// `(left op right)`
fn binary(left: &Source, operators: &[&str], right: &Source) -> Source {
    (left.clone(), one_of(operators), right.clone())
        .prop_map(|(left, operator, right)| format!("({left} {operator} {right})"))
        .boxed()
}

fn ternary(condition: &Source, either: &Source) -> Source {
    (condition.clone(), either.clone(), either.clone())
        .prop_map(|(condition, then, otherwise)| format!("({condition} ? {then} : {otherwise})"))
        .boxed()
}

fn list_of(entries: &Source) -> Source {
    prop::collection::vec(entries.clone(), 0..4)
        .prop_map(|entries| format!("[{}]", entries.join(", ")))
        .boxed()
}

const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const LITERAL_STRINGS: [&str; 7] = [
    r#""""#,
    r#""gold""#,
    r#""go""#,
    r#""none""#,
    r#""café ☕""#,
    r#""7""#,
    r#""-1.5""#,
];

fn leaves(scope: &Scope) -> Level {
    let variables = |names: &[String], other: Source| {
        if names.is_empty() {
            return other;
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        prop_oneof![2 => one_of(&names), 1 => other].boxed()
    };
    Level {
        bool: one_of(&[
            "session.returning",
            "true",
            "false",
            "has(user.tier)",
            "has(user.address.country)",
            "has(properties.b)",
        ]),
        int: variables(
            &scope.ints,
            one_of(&[
                "session.itemCount",
                "0",
                "1",
                "-3",
                "7",
                "9223372036854775807",
                "-9223372036854775808",
                "9007199254740993",
            ]),
        ),
        double: one_of(&[
            "user.spend90d",
            "session.cartValue",
            "0.0",
            "-0.0",
            "1.5",
            "200.0",
            "-7.25",
            "9007199254740992.0",
            "1e300",
        ]),
        string: variables(
            &scope.strings,
            prop_oneof![
                one_of(&["user.tier", "user.address.country"]),
                one_of(&LITERAL_STRINGS)
            ]
            .boxed(),
        ),
        timestamp: one_of(&[
            "now",
            "user.lastSeen",
            r#"timestamp("2026-12-01T00:00:00Z")"#,
            r#"timestamp("1969-12-31T23:59:59.25Z")"#,
            r#"timestamp("0001-01-01T00:00:00Z")"#,
            r#"timestamp("2024-02-29T12:30:45.123456789+00:00")"#,
        ]),
        duration: one_of(&[
            r#"duration("720h")"#,
            r#"duration("-1h30m")"#,
            r#"duration("1.5s")"#,
            r#"duration("0")"#,
            r#"duration("2562047h")"#,
        ]),
        strings: one_of(&["user.interests", "[]", r#"["gold", "none"]"#, r#"["7", "7", ""]"#]),
        ints: one_of(&["[1, 2, 3]", "[0, -3, 7]", "[session.itemCount, 1]"]),
        dynamic: one_of(&["properties.a", "properties.b"]),
    }
}

pub(crate) fn level(depth: u32, scope: &Scope) -> Level {
    let leaf = leaves(scope);
    if depth == 0 {
        return leaf;
    }
    let below = level(depth - 1, scope);
    let macros = Macros::new(depth, scope, &below);
    Level {
        bool: bools(&leaf, &below, &macros),
        int: ints(&leaf, &below),
        double: doubles(&leaf, &below),
        string: strings(&leaf, &below),
        timestamp: timestamps(&leaf, &below),
        duration: durations(&leaf, &below),
        strings: prop_oneof![
            3 => leaf.strings,
            1 => list_of(&below.string),
            1 => binary(&below.strings, &["+"], &below.strings),
            1 => ternary(&below.bool, &below.strings),
            2 => macros.strings(),
        ]
        .boxed(),
        ints: prop_oneof![3 => leaf.ints, 1 => list_of(&below.int), 2 => macros.ints()].boxed(),
        dynamic: leaf.dynamic,
    }
}

fn bools(leaf: &Level, below: &Level, macros: &Macros) -> Source {
    prop_oneof![
        2 => leaf.bool.clone(),
        6 => logic(below),
        6 => comparisons(below),
        3 => membership(below),
        2 => texts(&below.string),
        3 => macros.bool(below),
    ]
    .boxed()
}

fn ints(leaf: &Level, below: &Level) -> Source {
    prop_oneof![
        3 => leaf.int.clone(),
        3 => binary(&below.int, &["+", "-", "*", "/", "%"], &below.int),
        1 => below.int.clone().prop_map(|int| format!("(-({int}))")),
        1 => ternary(&below.bool, &below.int),
        1 => below.string.clone().prop_map(|text| format!("size({text})")),
        1 => below.strings.clone().prop_map(|list| format!("{list}.size()")),
        1 => converted("int", &[&below.double, &below.string, &below.timestamp, &below.int]),
        2 => parts(leaf, below),
        1 => map2(&below.ints, &below.int, |list, index| format!("{list}[{index}]")),
    ]
    .boxed()
}

fn converted(function: &'static str, from: &[&Source]) -> Source {
    Union::new(from.iter().map(|from| (*from).clone()))
        .prop_map(move |from| format!("{function}({from})"))
        .boxed()
}

/// Fields of instants, with and without a zone, and of durations.
fn parts(leaf: &Level, below: &Level) -> Source {
    const OF_DAYS: [&str; 6] = [
        "FullYear",
        "Month",
        "DayOfYear",
        "DayOfMonth",
        "Date",
        "DayOfWeek",
    ];
    const OF_TIMES: [&str; 4] = ["Hours", "Minutes", "Seconds", "Milliseconds"];
    // Named zones of leaves only: the interpreter knows no daylight saving in the centuries that sums reach.
    let named = one_of(&[
        r#""Europe/Berlin""#,
        r#""America/New_York""#,
        r#""Asia/Kathmandu""#,
    ]);
    let fixed = one_of(&["", r#""""#, r#""UTC""#, r#""+05:30""#, r#""-03:00""#]);
    let zoned = prop_oneof![(leaf.timestamp.clone(), named), (below.timestamp.clone(), fixed)];
    let any_part = prop_oneof![one_of(&OF_DAYS), one_of(&OF_TIMES)];
    prop_oneof![
        (zoned, any_part).prop_map(|((at, zone), part)| format!("{at}.get{part}({zone})")),
        map2(&below.duration, &one_of(&OF_TIMES), |span, part| format!(
            "{span}.get{part}()"
        )),
    ]
    .boxed()
}

fn doubles(leaf: &Level, below: &Level) -> Source {
    prop_oneof![
        3 => leaf.double.clone(),
        3 => binary(&below.double, &["+", "-", "*", "/"], &below.double),
        1 => below.double.clone().prop_map(|double| format!("(-({double}))")),
        1 => ternary(&below.bool, &below.double),
        1 => converted("double", &[&below.int, &below.string, &below.double]),
    ]
    .boxed()
}

fn strings(leaf: &Level, below: &Level) -> Source {
    prop_oneof![
        3 => leaf.string.clone(),
        2 => binary(&below.string, &["+"], &below.string),
        1 => ternary(&below.bool, &below.string),
        1 => converted("string", &[&below.int, &below.string, &below.bool]),
        1 => map2(&below.strings, &below.int, |list, index| format!("{list}[{index}]")),
    ]
    .boxed()
}

fn timestamps(leaf: &Level, below: &Level) -> Source {
    prop_oneof![
        3 => leaf.timestamp.clone(),
        1 => binary(&below.timestamp, &["+", "-"], &below.duration),
        1 => binary(&below.duration, &["+"], &below.timestamp),
        1 => ternary(&below.bool, &below.timestamp),
    ]
    .boxed()
}

fn durations(leaf: &Level, below: &Level) -> Source {
    prop_oneof![
        3 => leaf.duration.clone(),
        2 => binary(&below.timestamp, &["-"], &below.timestamp),
        1 => binary(&below.duration, &["+", "-"], &below.duration),
    ]
    .boxed()
}

fn logic(below: &Level) -> Source {
    prop_oneof![
        3 => binary(&below.bool, &["&&", "||"], &below.bool),
        1 => (below.bool.clone(), below.bool.clone(), below.bool.clone(), one_of(&["&&", "||"]))
            .prop_map(|(a, b, c, operator)| format!("({a} {operator} {b} {operator} {c})")),
        1 => below.bool.clone().prop_map(|term| format!("!{term}")),
        1 => ternary(&below.bool, &below.bool),
    ]
    .boxed()
}

fn comparisons(below: &Level) -> Source {
    let pairs = [
        (&below.int, &below.int),
        (&below.double, &below.double),
        (&below.int, &below.double),
        (&below.double, &below.int),
        (&below.string, &below.string),
        (&below.timestamp, &below.timestamp),
        (&below.duration, &below.duration),
        (&below.bool, &below.bool),
        (&below.dynamic, &below.int),
        (&below.string, &below.dynamic),
    ];
    let ordered = pairs.map(|(left, right)| binary(left, &COMPARISONS, right));
    let equated = [&below.strings, &below.ints].map(|lists| binary(lists, &["==", "!="], lists));
    Union::new(ordered.into_iter().chain(equated)).boxed()
}

fn membership(below: &Level) -> Source {
    Union::new([
        binary(&below.string, &["in"], &below.strings),
        binary(&below.int, &["in"], &below.ints),
        binary(
            &below.double,
            &["in"],
            &list_of(&prop_oneof![below.int.clone(), below.double.clone()].boxed()),
        ),
        binary(&below.string, &["in"], &list_of(&one_of(&LITERAL_STRINGS))),
        binary(&below.dynamic, &["in"], &list_of(&one_of(&LITERAL_STRINGS))),
        binary(&below.bool, &["in"], &list_of(&below.bool)),
    ])
    .boxed()
}

fn texts(string: &Source) -> Source {
    let pattern = one_of(&[r#"r"^go""#, r#""[a-z]+""#, r#"r"\d$""#, r#"r"caf.\s""#, r#""""#]);
    prop_oneof![
        (
            string.clone(),
            one_of(&["startsWith", "endsWith", "contains"]),
            string.clone()
        )
            .prop_map(|(text, method, part)| format!("{text}.{method}({part})")),
        map2(string, &pattern, |text, pattern| format!(
            "{text}.matches({pattern})"
        )),
        map2(string, &pattern, |text, pattern| format!(
            "matches({text}, {pattern})"
        )),
    ]
    .boxed()
}
