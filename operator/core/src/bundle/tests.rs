use serde_json::{Value, json};

use super::*;
use crate::engine::{Engine, EngineError};
use crate::strategy::*;

/// A damage, and how the message about it starts.
type Case<T> = (fn(&mut T), &'static str);

/// A bundle with something in every part.
fn full() -> Plan {
    shop()
        .holdout("never", 500, window(Some(NOW), None))
        .experiment("split", |split| {
            split.exclusion = Some(Exclusion {
                salt: "shop/home:exclusion".into(),
                from_bp: 0,
                to_bp: 5_000,
            });
            split.arms = vec![
                arm("control", 1, Effect::Baseline),
                arm(
                    "module",
                    1,
                    Effect::Module {
                        module: "hero".into(),
                        forms: BTreeMap::new(),
                    },
                ),
                arm(
                    "variant",
                    1,
                    Effect::Variant {
                        module: "hero".into(),
                        forms: BTreeMap::new(),
                        variant: "gold".into(),
                    },
                ),
            ];
        })
        .open_binding(
            "scored",
            "hero",
            Some("session.cartValue > 1.5"),
            Some("session.cartValue * 2.0"),
        )
        .binding("scored", |binding| {
            binding.caps = vec![Cap {
                per: CapScope::Program,
                max: 3,
                window_seconds: 60,
            }];
            binding.stop_on = vec![StopOn {
                event: "purchase".into(),
                window_seconds: 60,
            }];
        })
        .settings(|settings| {
            settings.client_attributes = Some(vec!["session.*".into()]);
            settings.minimum_gap_seconds = Some(30);
            settings.quiet_hours = Some(QuietHours {
                from_minute: 0,
                to_minute: 60,
                time_zone: "Europe/Berlin".into(),
            });
        })
}

fn value(strategy: &Plan) -> Value {
    serde_json::to_value(&strategy.0).unwrap()
}

fn parse(json: &Value) -> Result<Engine, EngineError> {
    Engine::parse(json.to_string().as_bytes())
}

/// The same JSON with every object's members in the opposite order.
fn reversed(json: &Value) -> String {
    match json {
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .rev()
                .map(|(key, value)| format!("{} : {}", Value::from(key.as_str()), reversed(value)))
                .collect();
            format!("{{\n{}\n}}", members.join(",\n"))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(" , ")),
        scalar => scalar.to_string(),
    }
}

#[test]
fn reads_back_what_it_writes() {
    let bundle = full().0;
    let canonical = bundle.canonical().unwrap();
    let read = Bundle::parse(&canonical).unwrap();
    assert_eq!(read, bundle);
    assert_eq!(read.canonical().unwrap(), canonical);
}

#[test]
fn gives_one_revision_to_one_bundle_however_its_fields_are_ordered() {
    let bundle = full().0;
    let revision = Bundle::revision(&bundle.canonical().unwrap());
    let shuffled = reversed(&value(&full()));
    assert_ne!(shuffled.as_bytes(), bundle.canonical().unwrap());
    assert_eq!(Engine::parse(shuffled.as_bytes()).unwrap().revision(), revision);
    assert_eq!(Engine::load(bundle).unwrap().revision(), revision);
    assert!(
        revision.len() == 32 && revision.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "{revision}"
    );
}

#[test]
fn gives_another_revision_to_any_other_content() {
    let revision = |strategy: Plan| strategy.engine().revision().to_owned();
    let changed = full().module("hero", |hero| {
        hero.variants[0]
            .content
            .insert("headline".into(), json!("Welcome!"));
    });
    assert_ne!(revision(changed), revision(full()));
    assert_ne!(
        revision(full().binding("scored", |binding| binding.rollout_bp = 9_999)),
        revision(full())
    );
}

#[test]
fn pins_the_revision_of_a_known_bundle() {
    // A change of this figure moves every revision there is: it needs a reason and a line in the changelog.
    let revision = empty().engine().revision().to_owned();
    let canonical = r#"{"attributes":{},"audiences":{},"bindings":{},"channel":"web","experiments":{},"formatVersion":1,"holdouts":{},"modules":{},"namespace":"shop","programs":{},"settings":{"identity":{"consent":"consent","fallback":"device.id","locale":"locale","timeZone":"timeZone","unit":"targetingKey"},"locales":["en","de"],"metadata":"Full"},"touchpoints":{"home":{}}}"#;
    assert_eq!(
        String::from_utf8(empty().0.canonical().unwrap()).unwrap(),
        canonical
    );
    assert_eq!(revision, content_hash(canonical.as_bytes(), 32));
}

