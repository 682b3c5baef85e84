use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

use crate::observed::Observed;
use crate::tests::{
    bundle, compile, compile_over, finding, findings, published, ruled, snapshot, stands, told,
};
use crate::{Compiled, Previous};

fn audited(strategy: &Strategy) -> String {
    stands(
        &compile(strategy),
        Kind::DataContract,
        "shopper",
        ConditionType::Audited,
    )
}

/// The example with another audit.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a patch is written where it is passed"
)]
fn with_audit(audit: Value) -> Strategy {
    Strategy::example().edit(Kind::DataContract, "shopper", json!({"audit": audit}))
}

#[test]
fn rules_build_on_audited_attributes_only() {
    assert_eq!(audited(&Strategy::example()), "True/Audited");
    let missing = with_audit(Value::Null);
    assert_eq!(
        finding(&missing),
        "error DataContract shopper spec.audit AuditMissing: nobody has audited these attributes: audit them before rules build \
         on them (policy `default`)"
    );
    assert_eq!(audited(&missing), "False/AuditMissing");
    let failed = with_audit(json!({"result": "Failed"}));
    assert!(
        finding(&failed).contains("spec.audit.result AuditFailed: the audit of 2026-11-02T09:00:00Z failed")
    );
    let ahead = with_audit(json!({"at": "2026-12-01T00:00:01Z"}));
    assert!(finding(&ahead).contains("spec.audit.at AuditInFuture: the audit is dated 2026-12-01T00:00:01Z"));
    assert_eq!(
        findings(&with_audit(json!({"at": "2026-12-01T00:00:00Z"}))),
        [""; 0]
    );
}

#[test]
fn an_audit_ages_to_the_second() {
    let aged = |max_age: &str| ruled(json!({"dataAudit": {"enforcement": "Warn", "maxAge": max_age}}));
    // The audit was made 687 hours ago.
    assert_eq!(findings(&aged("687h1s")), [""; 0]);
    assert_eq!(
        finding(&aged("687h")),
        "warning DataContract shopper spec.audit.at AuditAged: the audit of 2026-11-02T09:00:00Z is older than 687h: audit the \
         attributes again (policy `default`)"
    );
    let next = compile(&aged("687h1s")).next_change;
    assert_eq!(next.unwrap().to_string(), "2026-12-01T00:00:01Z");
}

#[test]
fn an_attribute_that_the_audit_does_not_cover_counts_as_unaudited_where_a_rule_reads_it() {
    let covers = |list: Value| with_audit(json!({"covers": list}));
    let all_in_use = json!([
        "user.tier",
        "user.spend90d",
        "user.lastSeen",
        "session.cartValue",
        "session.itemCount"
    ]);
    assert_eq!(findings(&covers(all_in_use)), [""; 0], "nobody reads the others");
    let without_one = json!([
        "user.tier",
        "user.spend90d",
        "session.cartValue",
        "session.itemCount"
    ]);
    assert_eq!(
        finding(&covers(without_one.clone())),
        "error DataContract shopper spec.attributes[2] AuditMissing: the audit does not cover `user.lastSeen`, which audience \
         `lapsed` reads: audit it, or do not read it (policy `default`)"
    );
    let before = compile(&Strategy::example());
    let changed =
        |name: &str| covers(without_one.clone()).edit(Kind::ChannelBinding, name, json!({"priority": 7}));
    let priority = |name: &str, channel: &str| {
        let compiled = compile_over(&changed(name), &published(&before));
        bundle(&compiled, channel).bindings[name].priority
    };
    assert_eq!(
        priority("retention-home-hero", "web"),
        100,
        "its second candidate is for the lapsed"
    );
    let apart = changed("retention-home-hero").change(Kind::ChannelBinding, "retention-home-hero", |spec| {
        spec["candidates"].as_array_mut().unwrap().truncate(1);
    });
    let compiled = compile_over(&apart, &published(&before));
    assert_eq!(
        bundle(&compiled, "web").bindings["retention-home-hero"].priority,
        7,
        "carts are audited"
    );
}

