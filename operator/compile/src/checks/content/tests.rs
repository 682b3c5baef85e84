use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::content_hash;
use crate::Compiled;
use crate::tests::{
    answer, bundle, compile, compile_over, finding, findings, published, ruled, snapshot, stands,
};

fn hero(strategy: Strategy, change: impl FnOnce(&mut Value)) -> Strategy {
    strategy.change(Kind::ContentModule, "hero", change)
}

fn tactics(enforcement: &str) -> Strategy {
    ruled(json!({"tactics": {
        "enforcement": enforcement, "prohibited": ["FalseScarcity"],
        "phrases": {"en": ["only today"], "de": ["nur heute"]},
    }}))
}

fn variants(compiled: &Compiled, channel: &str) -> Vec<String> {
    let modules = bundle(compiled, channel).modules.values();
    modules
        .flat_map(|module| &module.variants)
        .map(|one| one.name.clone())
        .collect()
}

fn complete(compiled: &Compiled) -> String {
    stands(compiled, Kind::ContentModule, "hero", ConditionType::Complete)
}

#[test]
fn a_prohibited_tactic_is_named_and_where_it_is_enforced_its_variant_leaves() {
    let with = |enforcement| {
        hero(tactics(enforcement), |spec| {
            spec["variants"][1]["tactics"] = json!(["FalseScarcity"]);
        })
    };
    assert_eq!(findings(&tactics("Enforce")), [""; 0]);
    assert_eq!(
        finding(&with("Warn")),
        "warning ContentModule hero spec.variants[1].tactics ProhibitedTactic: variant `loyal` uses the prohibited tactic \
         `FalseScarcity`: say it without (policy `default`)"
    );
    assert_eq!(
        variants(&compile(&with("Warn")), "email"),
        ["everyone", "loyal", "lapsed"]
    );
    let enforced = compile(&with("Enforce"));
    assert_eq!(variants(&enforced, "email"), ["everyone", "lapsed"]);
    assert_eq!(complete(&enforced), "False/ProhibitedTactic");
    let accepted = stands(&enforced, Kind::ContentModule, "hero", ConditionType::Accepted);
    assert_eq!(accepted, "True/Accepted");
    let loyal = json!({
        "targetingKey": "u1", "consent": ["personalization"], "user": {"tier": "gold", "spend90d": 300.0},
    });
    let said = answer(bundle(&enforced, "email"), "newsletter", &loyal);
    assert_ne!(said["variant"], "hero/loyal");
}

#[test]
fn a_phrase_gives_an_undeclared_tactic_away_in_its_locale() {
    let says = |index: usize, text: &str| {
        let text = text.to_owned();
        hero(tactics("Enforce"), move |spec| {
            spec["variants"][index]["content"]["headline"] = text.into();
        })
    };
    assert_eq!(
        finding(&says(4, "Nur heute!")),
        "error ContentModule hero spec.variants[4].content.headline ProhibitedTactic: variant `cart-de` says `nur heute`, which \
         gives a prohibited tactic away: say it without (policy `default`)"
    );
    assert_eq!(findings(&says(4, "Only today!")), [""; 0], "that is no German");
    assert_eq!(findings(&says(1, "Only todays")), [""; 0]);
    assert_eq!(findings(&says(1, "Only today")).len(), 1);
}

#[test]
fn a_phrase_leaves_carried_forms_too() {
    let base = hero(tactics("Ignore"), |spec| {
        spec["variants"][1]["content"]["headline"] = "Only today".into();
    });
    let before = compile(&base);
    assert_eq!(variants(&before, "email"), ["everyone", "loyal", "lapsed"]);
    // The words are put right, and the binding that should show them is broken: its last form has the old ones.
    let broken = hero(tactics("Enforce"), |_| {}).edit(
        Kind::ChannelBinding,
        "retention-newsletter",
        json!({"touchpoint": "gone"}),
    );
    let after = compile_over(&broken, &published(&before));
    let modules: Vec<_> = bundle(&after, "email").modules.values().collect();
    let says = |text: &str| {
        modules
            .iter()
            .any(|one| serde_json::to_string(one).unwrap().contains(text))
    };
    assert!(!says("Only today"), "{modules:#?}");
    assert!(says("New since your last visit"));
    assert_eq!(
        bundle(&after, "email").bindings.len(),
        1,
        "the rest of it serves on"
    );
}

