use clap::Parser;

use super::brief::BriefError;
use super::*;
use crate::cli::PlanArgs;

/// A command of its own, so that the options are read as they are typed.
#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: PlanArgs,
}

fn args(options: &[&str]) -> PlanArgs {
    Command::parse_from(std::iter::once(&"plan").chain(options)).args
}

fn brief(options: &[&str]) -> Result<Brief, BriefError> {
    Brief::new(&args(options), None)
}

fn made(options: &[&str]) -> Planned {
    plan(&brief(options).unwrap()).unwrap()
}

/// Units of each design: fixed, planned, continuous.
fn units(planned: &Planned) -> Vec<u64> {
    let designs = planned.baselines[0].designs.iter();
    designs.map(|design| design.units.unwrap()).collect()
}

#[test]
fn a_share_needs_what_the_textbook_says_and_sequential_designs_more() {
    // 10 % against 11 %, 5 %, 80 %: 14,749 an arm by the unpooled formula.
    let planned = made(&["--baseline", "0.1", "--minimum-lift", "0.1"]);
    let [fixed, group, sequence] = units(&planned)[..] else {
        panic!()
    };
    assert!((29_490..29_510).contains(&fixed), "{fixed}");
    assert!(fixed < group && group < fixed * 11 / 10, "{group}");
    assert!(group < sequence && sequence < 2 * fixed, "{sequence}");
    let fixed = &planned.baselines[0].designs[0];
    assert_eq!(fixed.units_per_arm.iter().sum::<u64>(), fixed.units.unwrap());
}

#[test]
fn a_covariate_spares_the_share_of_units_that_it_explains() {
    let mean = [
        "--type",
        "mean",
        "--baseline",
        "20",
        "--sd",
        "60",
        "--minimum-lift",
        "0.05",
    ];
    let plain = units(&made(&mean))[0];
    let adjusted = units(&made(&[mean.as_slice(), &["--correlation", "-0.6"]].concat()))[0];
    assert!(
        (adjusted as f64 / plain as f64 - 0.64).abs() < 1e-3,
        "{plain} {adjusted}"
    );
}

#[test]
fn more_treatments_share_the_level_and_the_units() {
    let base = ["--baseline", "0.1", "--minimum-lift", "0.1", "--shares"];
    let two = made(&[base.as_slice(), &["50,50"]].concat());
    let three = made(&[base.as_slice(), &["1,1,1"]].concat());
    assert!((three.alpha_each - 0.025).abs() < 1e-12);
    let design = &three.baselines[0].designs[0];
    assert_eq!(design.units_per_arm.len(), 3);
    // Half the level costs a fifth of the units, a third arm half of them.
    let ratio = units(&three)[0] as f64 / units(&two)[0] as f64;
    assert!((1.78..1.85).contains(&ratio), "{ratio}");
}

#[test]
fn a_decrease_is_planned_from_the_smaller_share() {
    let increase = units(&made(&["--baseline", "0.1", "--minimum-lift", "0.2"]))[0];
    let decrease = units(&made(&[
        "--baseline",
        "0.1",
        "--minimum-lift",
        "0.2",
        "--decrease",
    ]))[0];
    assert!(decrease < increase, "{decrease} {increase}");
}

#[test]
fn days_and_detectable_lift_follow_from_what_comes() {
    let planned = made(&[
        "--baseline",
        "0.1",
        "--minimum-lift",
        "0.1",
        "--method",
        "fixed",
        "--units-per-day",
        "1000",
        "--units",
        "20000",
    ]);
    let fixed = &planned.baselines[0].designs[0];
    assert_eq!((fixed.chosen, fixed.days), (true, Some(30)));
    let found = fixed.detectable.unwrap();
    assert!(found.relative > 0.1 && found.relative < 0.13, "{found:?}");
    assert_eq!(planned.conclusive, Some(false));
    let enough = made(&[
        "--baseline",
        "0.1",
        "--minimum-lift",
        "0.1",
        "--method",
        "fixed",
        "--units",
        "29600",
    ]);
    assert_eq!(enough.conclusive, Some(true));
    assert_eq!(made(&["--minimum-lift", "0.1"]).conclusive, None);
}

#[test]
fn a_look_is_worthwhile_only_in_a_design_that_allows_it() {
    let planned = made(&["--baseline", "0.1", "--minimum-lift", "0.1"]);
    for design in &planned.baselines[0].designs {
        let looks = design.looks.unwrap();
        let (first, tenth, even) = (
            looks.first.unwrap(),
            looks.worthwhile.unwrap(),
            looks.even.unwrap(),
        );
        if design.method == "fixed" {
            assert!(
                first == tenth && tenth == even && design.units.unwrap() - even < 2,
                "{design:?}"
            );
        } else {
            assert!(
                first < tenth && tenth < even && Some(even) < design.units,
                "{design:?}"
            );
        }
    }
}

#[test]
fn what_cannot_be_planned_is_refused_with_its_option() {
    let table: [(&[&str], &str); 13] = [
        (
            &[],
            "`--minimum-lift` is missing: say which lift is to be found, as a share of the baseline",
        ),
        (
            &["--minimum-lift", "0"],
            "`--minimum-lift` is 0: it is a share of the baseline above 0",
        ),
        (&["--minimum-lift", "NaN"], "`--minimum-lift` is NaN: "),
        (
            &["--minimum-lift", "1.1", "--decrease"],
            "`--minimum-lift` is 1.1: ",
        ),
        (
            &["--minimum-lift", "0.1", "--alpha", "1"],
            "`--alpha` is 1: it must lie between 0 and 1",
        ),
        (
            &["--minimum-lift", "0.1", "--power", "0.01"],
            "`--power` is 0.01: it must lie between alpha and 1",
        ),
        (
            &["--minimum-lift", "0.1", "--looks", "0"],
            "`--looks` is 0: take 1 to 1000 looks",
        ),
        (
            &["--minimum-lift", "0.1", "--correlation", "1"],
            "`--correlation` is 1: ",
        ),
        (
            &["--minimum-lift", "0.1", "--baseline", "4"],
            "`--baseline` is 4: a share lies between 0 and 1: 0.04 is 4 %",
        ),
        (
            &["--minimum-lift", "0.3", "--baseline", "0.8"],
            "a lift of 30 % of a share of 80 % is more than everybody",
        ),
        (
            &["--minimum-lift", "0.1", "--shares", "100,0"],
            "`--shares` is 100,0: ",
        ),
        (
            &["--minimum-lift", "0.1", "--units-per-day", "inf"],
            "`--units-per-day` is inf: it must be above 0",
        ),
        (
            &["--type", "mean", "--minimum-lift", "0.1", "--baseline", "4"],
            "`--sd` is missing: ",
        ),
    ];
    for (options, expected) in table {
        let error = brief(options).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{options:?}: {error}");
    }
}

#[test]
fn a_lift_that_nobody_can_show_is_told_and_not_a_mistake() {
    let options = [
        "--type",
        "mean",
        "--baseline",
        "1",
        "--sd",
        "1e6",
        "--minimum-lift",
        "0.0001",
        "--units",
        "10",
    ];
    let brief = brief(&options).unwrap();
    let planned = plan(&brief).unwrap();
    assert_eq!(planned.conclusive, Some(false));
    assert!(
        planned.baselines[0]
            .designs
            .iter()
            .all(|design| design.units.is_none())
    );
    assert!(text(&brief, &planned).contains("At a baseline of 1 no number of units shows this lift."));
}