fn sensitive(enforcement: &str) -> Strategy {
    ruled(json!({"sensitiveAttributes": {"enforcement": enforcement}})).change(
        Kind::DataContract,
        "shopper",
        |spec| spec["attributes"][0]["sensitivity"] = "Sensitive".into(),
    )
}

#[test]
fn warns_of_sensitive_attributes_and_changes_no_bundle() {
    let told = finding(&sensitive("Warn"));
    assert_eq!(
        told,
        "warning Audience loyal-high-value spec.match SensitiveAttribute: reads `user.tier`, which contract `shopper` marks as \
         Sensitive: choose a rule that does not depend on it (policy `default`)"
    );
    assert_eq!(bundle(&compile(&sensitive("Warn")), "web").audiences.len(), 3);
}

#[test]
fn an_enforced_ban_takes_out_what_reads_it_at_once_and_also_out_of_carried_forms() {
    let compiled = compile(&sensitive("Enforce"));
    let names = |compiled: &Compiled| -> Vec<_> {
        let audiences = bundle(compiled, "web").audiences.values();
        audiences.map(|audience| audience.name.clone()).collect()
    };
    assert_eq!(names(&compiled), ["cart-abandoner", "lapsed"]);
    assert!(!bundle(&compiled, "web").attributes.contains_key("user.tier"));
    assert_eq!(
        bundle(&compiled, "email").bindings["retention-newsletter"].candidates[0]
            .audiences
            .len(),
        1
    );
    // The binding no longer compiles, so that its last form is carried, without what is banned since.
    let broken = sensitive("Enforce").without(Kind::Audience, "cart-abandoner");
    let carried = compile_over(&broken, &published(&compile(&Strategy::example())));
    assert_eq!(names(&carried), ["cart-abandoner", "lapsed"]);
    let loyal = stands(
        &compiled,
        Kind::Audience,
        "loyal-high-value",
        ConditionType::Actionable,
    );
    assert_eq!(loyal, "False/SensitiveAttribute");
    let accepted = stands(
        &compiled,
        Kind::ChannelBinding,
        "retention-home-hero",
        ConditionType::ResolvedRefs,
    );
    assert_eq!(accepted, "True/ResolvedRefs");
}

#[test]
fn a_binding_with_nobody_left_leaves_and_takes_its_holdout_with_it() {
    let only = sensitive("Enforce").change(Kind::ChannelBinding, "retention-newsletter", |spec| {
        spec["candidates"] = json!([{"moduleRef": {"name": "hero"}, "audiences": ["loyal-high-value"]}]);
    });
    let compiled = compile(&only);
    let email = bundle(&compiled, "email");
    assert!(email.bindings.is_empty() && email.programs.is_empty() && email.holdouts.is_empty());
    assert!(
        email.touchpoints["newsletter"].baseline.is_some(),
        "everybody gets the baseline"
    );
}

fn purposed(enforcement: &str) -> Strategy {
    ruled(json!({"purpose": {"enforcement": enforcement}})).change(Kind::DataContract, "shopper", |spec| {
        spec["attributes"][1]["purpose"] = "analytics".into();
    })
}

#[test]
fn attributes_are_for_their_purpose() {
    assert_eq!(
        findings(&ruled(json!({"purpose": {"enforcement": "Warn"}}))),
        [""; 0]
    );
    assert_eq!(
        finding(&purposed("Warn")),
        "warning Audience loyal-high-value spec.match PurposeMismatch: reads `user.spend90d`, which is for purpose `analytics`, \
         and program `spring-retention` is for `personalization`: choose a rule that does not depend on it, or ask people for \
         that purpose in a program of its own (policy `default`)"
    );
    let compiled = compile(&purposed("Enforce"));
    assert!(
        !bundle(&compiled, "web")
            .audiences
            .values()
            .any(|one| one.name == "loyal-high-value")
    );
    assert_eq!(bundle(&compile(&purposed("Warn")), "web").audiences.len(), 3);
}

