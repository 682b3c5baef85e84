use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use crate::tests::{bundle, compile, condition, findings, stands};

fn two(second: Value) -> Strategy {
    Strategy::example()
        .copy(Kind::ChannelBinding, "retention-home-hero", "a-second")
        .edit(Kind::ChannelBinding, "a-second", second)
}

#[test]
fn names_the_winner_to_bindings_of_one_priority() {
    let strategy = two(json!({}));
    assert_eq!(
        findings(&strategy),
        [
            "warning ChannelBinding a-second spec.priority Conflicted: `retention-home-hero` has priority 100 at touchpoint \
             `home-hero` too: where several admit a unit, `a-second` wins, the first by name; give each a priority of its own",
            "warning ChannelBinding retention-home-hero spec.priority Conflicted: `a-second` has priority 100 at touchpoint \
             `home-hero` too: where several admit a unit, `a-second` wins, the first by name; give each a priority of its own",
        ]
    );
    let compiled = compile(&strategy);
    for name in ["a-second", "retention-home-hero"] {
        let conflicted = stands(&compiled, Kind::ChannelBinding, name, ConditionType::Conflicted);
        assert_eq!(conflicted, "True/Conflicted");
        assert!(bundle(&compiled, "web").bindings.contains_key(name), "both serve");
    }
}

#[test]
fn lets_bindings_of_other_priorities_touchpoints_or_suspended_ones_be() {
    for second in [
        json!({"priority": 99}),
        json!({"suspend": true}),
        json!({"channelRef": {"name": "email"}, "touchpoint": "newsletter", "priority": 99}),
    ] {
        let strategy = two(second.clone());
        assert_eq!(findings(&strategy), Vec::<String>::new(), "{second}");
        let compiled = compile(&strategy);
        let conflicted = stands(
            &compiled,
            Kind::ChannelBinding,
            "retention-home-hero",
            ConditionType::Conflicted,
        );
        assert_eq!(conflicted, "False/NoConflict");
    }
}

#[test]
fn keeps_the_message_short_where_many_conflict() {
    let mut strategy = Strategy::example();
    for number in 0..200 {
        strategy = strategy.copy(
            Kind::ChannelBinding,
            "retention-home-hero",
            &format!("binding-{number:03}"),
        );
    }
    let compiled = compile(&strategy);
    let conflicted = condition(
        &compiled,
        Kind::ChannelBinding,
        "retention-home-hero",
        ConditionType::Conflicted,
    );
    assert!(
        conflicted
            .message
            .contains("`binding-004`, 195 more have priority 100"),
        "{}",
        conflicted.message
    );
    assert!(conflicted.message.contains("`binding-000` wins"));
}

#[test]
fn lets_bindings_be_whose_units_are_never_the_same() {
    let two = |expression: &str| {
        Strategy::example()
            .edit(Kind::Audience, "lapsed", serde_json::json!({"match": expression}))
            .change(Kind::ChannelBinding, "retention-newsletter", |spec| {
                spec["candidates"] =
                    serde_json::json!([{"moduleRef": {"name": "hero"}, "audiences": ["lapsed"]}]);
            })
            .copy(Kind::ChannelBinding, "retention-newsletter", "second")
            .change(Kind::ChannelBinding, "second", |spec| {
                spec["candidates"][0]["audiences"] = serde_json::json!(["loyal-high-value"]);
            })
    };
    let conflicts = |strategy: &Strategy| {
        let findings = crate::tests::findings(strategy).into_iter();
        findings.filter(|line| line.contains(" Conflicted: ")).count()
    };
    assert_eq!(
        conflicts(&two(r#"user.tier == "silver""#)),
        0,
        "nobody is silver and gold"
    );
    assert_eq!(conflicts(&two("user.spend90d > 100.0")), 2);
    assert_eq!(
        conflicts(&two(r#"user.tier.startsWith("s")"#)),
        2,
        "not to be told"
    );
}
