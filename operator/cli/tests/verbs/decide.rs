//! `attune decide`: the OFREP object that a decider would answer.

use serde_json::{Value, json};

use crate::folder::{AT, Folder, Run};

/// A member of tier gold who spent 300, without a cart.
const GOLD: &str =
    r#"{"targetingKey": "u1", "user": {"tier": "gold", "spend90d": 300}, "consent": ["personalization"]}"#;

fn decide(folder: &Folder, touchpoint: &str, context: &str) -> Run {
    ask(folder, "web", touchpoint, context, &[])
}

fn ask(folder: &Folder, channel: &str, touchpoint: &str, context: &str, more: &[&str]) -> Run {
    let asked = [
        "decide",
        "-f",
        ".",
        "--channel",
        channel,
        "--touchpoint",
        touchpoint,
        "--context",
        context,
    ];
    folder.attune(&[&asked[..], &AT, more].concat())
}

/// The answer at the example's touchpoint.
fn answer(folder: &Folder, context: &str) -> Value {
    let run = decide(folder, "home-hero", context);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    run.json()
}

fn reason(answer: &Value) -> (&str, &str, &str) {
    (
        answer["reason"].as_str().expect("a reason"),
        answer["metadata"]["attune.reason"]
            .as_str()
            .expect("a reason of ours"),
        answer["variant"].as_str().expect("a variant"),
    )
}

#[test]
fn a_gold_member_who_spent_300_gets_early_access_and_the_constant_line() {
    let mut answer = answer(&Folder::example(&[]), GOLD);
    let metadata = answer["metadata"].as_object_mut().expect("metadata");
    let revision = metadata.remove("attune.revision").expect("a revision");
    assert_eq!(revision.as_str().map(str::len), Some(32));
    let decision = metadata.remove("attune.decision").expect("an id");
    assert_eq!(decision.as_str().map(str::len), Some(36));
    assert_eq!(
        answer,
        json!({
            "key": "home-hero", "reason": "TARGETING_MATCH", "variant": "hero/loyal",
            "value": {"headline": "Early access for you", "cta": "See it first", "legal": "Offers while stocks last."},
            "metadata": {
                "attune.reason": "TARGETED", "attune.program": "spring-retention",
                "attune.binding": "retention-home-hero", "attune.audience": "loyal-high-value",
                "attune.holdout": "always-baseline", "attune.held": false,
            },
        })
    );
}

