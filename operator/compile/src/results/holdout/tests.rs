use attune_api::{Kind, Resource};
use attune_core::measure::holdout::HoldoutAnswer;
use attune_testkit::{AT, Strategy, instant};
use serde_json::{Value, json};

use super::{Units, render, render_program, says_the_same};

/// 5 % held, one program, revenue.
fn answer(change: impl FnOnce(&mut Value)) -> HoldoutAnswer {
    let units = json!({
        "held": 1000, "slice": 1010, "exposed": 19_000, "sliceInBaseline": 100, "contaminated": 0, "misplaced": 0,
        "unknown": 0,
    });
    let result = json!({
        "metric": "repeat-purchase", "role": "primary", "n": 2010,
        "held": {"n": 1000, "mean": 10.0}, "slice": {"n": 1010, "mean": 10.5},
        "absolute": {"estimate": 0.5, "low": 0.1, "high": 0.9, "p": 0.01},
        "relative": {"estimate": 0.05, "low": 0.01, "high": 0.09, "p": 0.01},
        "incremental": {"units": 19_000, "estimate": 9500.0, "low": 1900.0, "high": 17_100.0},
        "verdict": "Lift", "reason": "Lift", "message": "better than the held",
    });
    let scope = |program: Value| {
        let mut scope = json!({
            "units": units, "contamination": "Clean", "sliceInBaselineBp": 990.1, "results": [result],
        });
        if !program.is_null() {
            scope["program"] = program;
        }
        scope
    };
    let mut answer = json!({
        "asOf": "2026-12-01T00:00:00Z", "question": "q", "namespace": "shop", "holdout": "always-baseline",
        "from": "2026-11-01T00:00:00Z", "until": "2027-04-30T00:00:00Z", "units": units, "observedShareBp": 499.6,
        "scopes": [scope(Value::Null), scope(json!("spring-retention"))], "version": "0",
    });
    change(&mut answer);
    serde_json::from_value(answer).unwrap()
}

fn euros() -> Units {
    Units::from([("repeat-purchase".to_owned(), "EUR".to_owned())])
}

fn rendered(change: impl FnOnce(&mut Value)) -> Value {
    let Resource::Holdout(holdout) = Strategy::example().resource(Kind::Holdout, "always-baseline") else {
        panic!("no holdout")
    };
    render(&answer(change), &holdout, &euros(), &Value::Null, AT)
}

#[test]
fn shows_what_personalizing_has_brought_with_its_interval() {
    let status = rendered(|_| {});
    assert_eq!(status["observedBp"], 500);
    assert_eq!(status["lift"][0]["program"], Value::Null);
    assert_eq!(status["lift"][1]["program"], "spring-retention");
    let lift = &status["lift"][1];
    assert_eq!(lift["percent"], "+5.0% [+1.0%, +9.0%]");
    assert_eq!(lift["incremental"]["text"], "+9,500 EUR [+1,900, +17,100]");
    assert_eq!(lift["sliceInBaselineBp"], 990);
    assert_eq!(status["conditions"][0]["reason"], "Intact");
}

#[test]
fn shows_a_program_its_own_lift() {
    let status = render_program(&answer(|_| {}), "spring-retention", &euros()).unwrap();
    assert_eq!(status["lift"]["verdict"], "Lift");
    assert_eq!(status["lift"]["heldUnits"], 1000);
    assert_eq!(render_program(&answer(|_| {}), "another", &euros()), None);
}

#[test]
fn withholds_and_says_so_where_held_units_were_personalized() {
    let status = rendered(|answer| {
        for scope in answer["scopes"].as_array_mut().unwrap() {
            scope["units"]["contaminated"] = json!(12);
            scope["contamination"] = json!("Refused");
            let result = scope["results"][0].as_object_mut().unwrap();
            for figure in ["absolute", "relative", "incremental"] {
                result.remove(figure);
            }
            result.insert("verdict".to_owned(), json!("Invalid"));
        }
    });
    assert_eq!(status["conditions"][0]["reason"], "Contaminated");
    assert!(
        status["conditions"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("12 of 1000 held units")
    );
    assert_eq!(status["lift"][0]["incremental"], Value::Null);
    assert_eq!(status["lift"][0]["verdict"], "Invalid");
}

#[test]
fn names_the_program_whose_held_units_were_personalized_and_units_of_another_split() {
    let message = |field: &str| {
        let status = rendered(|answer| {
            let scope = &mut answer["scopes"][1];
            scope["contamination"] = json!("Refused");
            scope["units"][field] = json!(30);
        });
        status["conditions"][0]["message"].as_str().unwrap().to_owned()
    };
    let personalized = message("contaminated");
    let expected = "30 of 1000 held units of program `spring-retention` were personalized, more than 1 %";
    assert!(personalized.starts_with(expected), "{personalized}");
    let elsewhere = message("misplaced");
    assert!(
        elsewhere.starts_with("30 units of program `spring-retention` were held by another salt"),
        "{elsewhere}"
    );
}

#[test]
fn another_time_alone_is_no_news() {
    let (one, later) = (
        rendered(|_| {}),
        rendered(|answer| answer["asOf"] = json!(instant("2026-12-01T01:00:00Z").to_string())),
    );
    assert!(says_the_same(Kind::Holdout, &one, &later));
    let more = rendered(|answer| answer["scopes"][0]["results"][0]["held"]["n"] = json!(1001));
    assert!(!says_the_same(Kind::Holdout, &one, &more));
}

#[test]
fn knows_nothing_before_anybody_was_held() {
    let status = rendered(|answer| answer["units"]["held"] = json!(0));
    assert_eq!(status["conditions"][0]["status"], "Unknown");
}
