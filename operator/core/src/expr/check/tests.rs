use crate::expr::ExprErrorKind::{
    InvalidLiteral, InvalidRegex, Syntax, TooCostly, TypeMismatch, UnknownAttribute, UnknownFunction,
    Unsupported, ValueNotInContract, WrongResult,
};
use crate::expr::tests::{matches, schema};
use crate::expr::{Expect, ExprError, ExprErrorKind, MAX_LIST_ITEMS, MAX_STRING_BYTES, compile};
use crate::value::{SlotId, Value};

fn mistakes(source: &str) -> Vec<ExprError> {
    compile(source, &schema(), Expect::Bool).expect_err(source)
}

#[test]
fn tells_each_kind_of_mistake_where_it_is() {
    let table = [
        ("user.tier ==", Syntax, 12),
        ("user.tier and locale", Syntax, 10),
        ("\"é\" == user.tier )", Syntax, 17),
        ("for == 1", Syntax, 0),
        ("user.teir == \"gold\"", UnknownAttribute, 0),
        ("true && user.tier.x == \"gold\"", UnknownAttribute, 8),
        ("has(user.teir)", UnknownAttribute, 4),
        ("\"é\" == user.address.town", UnknownAttribute, 7),
        ("user.tier == 3", TypeMismatch, 10),
        ("user.tier > 3", TypeMismatch, 10),
        ("user.spend90d + 1 > 3.0", TypeMismatch, 14),
        ("user.interests < [\"shoes\"]", TypeMismatch, 15),
        ("user.lastSeen < \"2026-12-01T00:00:00Z\"", TypeMismatch, 14),
        ("now - user.lastSeen > 720", TypeMismatch, 20),
        ("now - \"72h\" > user.lastSeen", TypeMismatch, 4),
        ("user.tier in \"gold\"", TypeMismatch, 10),
        ("session.itemCount in [1, \"2\"]", TypeMismatch, 25),
        ("[1, \"2\"].exists(x, true)", TypeMismatch, 4),
        ("!user.tier", TypeMismatch, 1),
        ("session.returning ? 1 : \"x\"", TypeMismatch, 18),
        ("user.tier && true", TypeMismatch, 0),
        ("user.interests.exists(x, x)", TypeMismatch, 25),
        ("user.tier.exists(x, true)", TypeMismatch, 0),
        ("size(user.tier, 2) == 2", TypeMismatch, 0),
        ("user.tier.getHours() == 2", TypeMismatch, 0),
        ("(now - now).getFullYear() == 2", TypeMismatch, 5),
        ("user.interests.exists(x, x.length > 2)", TypeMismatch, 25),
        ("string(1.5) == locale", TypeMismatch, 7),
        ("user.tier.lower() == \"gold\"", UnknownFunction, 10),
        ("startWith(user.tier, \"g\")", UnknownFunction, 0),
        ("startsWith(user.tier, \"g\")", UnknownFunction, 0),
        ("user.tier.has(locale)", UnknownFunction, 10),
        ("user.tier == \"golden\"", ValueNotInContract, 13),
        ("user.tier != \"golden\"", ValueNotInContract, 13),
        ("\"golden\" == user.tier", ValueNotInContract, 0),
        ("user.tier in [\"gold\", \"diamond\"]", ValueNotInContract, 22),
        ("\"socks\" in user.interests", ValueNotInContract, 0),
        ("user.interests == [\"shoes\", \"socks\"]", ValueNotInContract, 28),
        ("user.interests[0] == \"socks\"", ValueNotInContract, 21),
        ("user.interests.exists(x, x == \"socks\")", ValueNotInContract, 30),
        (
            "user.interests.filter(x, true).exists(y, y in [\"socks\"])",
            ValueNotInContract,
            47,
        ),
        ("duration(\"3 days\") > duration(\"1h\")", InvalidLiteral, 9),
        ("now > timestamp(\"yesterday\")", InvalidLiteral, 16),
        ("now.getHours(\"Europe/Atlantis\") == 1", InvalidLiteral, 13),
        ("session.itemCount == 9223372036854775808", InvalidLiteral, 21),
        ("locale.matches(\"(\")", InvalidRegex, 15),
        ("locale.matches(\"(a{1000}){1000}\")", InvalidRegex, 15),
        ("locale == null", Unsupported, 10),
        ("session.itemCount == 3u", Unsupported, 21),
        ("size({\"a\": 1}) == 1", Unsupported, 5),
        ("a{b: 1} == 1", Unsupported, 1),
        ("has(locale)", Unsupported, 4),
        ("has(user.interests[0])", Unsupported, 4),
        (".user.tier == \"gold\"", Unsupported, 1),
        ("locale.matches(user.tier)", Unsupported, 15),
        ("duration(locale) > duration(\"1h\")", Unsupported, 9),
        ("now.getHours(locale) == 1", Unsupported, 13),
        ("user.interests.exists(user, true)", Unsupported, 22),
        ("user.interests.exists(now, true)", Unsupported, 22),
        ("user.interests.exists(1, true)", Unsupported, 22),
        ("type(locale) == locale", Unsupported, 0),
        ("user.?tier == \"gold\"", Unsupported, 4),
        (
            "session.tags.all(x, user.interests.all(y, session.tags.all(z, x == z)))",
            TooCostly,
            0,
        ),
        ("[\"ab\"].map(a, a + a)", WrongResult, 0),
    ];
    for (source, kind, offset) in table {
        let errors = mistakes(source);
        let told: Vec<(ExprErrorKind, usize)> =
            errors.iter().map(|error| (error.kind, error.offset)).collect();
        assert_eq!(told, [(kind, offset)], "{source}: {errors:?}");
        let message = &errors[0].message;
        assert!(message.contains(": "), "says what to do: {message}");
        assert!(
            !message.starts_with(char::is_uppercase) && !message.contains("<EOF>"),
            "house style: {message}"
        );
    }
}

