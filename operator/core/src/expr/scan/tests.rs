use std::time::{Duration, Instant};

use proptest::prelude::*;

use cel::common::ast::{EntryExpr, Expr};
use cel::parser::Expression as Ast;

use super::{MAX_NESTING, MAX_SOURCE_BYTES, MAX_TREE_DEPTH, scan};
use crate::expr::error::ExprErrorKind::{self, Syntax, TooLarge, Unsupported};
use crate::expr::parse::parse;
use crate::expr::{Expect, Schema, compile};

fn mistake(source: &str) -> Option<(ExprErrorKind, usize)> {
    scan(source).err().map(|error| (error.kind, error.offset))
}

#[test]
fn lets_through_what_the_grammar_reads() {
    let sources = [
        r#"user.tier in ["gold", 'platinum'] && !(user.spend90d > 200.0)"#,
        "a // a comment with ) \" ' in it\n  && b",
        r#""" == '' && """"a "quoted" text
over lines""" == x"#,
        r#"r"\d+" == R'\' && "\n\\\"\x41\u00e9\U0001F600\101" == x"#,
        "x.map(y, y + 1)[0] % 2 == 1 ? {'a': 1} : -.5e-3",
    ];
    for source in sources {
        assert_eq!(mistake(source), None, "{source}");
    }
}

#[test]
fn tells_slips_of_the_pen_in_plain_words() {
    let table = [
        ("", Syntax, 0),
        (" // nothing", Syntax, 0),
        ("a = 1", Syntax, 2),
        ("a & b", Syntax, 2),
        ("a | b", Syntax, 2),
        ("a == \u{201c}gold\u{201d}", Syntax, 5),
        ("(a", Syntax, 0),
        ("a && (b || c", Syntax, 5),
        ("a)", Syntax, 1),
        ("f(a]", Syntax, 3),
        ("\"é\" == \"gold", Syntax, 7),
        ("'a\nb'", Syntax, 0),
        (r#""""never closed""#, Syntax, 0),
        (r#""\q""#, Syntax, 1),
        (r#""\u12""#, Syntax, 1),
        ("a.`b`", Unsupported, 2),
        ("b'bytes'", Unsupported, 1),
        ("a @ b", Syntax, 2),
        ("a \u{0} b", Syntax, 2),
    ];
    for (source, kind, offset) in table {
        assert_eq!(mistake(source), Some((kind, offset)), "{source}");
    }
}

#[test]
fn bounds_what_makes_the_parser_deep() {
    let nested = |count: usize| format!("{}1{}", "(".repeat(count), ")".repeat(count));
    assert_eq!(mistake(&nested(MAX_NESTING)), None);
    assert_eq!(mistake(&nested(MAX_NESTING + 1)), Some((TooLarge, MAX_NESTING)));

    let chain = |operator: &str, count: usize| format!("a{}", format!("{operator}a").repeat(count));
    for operator in ["+", "-", "*", ".", " in ", "==", "[0]+", "?b:"] {
        assert_eq!(mistake(&chain(operator, 200)), Some((TooLarge, 0)), "{operator}");
    }
    assert_eq!(mistake(&chain("+", MAX_TREE_DEPTH - 1)), None);
    // Balanced by the parser.
    assert_eq!(mistake(&chain(" && ", 2_000)), None);
    assert_eq!(mistake(&format!("a in [{}1]", "1,".repeat(4_000))), None);
    assert_eq!(mistake(&" ".repeat(MAX_SOURCE_BYTES + 1)), Some((TooLarge, 0)));
}

/// Everything here must end, soon and without taking the process along, whatever the caller's stack is.
#[test]
fn survives_hostile_sources() {
    const MANY: usize = MAX_SOURCE_BYTES;
    let mut sources: Vec<String> = [
        "(",
        "[",
        "{",
        "!",
        "-",
        "f(",
        "a.",
        "a?",
        "a?b:",
        "a.exists(x,",
        "{1:",
        "\"",
        "'''",
        "\\",
        "[[",
        "a[",
        "1+",
        "&&",
        "||",
        ",",
        "=",
        ".",
        "\u{0}",
        "\u{1F600}",
        "r\"",
        "//",
        "\n",
    ]
    .iter()
    .map(|part| part.repeat(MANY / part.len()))
    .collect();
    for count in [MAX_NESTING, MAX_NESTING - 1] {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{1:", "}"),
            ("f(", ")"),
            ("a.all(x,", ")"),
            ("a[", "]"),
        ] {
            sources.push(format!("{}a{}", open.repeat(count), close.repeat(count)));
        }
    }
    sources.push(format!("a{}", " && a".repeat(3_000)));
    sources.push(format!("'a' in [{}'b']", "'abc',".repeat(2_000)));
    sources.push(format!("{}a", "-".repeat(80)));
    sources.push("[".repeat(16) + &"a?".repeat(40) + &"]".repeat(16));
    let survives = move || {
        for source in &sources {
            let started = Instant::now();
            let _ = compile(source, &Schema::new(), Expect::Bool);
            let took = started.elapsed();
            let start: String = source.chars().take(20).collect();
            assert!(took < Duration::from_secs(5), "{start} took {took:?}");
        }
    };
    let small = std::thread::Builder::new().stack_size(512 << 10);
    small.spawn(survives).unwrap().join().unwrap();
}

/// Levels of a tree.
fn depth(ast: &Ast) -> usize {
    let deepest = |children: &mut dyn Iterator<Item = &Ast>| children.map(depth).max().unwrap_or(0);
    let entry = |entry: &EntryExpr| match entry {
        EntryExpr::StructField(field) => depth(&field.value),
        EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
    };
    1 + match &ast.expr {
        Expr::Call(call) => deepest(&mut call.target.as_deref().into_iter().chain(&call.args)),
        Expr::Select(select) => depth(&select.operand),
        Expr::List(list) => deepest(&mut list.elements.iter()),
        Expr::Map(map) => map.entries.iter().map(|own| entry(&own.expr)).max().unwrap_or(0),
        Expr::Struct(message) => message
            .entries
            .iter()
            .map(|own| entry(&own.expr))
            .max()
            .unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any soup of tokens is either compiled or told apart; the parser neither panics nor hangs, and what it makes is
    /// no deeper than was promised before.
    #[test]
    fn survives_any_soup_of_tokens(
        tokens in prop::collection::vec(prop::sample::select(SOUP.to_vec()), 0..40),
        glue in prop::sample::select(vec!["", " "]),
    ) {
        let source = tokens.join(glue);
        let started = Instant::now();
        let _ = compile(&source, &Schema::new(), Expect::Bool);
        prop_assert!(started.elapsed() < Duration::from_secs(5));
        if let (Ok(promised), Ok(parsed)) = (scan(&source), parse(&source)) {
            prop_assert!(depth(&parsed.ast) <= promised, "{source}");
        }
    }

    /// The same for what has the shape of an expression.
    #[test]
    fn promises_a_depth_that_the_parser_keeps(
        terms in prop::collection::vec((prop::sample::select(TERMS.to_vec()), prop::sample::select(JOINS.to_vec())), 1..30),
        wraps in prop::collection::vec((prop::sample::select(WRAPS.to_vec()), 0..30_usize), 0..6),
    ) {
        let mut source = String::new();
        for (term, join) in &terms {
            source = if source.is_empty() { (*term).to_owned() } else { format!("{source} {join} {term}") };
            for ((open, close), at) in &wraps {
                if *at == source.len() % 30 {
                    source = format!("{open}{source}{close}");
                }
            }
        }
        if let Ok(promised) = scan(&source) {
            let parsed = parse(&source).map_err(|error| TestCaseError::fail(format!("{source}: {error}")))?;
            prop_assert!(depth(&parsed.ast) <= promised, "{source}");
        }
    }
}

const SOUP: [&str; 46] = [
    "a",
    "b.c",
    "1",
    "2.5",
    "'x'",
    "\"\"\"y\"\"\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "?",
    ":",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "==",
    "<",
    ">=",
    "in",
    "has(",
    "exists(",
    "map(x,",
    "true",
    "null",
    "for",
    "now",
    "0x1F",
    "7u",
    "1e5",
    "\\",
    "é",
    "\n",
    "//c\n",
    "size(",
    "duration('1h')",
    ".?",
    "\"",
];
const TERMS: [&str; 7] = ["a", "b.c.d", "!x", "-y[0]", "r'\\'", "\"\"\"\" \"\"\"", "1.5"];
const JOINS: [&str; 10] = ["&&", "||", "+", "-", "*", "==", "<", "in", "? b :", "&& c ||"];
const WRAPS: [(&str, &str); 6] = [
    ("(", ")"),
    ("[", "]"),
    ("{1: ", "}"),
    ("f(1, ", ")"),
    ("a.all(x, ", ")"),
    ("!(", ")"),
];