#[test]
fn without_consent_everybody_gets_the_baseline() {
    let folder = Folder::example(&[]);
    for consent in [
        "",
        r#", "consent": []"#,
        r#", "consent": {"personalization": "Denied"}"#,
        r#", "consent": 7"#,
    ] {
        let context =
            format!(r#"{{"targetingKey": "u1", "user": {{"tier": "gold", "spend90d": 300}}{consent}}}"#);
        let answer = answer(&folder, &context);
        assert_eq!(
            reason(&answer),
            ("STATIC", "NO_CONSENT", "hero/everyone"),
            "{context}"
        );
        assert_eq!(
            answer["value"],
            json!({"headline": "Welcome", "cta": "Shop now", "legal": "Offers while stocks last."})
        );
        assert!(answer["metadata"].get("attune.program").is_none(), "{answer:#}");
    }
}

#[test]
fn suspending_the_module_the_program_the_channel_or_the_binding_serves_the_baseline() {
    let specs = [
        "kind: ContentModule\nmetadata: {name: hero, namespace: shop}\nspec:\n",
        "kind: Program\nmetadata: {name: spring-retention, namespace: shop}\nspec:\n",
        "kind: Channel\nmetadata: {name: web, namespace: shop}\nspec:\n",
        "kind: ChannelBinding\nmetadata: {name: retention-home-hero, namespace: shop}\nspec:\n",
    ];
    for spec in specs {
        let folder = Folder::example(&[(spec, &format!("{spec}  suspend: true\n"))]);
        let answer = answer(&folder, GOLD);
        assert_eq!(
            reason(&answer),
            ("STATIC", "SUSPENDED", "hero/everyone"),
            "{spec}"
        );
    }
}

#[test]
fn other_people_get_what_is_theirs() {
    let folder = Folder::example(&[]);
    let table = [
        (
            r#""user": {"tier": "silver", "spend90d": 300}"#,
            "NOT_ELIGIBLE",
            "hero/everyone",
        ),
        (r#""user": {"tier": "gold"}"#, "NOT_ELIGIBLE", "hero/everyone"),
        (
            r#""user": {"lastSeen": "2026-10-01T00:00:00Z"}"#,
            "TARGETED",
            "hero/lapsed",
        ),
        (
            r#""user.lastSeen": "2026-10-01T00:00:00Z""#,
            "TARGETED",
            "hero/lapsed",
        ),
        (
            r#""user": {"lastSeen": "2026-11-30T00:00:00Z"}"#,
            "NOT_ELIGIBLE",
            "hero/everyone",
        ),
        (
            r#""session": {"cartValue": 50, "itemCount": 1}"#,
            "EXPERIMENT",
            "hero/cart",
        ),
    ];
    for (attributes, expected, variant) in table {
        let context = format!(r#"{{"targetingKey": "u1", {attributes}, "consent": ["personalization"]}}"#);
        let answer = answer(&folder, &context);
        assert_eq!(
            (reason(&answer).1, reason(&answer).2),
            (expected, variant),
            "{context}"
        );
    }
    let nobody = answer(&folder, &GOLD.replace(r#""targetingKey": "u1", "#, ""));
    assert_eq!(reason(&nobody).1, "NO_UNIT");
    let device = answer(
        &folder,
        &GOLD.replace(r#""targetingKey": "u1""#, r#""device": {"id": "d1"}"#),
    );
    assert_eq!(reason(&device).2, "hero/loyal", "the fallback is a unit too");
}

#[test]
fn speaks_the_locale_of_the_visitor() {
    let folder = Folder::example(&[]);
    let cart = r#"{"targetingKey": "u1", "session": {"cartValue": 80, "itemCount": 2}, "consent": ["personalization"]"#;
    for locale in ["de", "de-AT", "DE"] {
        let answer = answer(&folder, &format!(r#"{cart}, "locale": "{locale}"}}"#));
        assert_eq!(answer["variant"], "hero/cart-de", "{locale}");
        assert_eq!(
            answer["value"],
            json!({"headline": "Ihr Warenkorb wartet", "cta": "Zur Kasse", "legal": "Solange der Vorrat reicht."})
        );
    }
    let french = answer(&folder, &format!(r#"{cart}, "locale": "fr"}}"#));
    assert_eq!(
        french["variant"], "hero/cart",
        "the first locale serves the others"
    );
}

#[test]
fn every_channel_has_its_own_touchpoints_and_rules() {
    let folder = Folder::example(&[]);
    let at = ["--at", "2026-12-01T12:00:00Z"];
    let asked = [
        "decide",
        "-f",
        ".",
        "--channel",
        "email",
        "--touchpoint",
        "newsletter",
        "--context",
        GOLD,
    ];
    let day = folder.attune(&[&asked[..], &at].concat()).json();
    assert_eq!(reason(&day), ("TARGETING_MATCH", "TARGETED", "hero/loyal"));
    let night = ask(&folder, "email", "newsletter", GOLD, &[]).json();
    assert_eq!(reason(&night).1, "QUIET_HOURS", "midnight UTC is 01:00 in Berlin");
    let elsewhere = ask(&folder, "email", "home-hero", GOLD, &[]);
    assert_eq!(
        (elsewhere.code, &elsewhere.json()["errorCode"]),
        (1, &json!("FLAG_NOT_FOUND"))
    );
}

#[test]
fn decides_at_the_instant_that_it_is_given() {
    let folder = Folder::example(&[]);
    let lapsed = r#"{"targetingKey": "u1", "user": {"lastSeen": "2026-10-01T00:00:00Z"}, "consent": ["personalization"]}"#;
    let asked = [
        "decide",
        "-f",
        ".",
        "--channel",
        "web",
        "--touchpoint",
        "home-hero",
        "--context",
        lapsed,
    ];
    let at = |instant| folder.attune(&[&asked[..], &["--at", instant]].concat()).json();
    assert_eq!(reason(&at("2026-12-01T00:00:00Z")).2, "hero/lapsed");
    assert_eq!(
        reason(&at("2026-10-30T00:00:00Z")).2,
        "hero/everyone",
        "not a month yet"
    );
    assert_eq!(at("2027-06-29T23:59:59Z")["variant"], "hero/lapsed");
    assert_ne!(
        at("2027-06-30T00:00:00Z")["variant"],
        "hero/lapsed",
        "the variant has expired"
    );
}

#[test]
fn half_a_character_or_a_number_out_of_range_is_a_wrong_type() {
    let folder = Folder::example(&[]);
    for value in [r#""gold\ud83d""#, "1e309"] {
        let context = GOLD.replace(r#""gold""#, value);
        assert_ne!(context, GOLD);
        let without = GOLD.replace(r#""gold""#, "null");
        assert_eq!(
            reason(&answer(&folder, &context)),
            reason(&answer(&folder, &without)),
            "{value}"
        );
    }
}

#[test]
fn a_failure_is_1_and_ofreps_object() {
    let folder = Folder::example(&[]);
    let table = [
        (
            "home-hreo",
            GOLD,
            "FLAG_NOT_FOUND",
            "touchpoint `home-hreo` is not declared by channel `web`; it declares `home-hero`",
        ),
        (
            "home-hero",
            "{",
            "PARSE_ERROR",
            "the body is not JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            "home-hero",
            "",
            "PARSE_ERROR",
            "the body is not JSON: EOF while parsing a value at line 1 column 0",
        ),
        (
            "home-hero",
            "{} {}",
            "PARSE_ERROR",
            "the body is not JSON: trailing characters at line 1 column 4",
        ),
        (
            "home-hero",
            "[]",
            "INVALID_CONTEXT",
            "`context` must be an object; send {\"context\": {\"targetingKey\": \"...\"}}",
        ),
        (
            "home-hero",
            "null",
            "INVALID_CONTEXT",
            "`context` must be an object; send {\"context\": {\"targetingKey\": \"...\"}}",
        ),
        (
            "home-hero",
            r#"{"targetingKey": 5}"#,
            "INVALID_CONTEXT",
            "`context.targetingKey` must be a string of whole characters; send the unit's id in quotes",
        ),
        (
            "home-hero",
            r#"{"targetingKey": ["u1"]}"#,
            "INVALID_CONTEXT",
            "`context.targetingKey` must be a string of whole characters; send the unit's id in quotes",
        ),
        (
            "home-hero",
            r#"{"targetingKey": "u\ud83d"}"#,
            "INVALID_CONTEXT",
            "`context.targetingKey` must be a string of whole characters; send the unit's id in quotes",
        ),
    ];
    for (touchpoint, context, code, details) in table {
        let run = decide(&folder, touchpoint, context);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{context}");
        assert_eq!(
            run.json(),
            json!({"key": touchpoint, "errorCode": code, "errorDetails": details})
        );
        let text = ask(&folder, "web", touchpoint, context, &["-o", "text"]);
        assert_eq!((text.code, text.stdout), (1, format!("{code}: {details}\n")));
    }
}

#[test]
fn text_is_for_reading() {
    let run = ask(&Folder::example(&[]), "web", "home-hero", GOLD, &["-o", "text"]);
    let (facts, ids): (Vec<&str>, Vec<&str>) = run
        .stdout
        .lines()
        .partition(|line| !line.contains("[revision]") && !line.contains("[decision]"));
    assert_eq!((run.code, ids.len()), (0, 2));
    assert_eq!(
        facts,
        [
            "home-hero: hero/loyal (TARGETED)",
            "  cta: See it first",
            "  headline: Early access for you",
            "  legal: Offers while stocks last.",
            "  [program] spring-retention",
            "  [binding] retention-home-hero",
            "  [audience] loyal-high-value",
            "  [holdout] always-baseline (not held)",
        ]
    );
}

#[test]
fn a_channel_that_is_not_there_is_2_and_names_those_that_are() {
    let run = ask(&Folder::example(&[]), "wbe", "home-hero", GOLD, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert_eq!(
        run.stderr,
        "attune: no channel `wbe` can be served; there are: shop/email, shop/web\n"
    );
    let run = Folder::new().with("a.yaml", "").attune(&[
        "decide",
        "-f",
        ".",
        "--channel",
        "web",
        "--touchpoint",
        "x",
        "--context",
        "{}",
    ]);
    assert_eq!(
        run.stderr,
        "attune: no channel `web` can be served; there are none\n"
    );
}

#[test]
fn the_namespace_says_which_of_two_channels() {
    let other = crate::folder::edited(&[
        ("namespace: shop", "namespace: bank"),
        ("Early access for you", "From the bank"),
    ]);
    let other = other
        .split("---\n")
        .filter(|document| !document.contains("GovernancePolicy"))
        .collect::<Vec<_>>()
        .join("---\n");
    let folder = Folder::example(&[]).with("bank.yaml", other);
    let run = ask(&folder, "web", "home-hero", GOLD, &[]);
    assert_eq!(run.code, 2);
    assert_eq!(
        run.stderr,
        "attune: channel `web` is in several namespaces: say which by --namespace\n"
    );
    let headline = |namespace| {
        ask(&folder, "web", "home-hero", GOLD, &["-n", namespace]).json()["value"]["headline"].clone()
    };
    assert_eq!(
        (headline("bank"), headline("shop")),
        (json!("From the bank"), json!("Early access for you"))
    );
    assert_eq!(
        ask(&folder, "web", "home-hero", GOLD, &["-n", "default"]).code,
        2,
        "it has no channel"
    );
}

#[test]
fn goes_on_with_what_is_sound_and_says_so() {
    let folder = Folder::example(&[("direction: Decrease", "direction: Sideways")]);
    let run = decide(&folder, "home-hero", GOLD);
    assert_eq!((run.code, &run.json()["variant"]), (0, &json!("hero/loyal")));
    assert_eq!(
        run.stderr,
        "attune: 1 error, see `attune lint`; this goes on with what is sound\n"
    );
}
