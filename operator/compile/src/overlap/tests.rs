use std::collections::BTreeMap;

use attune_api::Kind;
use attune_core::expr::{self, Attribute, Expect, Expression, Schema};
use attune_core::value::AttributeType;
use attune_testkit::Strategy;
use serde_json::json;

use super::near::near;
use super::reach::{Reach, Why};
use super::{Forms, Relation, relation};
use crate::attributes::{Attributes, Declared};
use crate::kept::Kept;
use crate::report::Report;
use crate::strategy::Portfolio;
use crate::tests::snapshot;

mod properties;

const ATTRIBUTES: [(&str, AttributeType); 6] = [
    ("user.tier", AttributeType::String),
    ("user.spend", AttributeType::Double),
    ("user.orders", AttributeType::Int),
    ("user.member", AttributeType::Bool),
    ("user.seen", AttributeType::Timestamp),
    ("user.tags", AttributeType::StringList),
];

pub(super) fn attributes() -> Attributes {
    let mut attributes = Attributes::default();
    for (name, ty) in ATTRIBUTES {
        attributes.schema.declare(Attribute {
            name: name.into(),
            ty,
            values: vec![],
        });
        let attribute = attune_core::bundle::Attribute {
            ty,
            values: vec![],
            purpose: "service".into(),
            sensitive: false,
        };
        let contract = "c".to_owned();
        attributes
            .by_name
            .insert(name.into(), Declared { contract, attribute });
    }
    attributes
}

pub(super) fn expression(source: &str, schema: &Schema) -> Expression {
    expr::compile(source, schema, Expect::Bool).unwrap_or_else(|errors| panic!("{source}: {errors:?}"))
}

/// The forms of some expressions, by name.
fn forms(sources: &[(&str, &str)]) -> Forms {
    let attributes = attributes();
    let expressions: BTreeMap<&str, Expression> = sources
        .iter()
        .map(|(name, source)| (*name, expression(source, &attributes.schema)))
        .collect();
    Forms::of(
        expressions.iter().map(|(name, expression)| (*name, expression)),
        &attributes,
    )
}

fn related(one: &str, other: &str) -> Relation {
    forms(&[("one", one), ("other", other)]).relation("one", "other")
}

#[test]
fn knows_equal_rules_however_they_are_written() {
    for (one, other) in [
        (
            r#"user.tier == "gold" || user.tier == "platinum""#,
            r#"user.tier in ["platinum", "gold"]"#,
        ),
        (
            r#"!(user.tier in ["gold"])"#,
            r#"has(user.tier) && user.tier != "gold""#,
        ),
        ("user.orders > 0", "user.orders >= 1"),
        ("user.orders > 0 && user.orders < 2", "user.orders == 1"),
        ("!(user.spend < 10.0)", "user.spend >= 10"),
        (
            "has(user.seen) && now - user.seen > duration(\"720h\")",
            "now - user.seen > duration(\"720h\")",
        ),
        (
            "user.seen < now - duration(\"720h\")",
            "now - duration(\"720h\") > user.seen",
        ),
        (
            "user.member ? user.orders > 3 : user.orders > 5",
            "(user.member && user.orders > 3) || (!user.member && user.orders > 5)",
        ),
        ("user.member == true", "user.member"),
        ("user.orders < 3 || user.orders >= 3", "has(user.orders)"),
        (
            "user.tags.exists(t, t == \"shoes\")",
            "user.tags.exists(x, x == \"shoes\")",
        ),
        (
            "user.spend > 1.0 && (user.member || user.orders > 2)",
            "(user.orders > 2 || user.member) && user.spend > 1.0",
        ),
    ] {
        assert_eq!(related(one, other), Relation::Equal, "{one}  //  {other}");
    }
}