#[test]
fn ignores_unknown_fields_and_keeps_the_revision_of_whoever_wrote_them() {
    let mut newer = value(&full());
    newer["fromTheFuture"] = json!({"a": [1, 2.5, null]});
    newer["settings"]["shade"] = json!("dark");
    newer["bindings"]["scored"]["candidates"][0]["weight"] = json!(3);
    newer["experiments"]["split"]["mode"]["since"] = json!(NOW);
    let engine = parse(&newer).unwrap();
    assert_eq!(engine.bundle(), &full().0);
    let published = serde_json_canonicalizer::to_vec(&newer).unwrap();
    assert_eq!(engine.revision(), Bundle::revision(&published));
    assert_ne!(engine.revision(), full().engine().revision());
}

#[test]
fn refuses_a_newer_format_whatever_else_is_in_it() {
    let newer = json!({"formatVersion": FORMAT_VERSION + 1, "settings": "of another shape"});
    let error = parse(&newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bundle has format version 2, newer than 1: upgrade the decider before the operator"
    );
}

#[test]
fn refuses_what_is_no_bundle() {
    for bytes in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"formatVersion": 1}"#,
        r#"{"formatVersion": "1"}"#,
    ] {
        let error = Engine::parse(bytes.as_bytes()).unwrap_err();
        assert!(
            error.to_string().starts_with("the bundle is not readable: "),
            "{bytes}: {error}"
        );
    }
}

#[test]
fn refuses_names_that_lead_nowhere() {
    let cases: [Case<Bundle>; 7] = [
        (
            |bundle| bundle.programs.clear(),
            "`bindings.hero-home.program` names `retention`",
        ),
        (
            |bundle| _ = bundle.modules.remove("hero"),
            "`experiments.split.arms` names `hero`",
        ),
        (
            |bundle| _ = bundle.audiences.remove("gold"),
            "`bindings.hero-home.candidates[1]` names `gold`",
        ),
        (
            |bundle| _ = bundle.touchpoints.remove("home"),
            "`bindings.hero-home.touchpoint` names `home`",
        ),
        (
            |bundle| bundle.holdouts.clear(),
            "`programs.retention.holdouts` names `never`",
        ),
        (
            |bundle| _ = bundle.attributes.remove("user.tier"),
            "the expression of `audiences.gold` cannot be linked",
        ),
        (
            |bundle| bundle.settings.quiet_hours.as_mut().unwrap().time_zone = "Europe/Brelin".into(),
            "`settings.quietHours.timeZone` is `Europe/Brelin`",
        ),
    ];
    for (damage, message) in cases {
        let error = Engine::load(full().change(damage).0).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn refuses_arms_that_cannot_be_split() {
    let cases: [Case<Experiment>; 6] = [
        (
            |split| split.arms.clear(),
            "the weights sum to nothing or overflow",
        ),
        (
            |split| split.arms.iter_mut().for_each(|arm| arm.weight = 0),
            "the weights sum to nothing or overflow",
        ),
        (
            |split| split.arms[0].weight = u32::MAX,
            "the weights sum to nothing or overflow",
        ),
        (
            |split| split.arms[0].control = false,
            "not exactly one arm is the control",
        ),
        (
            |split| split.arms[1].control = true,
            "not exactly one arm is the control",
        ),
        (
            |split| split.mode = ExperimentMode::Promoted { arm: "winner".into() },
            "the promoted arm is none of them",
        ),
    ];
    for (damage, why) in cases {
        let error = Engine::load(full().experiment("split", damage).0).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("experiment `split` has arms that cannot be split: {why}")
        );
    }
}

#[test]
fn names_an_object_by_its_content() {
    let id = |content: Value| content_id("hero", &content).unwrap();
    assert_eq!(
        id(json!({"a": 1, "b": 2})),
        id(serde_json::from_str(r#"{"b": 2, "a": 1}"#).unwrap())
    );
    assert_ne!(id(json!({"a": 1})), id(json!({"a": 2})));
    let known = id(json!({}));
    // The first digits of SHA-256 of `{}`.
    assert_eq!(known, "hero@44136fa355b3");
}

#[test]
fn tells_when_a_binding_records_exposures() {
    let engine = full()
        .binding("scored", |binding| binding.exposure = Exposure::OnDecision)
        .engine();
    assert_eq!(engine.exposure("scored"), Some(Exposure::OnDecision));
    assert_eq!(engine.exposure("hero-home"), Some(Exposure::OnRender));
    assert_eq!(engine.exposure("nobody"), None);
}

#[test]
fn counts_live_rules() {
    assert_eq!(full().engine().live_rules(), 3);
    assert_eq!(
        full()
            .binding("hero-home", |binding| binding.suspended = true)
            .engine()
            .live_rules(),
        1
    );
    assert_eq!(
        full()
            .module("hero", |hero| hero.suspended = true)
            .engine()
            .live_rules(),
        0
    );
}