#[test]
fn bounds_strings_that_double() {
    let source = format!("size([\"ab\"]{}[0]) > 0", ".map(a, a + a)".repeat(20));
    assert!(matches(&source).is_ok());
    let source = format!("size([locale]{}[0]) > 0", ".map(a, a + a)".repeat(30));
    assert_eq!(mistakes(&source)[0].kind, TooCostly);
}

#[test]
fn two_nested_macros_over_full_lists_are_within_the_bound_and_end_soon() {
    let source = "session.tags.all(x, !user.interests.exists(y, x == y && size(x) > 2))";
    let program = compile(source, &schema(), Expect::Bool)
        .unwrap()
        .link(|name| Some(SlotId(u16::from(name == "user.interests"))));
    let full = |letter: &str| {
        let entry = letter.repeat(MAX_STRING_BYTES);
        Some(Value::List(vec![Value::String(entry.into()); MAX_LIST_ITEMS]))
    };
    let started = std::time::Instant::now();
    let now = "2026-12-01T00:00:00Z".parse().unwrap();
    assert_eq!(program.unwrap().matches(&[full("a"), full("b")], now), Ok(true));
    // Without optimization and beside other tests; optimized it is some milliseconds.
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn tells_several_mistakes_at_once_in_their_order() {
    let errors = mistakes(r#"user.teir == "gold" || user.tier == "golden" || user.spend90d > "x" || foo(1)"#);
    let kinds: Vec<ExprErrorKind> = errors.iter().map(|error| error.kind).collect();
    assert_eq!(
        kinds,
        [
            UnknownAttribute,
            ValueNotInContract,
            TypeMismatch,
            UnknownFunction
        ]
    );
    let many = vec!["a.b"; 50].join(" || ");
    assert_eq!(mistakes(&many).len(), 16);
}

#[test]
fn suggests_what_was_probably_meant() {
    let table = [
        ("user.teir == \"gold\"", Some("user.tier"), Some("user.teir")),
        ("user.tier == \"platinium\"", Some("platinum"), Some("user.tier")),
        ("user.tier == \"diamond\"", None, Some("user.tier")),
        ("user.tier.startWith(\"g\")", Some("startsWith"), None),
        ("noww > user.lastSeen", Some("now"), Some("noww")),
        ("something.else == 1", None, Some("something.else")),
        (
            "user.interests.exists(item, itm == \"hats\")",
            Some("item"),
            Some("itm"),
        ),
    ];
    for (source, suggestion, attribute) in table {
        let error = &mistakes(source)[0];
        assert_eq!(error.suggestion.as_deref(), suggestion, "{source}");
        assert_eq!(error.attribute.as_deref(), attribute, "{source}");
    }
    let message = &mistakes("user.tier == \"diamond\"")[0].message;
    assert_eq!(
        message,
        "`diamond` is not among the values of `user.tier`: write one of `none`, `silver`, `gold`, `platinum`"
    );
}