#[test]
fn knows_which_lies_inside_of_which() {
    for (inner, outer) in [
        (r#"user.tier == "gold""#, r#"user.tier in ["gold", "platinum"]"#),
        ("user.spend > 200.0", "user.spend > 100.0"),
        ("user.spend > 200.0 && user.member", "user.spend > 100.0"),
        (
            "now - user.seen > duration(\"720h\")",
            "now - user.seen > duration(\"24h\")",
        ),
        ("user.seen < now - duration(\"720h\")", "has(user.seen)"),
        ("size(user.tags) > 3", "size(user.tags) > 1"),
        (
            "user.orders > 3 && user.orders < 9",
            "user.orders > 2 && user.orders <= 8 || user.orders > 100",
        ),
        (
            "user.tags.exists(t, t == \"shoes\") && user.member",
            "has(user.tags)",
        ),
        (
            r#"user.tier == "gold" && user.orders > 0"#,
            r#"user.tier != "none" && (user.orders > 0 || user.member)"#,
        ),
    ] {
        assert_eq!(related(inner, outer), Relation::Inside, "{inner}  //  {outer}");
        assert_eq!(related(outer, inner), Relation::Around, "{outer}  //  {inner}");
    }
}

#[test]
fn a_box_may_be_covered_by_several() {
    let apart = "user.spend < 10.0 || user.spend >= 10.0 && user.member || user.spend >= 5.0 && !user.member";
    assert_eq!(
        related("has(user.spend) && has(user.member)", apart),
        Relation::Inside
    );
}

#[test]
fn knows_who_is_in_both_and_who_cannot_be() {
    assert_eq!(
        related(r#"user.tier == "gold""#, r#"user.tier == "silver""#),
        Relation::Apart
    );
    assert_eq!(
        related("user.spend > 100.0", "user.spend < 100.0 && user.member"),
        Relation::Apart
    );
    assert_eq!(related("user.orders > 1", "user.orders < 2"), Relation::Apart);
    assert_eq!(
        related("!has(user.tier)", r#"user.tier != "gold""#),
        Relation::Apart
    );
    assert_eq!(related("user.member", "!user.member"), Relation::Apart);
    assert_eq!(
        related("user.spend > 100.0", "user.spend < 200.0"),
        Relation::Overlapping
    );
    assert_eq!(
        related("user.member", r#"user.tier.startsWith("g")"#),
        Relation::CannotTell
    );
    assert_eq!(
        related(r#"user.tier.startsWith("g")"#, r#"user.tier.startsWith("go")"#),
        Relation::CannotTell
    );
}

#[test]
fn a_missing_attribute_is_neither_true_nor_false() {
    assert_eq!(
        related("user.spend > 5.0", "!(user.spend <= 5.0)"),
        Relation::Equal
    );
    // Without `user.orders`, the first still holds for a member; its negation never does.
    assert_eq!(
        related("user.member || user.orders > 1", "user.member"),
        Relation::Around
    );
    assert_eq!(
        related(
            "!(user.member || user.orders > 1)",
            "!user.member && has(user.orders)"
        ),
        Relation::Inside
    );
}

#[test]
fn knows_what_is_always_and_what_is_never_true() {
    let form = |source: &str| forms(&[("it", source)]).by_name.remove("it").unwrap();
    for never in [
        "false",
        "1 > 2",
        r#"user.tier == "gold" && user.tier == "silver""#,
        "user.orders > 3 && user.orders < 4",
        "!has(user.spend) && user.spend > 1.0",
        "user.member && !user.member",
        "user.tier in []",
        "has(user.seen) && !has(user.seen)",
        "!has(user.tags) && \"x\" in user.tags",
    ] {
        assert!(form(never).is_never(), "{never}");
    }
    for always in [
        "true",
        "has(user.spend) || !has(user.spend)",
        "1.5 <= 2.0",
        "!(1 == 2)",
    ] {
        assert!(form(always).is_always(), "{always}");
    }
    for sometimes in [
        "user.spend > 1.0 || user.spend <= 1.0",
        "user.member",
        "user.tier.matches(\"g.*\")",
    ] {
        assert!(
            !form(sometimes).is_never() && !form(sometimes).is_always(),
            "{sometimes}"
        );
    }
}

#[test]
fn what_would_be_too_large_cannot_be_told() {
    let pairs: Vec<_> = (0..12)
        .map(|number| format!("(user.tier.startsWith(\"a{number}\") || user.tier.endsWith(\"b{number}\"))"))
        .collect();
    let wide = pairs.join(" && ");
    assert_eq!(related(&wide, "user.member"), Relation::CannotTell);
    let long: Vec<_> = (0..300)
        .map(|number| format!("user.tier.startsWith(\"{number}\")"))
        .collect();
    assert_eq!(related(&long.join(" || "), "user.member"), Relation::CannotTell);
}

#[test]
fn finds_equal_and_near_audiences_by_look_up() {
    let forms = forms(&[
        ("gold", r#"user.tier == "gold""#),
        ("golden", r#"user.tier in ["gold"]"#),
        ("gold-big", r#"user.tier == "gold" && user.spend > 100.0"#),
        ("gold-huge", r#"user.spend > 500.0 && user.tier == "gold""#),
        ("gold-vast", r#"user.tier == "gold" && user.spend > 900.0"#),
        ("silver-big", r#"user.tier == "silver" && user.spend > 100.0"#),
        ("nobody", "false"),
        ("either", r#"user.member || user.tier == "gold""#),
    ]);
    let near = near(&forms);
    assert_eq!(near.equal, [vec!["gold", "golden"]]);
    let nested = near.nested.iter();
    let nested: Vec<_> = nested
        .map(|(inner, outer)| (inner.as_str(), outer.as_str()))
        .collect();
    assert_eq!(
        nested,
        [
            ("gold-big", "gold"),
            ("gold-huge", "gold"),
            ("gold-huge", "gold-big"),
            ("gold-vast", "gold"),
            ("gold-vast", "gold-huge"),
        ]
    );
}

#[test]
fn near_audiences_cost_as_many_look_ups_as_there_are_tests() {
    let sources: Vec<(String, String)> = (0..1000)
        .map(|number| {
            (
                format!("a{number:04}"),
                format!("user.spend > {number}.0 && user.tier == \"gold\""),
            )
        })
        .collect();
    let sources: Vec<_> = sources
        .iter()
        .map(|(name, source)| (name.as_str(), source.as_str()))
        .collect();
    let forms = forms(&sources);
    assert_eq!(
        near(&forms).nested.len(),
        999,
        "a chain has as many pairs as links"
    );
}

/// The reach of the candidates of the example's home page after a change.
fn reached(change: impl FnOnce(&mut serde_json::Value)) -> Vec<Reach> {
    let strategy = Strategy::example().change(Kind::ChannelBinding, "retention-home-hero", change);
    let snapshot = snapshot(&strategy);
    let mut report = Report::default();
    let attributes = crate::attributes::gather(&snapshot, &mut report);
    let rules = crate::rules::check(&snapshot, &attributes, &mut report);
    let portfolio = Portfolio::of(&snapshot, &rules, &attributes, &mut Kept::default());
    portfolio.reach["retention-home-hero"].to_vec()
}

fn candidates(list: serde_json::Value) -> Vec<Option<Why>> {
    reached(|spec| spec["candidates"] = list)
        .into_iter()
        .map(|reach| reach.nobody)
        .collect()
}

#[test]
fn whoever_stands_behind_a_wider_audience_is_not_reached() {
    let hero = |rest: serde_json::Value| {
        let mut candidate = json!({"moduleRef": {"name": "hero"}});
        candidate
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        candidate
    };
    assert_eq!(reached(|_| {}), [Reach::default(), Reach::default()]);
    let lapsed = || hero(json!({"audiences": ["lapsed"]}));
    assert_eq!(
        candidates(json!([lapsed(), lapsed()])),
        [None, Some(Why::Behind("lapsed".to_owned()))]
    );
    assert_eq!(
        candidates(json!([hero(json!({})), lapsed()])),
        [None, Some(Why::BehindEverybody)]
    );
    let conditional = hero(json!({"when": "session.itemCount > 0", "audiences": ["lapsed"]}));
    assert_eq!(candidates(json!([conditional.clone(), lapsed()])), [None, None]);
    assert_eq!(
        candidates(json!([conditional.clone(), conditional])),
        [None, Some(Why::BehindSeveral)]
    );
    let excluded = hero(json!({"when": "session.cartValue < 50.0", "audiences": ["cart-abandoner"]}));
    assert_eq!(candidates(json!([excluded])), [Some(Why::Excluded)]);
    let scored = hero(json!({"score": "session.cartValue", "audiences": ["lapsed"]}));
    assert_eq!(
        candidates(json!([lapsed(), scored])),
        [None, None],
        "scores change the order"
    );
}

#[test]
fn an_audience_may_be_hidden_within_its_own_candidate() {
    let found = reached(|spec| {
        spec["candidates"] =
            json!([{"moduleRef": {"name": "hero"}, "audiences": ["cart-abandoner", "lapsed"]}]);
        spec["candidates"][0]["when"] = json!("session.cartValue >= 50.0 && session.itemCount > 0");
    });
    assert_eq!(
        found[0].unreached.len(),
        1,
        "whoever meets the condition has a cart"
    );
    assert_eq!((found[0].unreached[0].place, &found[0].nobody), (1, &None));
}

#[test]
fn relations_of_forms_are_those_of_their_audiences() {
    let forms = forms(&[("a", "user.member"), ("b", "user.member && user.orders > 1")]);
    let [a, b] = ["a", "b"].map(|name| forms.by_name[name].as_ref());
    assert_eq!(relation(b, a), Relation::Inside);
    assert_eq!(forms.relation("a", "unknown"), Relation::CannotTell);
}
