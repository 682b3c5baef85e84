use proptest::prelude::*;

use super::MAX_DEPTH;
use crate::expr::error::LinkError;
use crate::expr::node::Expression;
use crate::value::SlotId;

fn link(json: &str) -> Result<(), LinkError> {
    let expression: Expression = serde_json::from_str(json).unwrap();
    expression
        .link(|name| (name != "unknown").then_some(SlotId(0)))
        .map(|_| ())
}

#[test]
fn names_the_attribute_that_has_no_slot() {
    assert_eq!(
        link(r#"[{"attr": "unknown"}]"#),
        Err(LinkError::FindSlot("unknown".into()))
    );
    assert_eq!(
        link(r#"[{"has": "unknown"}]"#),
        Err(LinkError::FindSlot("unknown".into()))
    );
}

#[test]
fn refuses_operations_that_are_no_whole_expression() {
    let table = [
        (r"[]", 0),
        (r#"["not"]"#, 0),
        (r#"["now", "now"]"#, 2),
        (r#"["now", "in"]"#, 1),
        (r#"["now", {"and": 2}]"#, 1),
        (r#"["now", {"and": 4294967295}]"#, 1),
        (r#"[{"var": 0}]"#, 0),
        (r#"["bind"]"#, 0),
        (r#"["now", "bind"]"#, 2),
        // A body may not take what lies outside of it.
        (r#"["now", "now", "bind", "not", {"loop": "all"}]"#, 3),
        (
            r#"["now", "bind", {"bool": true}, {"var": 1}, "in", {"loop": "all"}]"#,
            3,
        ),
        (r#"["now", "bind", {"loop": "all"}]"#, 2),
        (r#"["now", {"loop": "all"}]"#, 1),
        (r#"["now", "bind", "now", {"loop": "mapWhere"}]"#, 3),
        (r#"["now", "bind", "now", "now", {"loop": "map"}]"#, 4),
    ];
    for (json, at) in table {
        assert_eq!(link(json), Err(LinkError::Assemble(at)), "{json}");
    }
}

#[test]
fn bounds_what_a_hostile_bundle_may_hold() {
    let deep = format!("[{{\"bool\": true}}{}]", ", \"not\"".repeat(10_000));
    assert!(matches!(
        link(&deep),
        Err(LinkError::Bound {
            what: "nested operations",
            limit: MAX_DEPTH
        })
    ));
    let long = format!("[{}\"now\"]", "\"now\", ".repeat(40_000));
    assert!(matches!(
        link(&long),
        Err(LinkError::Bound {
            what: "operations",
            ..
        })
    ));
    let nested =
        r#"{"listAttr": "l"}, "bind", "#.repeat(3) + r#"{"bool": true}"# + &r#", {"loop": "all"}"#.repeat(3);
    assert!(matches!(
        link(&format!("[{nested}]")),
        Err(LinkError::Bound { what: "steps", .. })
    ));
    let doubling = r#", "bind", {"var": 0}, {"var": 0}, {"arith": "+"}, {"loop": "map"}"#.repeat(60);
    assert!(matches!(
        link(&format!(r#"[{{"strings": ["ab"]}}{doubling}]"#)),
        Err(LinkError::Bound { .. })
    ));
    let regex = r#"[{"attr": "a"}, {"matches": "(((a{100}){100}){100}){100}"}]"#;
    assert!(matches!(link(regex), Err(LinkError::CompileRegex(_))));
    let zone = r#"["now", {"part": ["hours", "../../etc/passwd"]}]"#;
    assert!(matches!(link(zone), Err(LinkError::FindTimeZone(_))));
}

#[test]
fn refuses_numbers_and_operations_it_does_not_know() {
    for json in [
        r#"["explode"]"#,
        r#"[{"int": 5}]"#,
        r#"[{"int": "9223372036854775808"}]"#,
        r#"[{"double": "x"}]"#,
        r#"{"ops": []}"#,
    ] {
        assert!(serde_json::from_str::<Expression>(json).is_err(), "{json}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever links can be evaluated, and nothing panics on the way.
    #[test]
    fn survives_any_list_of_operations(
        ops in prop::collection::vec(
            prop::sample::select(vec![
                r#"{"bool": true}"#, r#"{"int": "-9223372036854775808"}"#, r#"{"int": "-1"}"#, r#"{"double": "NaN"}"#,
                r#"{"string": "x"}"#, r#"{"strings": ["a", "b"]}"#, r#"{"attr": "a"}"#, r#"{"listAttr": "l"}"#, r#"{"has": "a"}"#,
                r#""now""#, r#"{"var": 0}"#, r#"{"var": 1}"#, r#"{"var": 255}"#, r#""bind""#, r#"{"loop": "all"}"#, r#"{"loop": "map"}"#,
                r#"{"loop": "filter"}"#, r#"{"loop": "mapWhere"}"#, r#"{"loop": "existsOne"}"#, r#"{"and": 2}"#, r#"{"or": 0}"#,
                r#"{"list": 2}"#, r#""not""#, r#""if""#, r#"{"compare": "<"}"#, r#""in""#, r#"{"arith": "+"}"#, r#"{"arith": "/"}"#,
                r#"{"arith": "-"}"#, r#""negate""#, r#""index""#, r#""size""#, r#"{"text": "contains"}"#, r#"{"matches": "a+"}"#,
                r#"{"convert": "int"}"#, r#"{"part": ["dayOfYear", null]}"#, r#"{"timestamp": "-009999-01-02T01:59:59Z"}"#,
                r#"{"duration": "PT9223372036854775807S"}"#, r#"{"duration": "-PT9223372036854775807S"}"#,
            ]),
            1..24,
        ),
    ) {
        let expression: Expression = serde_json::from_str(&format!("[{}]", ops.join(","))).unwrap();
        if let Ok(program) = expression.link(|_| Some(SlotId(0))) {
            let _ = program.eval(&[None], jiff::Timestamp::MAX);
        }
    }
}
