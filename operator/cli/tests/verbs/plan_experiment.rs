//! `attune plan-experiment`.

use serde_json::json;

use crate::folder::Folder;

#[test]
fn plans_by_every_design() {
    let run = Folder::new().attune(&[
        "plan-experiment",
        "--baseline",
        "0.04",
        "--minimum-lift",
        "0.1",
        "--units-per-day",
        "3000",
    ]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn plans_an_experiment_as_it_is_written() {
    let folder = Folder::example(&[]);
    let planned = |options: &[&str]| {
        let base = [
            "plan-experiment",
            "-f",
            ".",
            "--experiment",
            "cart-hero",
            "-o",
            "json",
        ];
        folder.attune(&[base.as_slice(), options].concat())
    };
    let run = planned(&["--baseline", "0.1", "--units-per-day", "3000"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""), "40,000 units do not do");
    let plan = run.json();
    assert_eq!(plan["experiment"], "shop/cart-hero, repeat-purchase");
    assert_eq!(plan["method"], "continuous");
    assert_eq!(
        (&plan["minimumLift"], &plan["alpha"], &plan["power"]),
        (&json!(0.1), &json!(0.05), &json!(0.8))
    );
    assert_eq!(plan["arms"][1], json!({"name": "reminder", "weight": 50.0}));
    assert_eq!(
        (&plan["unitsAvailable"], &plan["windowDays"]),
        (&json!(40_000), &json!(7.0))
    );
    assert_eq!(plan["conclusive"], false);
    let enough = planned(&["--baseline", "0.1", "--units", "60000"]);
    assert_eq!((enough.code, &enough.json()["conclusive"]), (0, &json!(true)));
    let shorter = planned(&["--baseline", "0.1", "--units", "60000", "--units-per-day", "100"]);
    assert_eq!(
        shorter.json()["unitsAvailable"],
        9_200,
        "92 days until the schedule's end"
    );
    assert_eq!(shorter.code, 1);
}

#[test]
fn only_the_units_that_take_part_count() {
    let folder = Folder::example(&[
        ("trafficBp: 10000", "trafficBp: 5000"),
        ("fromBp: 0, toBp: 10000", "fromBp: 0, toBp: 4000"),
    ]);
    let run = folder.attune(&[
        "plan-experiment",
        "-f",
        ".",
        "--experiment",
        "cart-hero",
        "--units-per-day",
        "1000",
        "-o",
        "json",
    ]);
    assert_eq!(run.json()["unitsPerDay"], 200.0);
}

#[test]
fn says_what_would_conclude() {
    let run = Folder::example(&[]).attune(&[
        "plan-experiment",
        "-f",
        ".",
        "--experiment",
        "cart-hero",
        "--units-per-day",
        "3000",
    ]);
    assert_eq!(run.code, 1);
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn names_the_experiment_that_was_meant() {
    let folder = Folder::example(&[]);
    let ask = |options: &[&str]| folder.attune(&[&["plan-experiment", "-f", "."], options].concat());
    let run = ask(&["--experiment", "card-hero"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert_eq!(
        run.stderr,
        "attune: there is no experiment `card-hero`: did you mean `cart-hero`?\n"
    );
    let run = ask(&["--experiment", "cart-hero", "-n", "bank"]);
    assert_eq!(run.stderr, "attune: there is no experiment `cart-hero`\n");
}

#[test]
fn a_metric_without_its_resource_is_told() {
    let folder = Folder::example(&[("primary: repeat-purchase", "primary: repeat-purchases")]);
    let run = folder.attune(&["plan-experiment", "-f", ".", "--experiment", "cart-hero"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.ends_with(
            "attune: experiment `cart-hero` is judged by metric `repeat-purchases`, which is not among these resources\n"
        ),
        "{}",
        run.stderr
    );
}