#[test]
fn a_core_that_offends_takes_the_module_with_it() {
    let strategy = hero(tactics("Enforce"), |spec| {
        spec["core"]["legal"] = "Only today.".into();
    });
    let compiled = compile(&strategy);
    let told = finding(&strategy);
    assert!(
        told.contains("spec.core.legal ProhibitedTactic: the core says `only today`"),
        "{told}"
    );
    let web = bundle(&compiled, "web");
    assert!(web.modules.is_empty() && web.bindings.is_empty());
    assert!(
        web.touchpoints["home-hero"].baseline.is_none(),
        "callers use their own default"
    );
}

#[test]
fn haste_needs_an_end() {
    let urgent = |until: Value| {
        hero(tactics("Enforce"), |spec| {
            spec["variants"][1]["tactics"] = json!(["Countdown"]);
            spec["variants"][1]["validity"] = json!({"until": until});
        })
    };
    let open = hero(tactics("Enforce"), |spec| {
        spec["variants"][1]["tactics"] = json!(["Countdown"]);
    });
    assert_eq!(
        finding(&open),
        "error ContentModule hero spec.variants[1].tactics UrgencyUnbounded: variant `loyal` presses for haste by `Countdown` and \
         has no end: set `validity.until`, so that it is true (policy `default`)"
    );
    assert_eq!(variants(&compile(&open), "email"), ["everyone", "lapsed"]);
    assert_eq!(findings(&urgent("2027-01-15T00:00:00Z".into())), [""; 0]);
}

fn approvals(enforcement: &str, binds: bool) -> Strategy {
    ruled(json!({"approval": {"enforcement": enforcement, "bindToContent": binds}}))
}

#[test]
fn a_variant_without_approval_is_named_and_where_it_is_enforced_leaves_also_carried_forms() {
    assert_eq!(
        findings(&approvals("Enforce", false)),
        [""; 0],
        "the baseline needs none"
    );
    let withdrawn = |enforcement| {
        hero(approvals(enforcement, false), |spec| {
            spec["variants"][2].as_object_mut().unwrap().remove("approval");
        })
    };
    assert_eq!(
        finding(&withdrawn("Warn")),
        "warning ContentModule hero spec.variants[2].approval Unapproved: variant `lapsed` is not approved: read it and run \
         `attune approve` (policy `default`)"
    );
    assert_eq!(variants(&compile(&withdrawn("Warn")), "email").len(), 3);
    assert_eq!(
        variants(&compile(&withdrawn("Enforce")), "email"),
        ["everyone", "loyal"]
    );
    let broken = withdrawn("Enforce").without(Kind::Audience, "loyal-high-value");
    let carried = compile_over(&broken, &published(&compile(&approvals("Enforce", false))));
    assert!(!variants(&carried, "web").contains(&"lapsed".to_owned()));
    let warned = compile(&withdrawn("Warn"));
    let figures = &crate::tests::verdict(&warned, Kind::ContentModule, "hero").figures;
    assert_eq!(figures["variants"]["unapproved"], 1);
}

#[test]
fn an_approval_of_the_future_is_none() {
    let strategy = hero(approvals("Warn", false), |spec| {
        spec["variants"][2]["approval"]["at"] = "2026-12-02T00:00:00Z".into();
    });
    let told = finding(&strategy);
    assert!(
        told.contains("spec.variants[2].approval.at Unapproved: "),
        "{told}"
    );
    let next = compile(&strategy).next_change.unwrap();
    assert_eq!(next.to_string(), "2026-12-02T00:00:00Z");
}

/// The example with every approval bound to the words as they are.
fn bound(strategy: &Strategy) -> Strategy {
    let snapshot = snapshot(strategy);
    let module = &snapshot.modules["hero"];
    hero(strategy.clone(), |spec| {
        for (index, variant) in module.spec.variants.iter().enumerate() {
            if variant.approval.is_some() {
                spec["variants"][index]["approval"]["contentHash"] =
                    content_hash(module, variant).unwrap().into();
            }
        }
    })
}