#[test]
fn a_channel_without_consent_can_serve_a_purpose_to_nobody() {
    let strategy = ruled(json!({"purpose": {"enforcement": "Warn"}})).edit(
        Kind::Channel,
        "email",
        json!({"identity": {"consent": null}}),
    );
    let told = finding(&strategy);
    let start = "warning ChannelBinding retention-newsletter spec.channelRef.name ConsentMissing: channel `email` has no \
                 `identity.consent`";
    assert!(told.starts_with(start), "{told}");
}

#[test]
fn names_what_is_known_about_persons_and_nobody_uses() {
    let strategy = ruled(json!({"attributes": {"enforcement": "Warn"}}));
    assert_eq!(
        finding(&strategy),
        "warning DataContract shopper spec.attributes[3] UnusedAttribute: no rule uses `user.interests`, which says something \
         about persons: remove it from the contract, and do not send it (policy `default`)"
    );
    let used = strategy.change(Kind::ChannelBinding, "retention-newsletter", |spec| {
        spec["candidates"][0]["when"] = "'shoes' in user.interests".into();
    });
    assert_eq!(findings(&used), [""; 0]);
}

#[test]
fn rules_do_not_ask_for_forbidden_values() {
    let forbidding = |value: &str| {
        ruled(json!({"attributes": {"enforcement": "Warn", "forbiddenValues": {"user.tier": [value]}}}))
            .change(Kind::DataContract, "shopper", |spec| {
                spec["attributes"][3]["sensitivity"] = "None".into();
            })
    };
    assert_eq!(
        finding(&forbidding("platinum")),
        "warning Audience loyal-high-value spec.match ForbiddenValue: asks whether `user.tier` is `platinum`, which no rule may: \
         choose a rule that does not depend on it (policy `default`)"
    );
    assert_eq!(findings(&forbidding("silver")), [""; 0]);
}

#[test]
fn what_deciders_saw_otherwise_is_shown_with_the_audiences_in_danger() {
    let seen = |observed: Observed| {
        let mut snapshot = snapshot(&Strategy::example());
        snapshot.observed.insert("user.tier".to_owned(), observed);
        let compiled = crate::compile(&snapshot, &Previous::new(), AT);
        let lines: Vec<_> = crate::tests::others(&compiled).into_iter().map(told).collect();
        (
            lines,
            stands(&compiled, Kind::DataContract, "shopper", ConditionType::Observed),
        )
    };
    let good = Observed {
        requests: 10_000,
        present: 9_000,
        type_clashes: 10,
        outside_values: 10,
        ..Observed::default()
    };
    assert_eq!(seen(good), (Vec::new(), "True/Observed".to_owned()));
    let (lines, observed) = seen(Observed {
        present: 1_200,
        type_clashes: 800,
        ..good
    });
    assert_eq!(observed, "False/AttributeGaps");
    assert_eq!(
        lines,
        [
            "warning DataContract shopper spec.attributes[0] AttributeGaps: only 12 % of requests carry `user.tier`: send it, or \
             ask for less; audiences that depend on it: `loyal-high-value`",
            "warning DataContract shopper spec.attributes[0] AttributeGaps: 40 % of the values of `user.tier` are no String, and \
             count as absent: correct the source or the type; audiences that depend on it: `loyal-high-value`",
        ]
    );
    let few = Observed {
        requests: 999,
        present: 0,
        ..Observed::default()
    };
    let chance = (Vec::new(), "Unknown/Pending".to_owned());
    assert_eq!(seen(few), chance, "a handful is chance");
    assert_eq!(
        stands(
            &compile(&Strategy::example()),
            Kind::DataContract,
            "shopper",
            ConditionType::Observed
        ),
        "Unknown/Pending"
    );
}
