//! Who is held out and who is in which arm, against figures of another implementation.

use serde_json::{Value, json};

use crate::folder::{AT, Folder};

/// Units with their buckets: in `always-baseline` (of 10000, salt `shop-2026h2`) and in the arms of `cart-hero` (of 100,
/// salt `shop/cart-hero`).
///
/// Computed by an implementation of `MurmurHash3_x86_32` in another language, which was checked against the published
/// values of "hello" (0x248bfa47) and "hello, world" (0x149bbb7f): `(hash(salt + unit) * total) >> 32`.
const UNITS: [(&str, u32, u32); 15] = [
    ("u1", 2600, 79),
    ("u2", 2819, 33),
    ("u3", 3911, 76),
    ("u4", 9961, 25),
    ("u5", 9772, 40),
    ("anna", 6169, 39),
    ("bertil", 3866, 79),
    ("customer-42", 9850, 40),
    ("0", 929, 13),
    ("8a4f1c9e-5c0f-4f0d-9a41-6f1f6d9f7c55", 7408, 35),
    ("é", 434, 28),
    ("u7", 16, 0),
    ("u17", 308, 0),
    ("u73", 396, 0),
    ("u122", 444, 0),
];

/// Below this bucket a unit is held out: `shareBp: 500`.
const HELD_BELOW: u32 = 500;
/// Below this bucket a unit is in the first arm: weights 50 and 50.
const CONTROL_BELOW: u32 = 50;

fn ask(folder: &Folder, verb: &str, unit: &str, attributes: &str) -> Value {
    let context = format!(r#"{{"targetingKey": "{unit}", {attributes}, "consent": ["personalization"]}}"#);
    let asked = [
        verb,
        "-f",
        ".",
        "--channel",
        "web",
        "--touchpoint",
        "home-hero",
        "--context",
        &context,
        "-o",
        "json",
    ];
    let run = folder.attune(&[&asked[..], &AT].concat());
    assert_eq!(run.code, 0, "{}", run.stdout);
    run.json()
}

#[test]
fn places_and_arms_are_what_the_formula_says() {
    let folder = Folder::example(&[]);
    for (unit, place, arm) in UNITS {
        let answer = ask(
            &folder,
            "decide",
            unit,
            r#""session": {"cartValue": 80, "itemCount": 2}"#,
        );
        let metadata = &answer["metadata"];
        let held = place < HELD_BELOW;
        assert_eq!(
            (&metadata["attune.holdout"], &metadata["attune.held"]),
            (&json!("always-baseline"), &json!(held)),
            "{unit}"
        );
        let (reason, name, variant) = match (held, arm < CONTROL_BELOW) {
            (true, _) => ("HELD_OUT", Value::Null, "hero/everyone"),
            (false, true) => ("EXPERIMENT", json!("control"), "hero/everyone"),
            (false, false) => ("EXPERIMENT", json!("reminder"), "hero/cart"),
        };
        assert_eq!(
            (
                &metadata["attune.reason"],
                &metadata["attune.arm"],
                &answer["variant"]
            ),
            (&json!(reason), &name, &json!(variant)),
            "{unit}"
        );
        assert_eq!(
            (
                &answer["reason"],
                &metadata["attune.program"],
                &metadata["attune.audience"]
            ),
            (
                &json!("SPLIT"),
                &json!("spring-retention"),
                &json!("cart-abandoner")
            ),
            "{unit}: who is held out or in the control arm is told what would have been"
        );
    }
}

#[test]
fn the_holdout_holds_for_everything_that_the_program_would_show() {
    let folder = Folder::example(&[]);
    for (unit, place, _) in UNITS.into_iter().skip(8) {
        let answer = ask(
            &folder,
            "decide",
            unit,
            r#""user": {"tier": "gold", "spend90d": 300}"#,
        );
        let expected = if place < HELD_BELOW {
            "hero/everyone"
        } else {
            "hero/loyal"
        };
        assert_eq!(answer["variant"], expected, "{unit}");
    }
}

#[test]
fn explain_shows_the_bucket() {
    let folder = Folder::example(&[]);
    for (unit, place, _) in UNITS.into_iter().step_by(5) {
        let explained = ask(
            &folder,
            "explain",
            unit,
            r#""user": {"tier": "gold", "spend90d": 300}"#,
        );
        let steps = explained["trace"].as_array().expect("steps");
        let step = steps
            .iter()
            .find(|step| step["step"] == "holdout")
            .expect("a holdout step");
        assert!(
            step.to_string().contains(&format!("\"bucket\":{place}")),
            "{unit}: {step}"
        );
    }
}