#[test]
fn an_approval_holds_for_the_words_that_it_was_given_for() {
    let unbound = approvals("Enforce", true);
    assert_eq!(findings(&unbound).len(), 4, "none says for which words");
    let bound = bound(&unbound);
    assert_eq!(findings(&bound), [""; 0]);
    let reworded = hero(bound.clone(), |spec| {
        spec["variants"][3]["content"]["cta"] = "Finish now".into();
    });
    assert_eq!(
        finding(&reworded),
        "error ContentModule hero spec.variants[3].approval.contentHash ApprovalOutdated: the words of variant `cart` are not \
         those that content-studio approved at 2026-11-10T12:00:00Z: read them and run `attune approve` (policy `default`)"
    );
    assert!(!variants(&compile(&reworded), "web").contains(&"cart".to_owned()));
    let core = hero(bound.clone(), |spec| {
        spec["core"]["legal"] = "Other terms.".into();
    });
    assert_eq!(findings(&core).len(), 4, "the core is part of what people see");
    let elsewhere = hero(bound, |spec| {
        spec["variants"][3]["channels"] = json!(["web", "email"]);
    });
    assert_eq!(
        findings(&elsewhere),
        [""; 0],
        "where it is shown is not what was approved"
    );
}

#[test]
fn what_a_model_wrote_is_never_served_before_exactly_these_words_are_approved() {
    let none = ruled(json!({}));
    let generated = |strategy| {
        hero(strategy, |spec| {
            spec["variants"][1]["origin"] = "Generated".into();
        })
    };
    let told = finding(&generated(none.clone()));
    assert_eq!(
        told,
        "error ContentModule hero spec.variants[1].approval ApprovalOutdated: the approval of variant `loyal` does not say for \
         which words it was given: run `attune approve`; a model wrote it"
    );
    assert_eq!(
        variants(&compile(&generated(none.clone())), "email"),
        ["everyone", "lapsed"]
    );
    assert_eq!(findings(&generated(bound(&none))), [""; 0]);
    let baseline = hero(none, |spec| spec["variants"][0]["origin"] = "Generated".into());
    assert!(
        bundle(&compile(&baseline), "web").modules.is_empty(),
        "also not as the baseline"
    );
}

fn unseen(change: impl FnOnce(&mut Value)) -> Vec<String> {
    findings(&hero(ruled(json!({})), change))
}

#[test]
fn names_variants_that_nobody_can_ever_see() {
    let told = unseen(|spec| spec["variants"][4]["locales"] = json!(["fr"]));
    assert_eq!(
        told,
        [
            "warning ContentModule hero spec.variants[4] Unreachable: nobody can ever see variant `cart-de`: no channel that shows \
             it lists its locales; correct its locales or remove it"
        ]
    );
    let told = unseen(|spec| spec["variants"][3]["channels"] = json!(["email"]));
    assert!(
        told[0].contains("no candidate leads its audiences to the module"),
        "{told:#?}"
    );
    let told = unseen(|spec| {
        let twin = spec["variants"][1].clone();
        spec["variants"].as_array_mut().unwrap().push(twin);
        spec["variants"][5]["name"] = "twin".into();
    });
    assert!(
        told[0].contains("variant `twin`: a variant before it is for the same"),
        "{told:#?}"
    );
    assert_eq!(unseen(|_| {}), [""; 0]);
}

#[test]
fn what_an_arm_names_is_seen_and_a_module_that_nothing_shows_is_left_alone() {
    let strategy = hero(ruled(json!({})), |spec| {
        spec["variants"][3]["audiences"] = json!(["lapsed"]);
    })
    .without(Kind::Experiment, "cart-hero")
    .edit(
        Kind::ChannelBinding,
        "retention-home-hero",
        json!({"candidates": [
            {"moduleRef": {"name": "hero"}, "audiences": ["cart-abandoner", "loyal-high-value"]},
        ]}),
    );
    let told = finding(&strategy);
    assert!(told.contains("nobody can ever see variant `cart`"), "{told}");
    let alone = ruled(json!({})).copy(Kind::ContentModule, "hero", "draft");
    assert_eq!(findings(&alone), [""; 0]);
}
