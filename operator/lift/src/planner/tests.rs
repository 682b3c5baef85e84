use super::*;

#[test]
fn a_fixed_plan_is_the_textbooks() {
    // 10 % against 11 %, 5 %, 80 %: 14,749 an arm by the unpooled formula.
    let plan = Plan::for_proportions(Method::Fixed, 0.10, 0.11);
    let needed = plan.units_needed(0.01).unwrap();
    assert!((29_490..29_510).contains(&needed), "{needed}");
    assert!((fixed_power(0.05, plan.drift()) - 0.8).abs() < 1e-12);
}

#[test]
fn what_is_needed_is_what_is_detected() {
    for method in [Method::Fixed, Method::Planned, Method::Continuous] {
        let plan = Plan {
            control_share: 0.3,
            ..Plan::for_means(method, 4.0, 9.0)
        };
        let needed = plan.units_needed(0.05).unwrap();
        let detectable = plan.detectable(needed).unwrap();
        assert!(
            (detectable / 0.05 - 1.0).abs() < 1e-4,
            "{method:?} {needed} {detectable}"
        );
    }
}

#[test]
fn looking_more_often_costs_more() {
    let needed = |method| {
        Plan::for_proportions(method, 0.10, 0.11)
            .units_needed(0.01)
            .unwrap()
    };
    let (fixed, planned, continuous) = (
        needed(Method::Fixed),
        needed(Method::Planned),
        needed(Method::Continuous),
    );
    assert!(
        fixed < planned && planned < continuous,
        "{fixed} {planned} {continuous}"
    );
    assert!(
        (planned as f64) < 1.06 * fixed as f64,
        "O'Brien and Fleming are cheap: {planned}"
    );
    assert!((continuous as f64) < 2.2 * fixed as f64, "{continuous}");
}

#[test]
fn one_planned_look_is_a_fixed_test() {
    let plan = Plan {
        looks: 1,
        ..Plan::for_means(Method::Planned, 1.0, 1.0)
    };
    let fixed = Plan::for_means(Method::Fixed, 1.0, 1.0);
    assert!((plan.detectable(10_000).unwrap() / fixed.detectable(10_000).unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn refuses_to_start_what_cannot_conclude() {
    let plan = Plan::for_proportions(Method::Fixed, 0.10, 0.11);
    assert!(matches!(
        plan.check_conclusive(0.01, 20_000),
        Err(PlanError::CannotConclude {
            available: 20_000,
            ..
        })
    ));
    assert!(plan.check_conclusive(0.01, 30_000).is_ok());
    assert_eq!(plan.units_needed(1e-9), Err(PlanError::Hopeless));
    assert_eq!(
        Plan {
            method: Method::Continuous,
            ..plan
        }
        .units_needed(1e-9),
        Err(PlanError::Hopeless)
    );
}

#[test]
fn refuses_plans_out_of_range() {
    let plan = Plan::for_means(Method::Planned, 1.0, 1.0);
    let refused = |plan: Plan, effect: f64| match plan.units_needed(effect) {
        Err(PlanError::OutOfRange { field }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Plan { alpha: 0.0, ..plan }, 1.0), "alpha");
    assert_eq!(refused(Plan { power: 1.0, ..plan }, 1.0), "power");
    assert_eq!(refused(Plan { power: 0.01, ..plan }, 1.0), "power");
    assert_eq!(
        refused(
            Plan {
                control_share: f64::NAN,
                ..plan
            },
            1.0
        ),
        "control_share"
    );
    assert_eq!(
        refused(
            Plan {
                control_variance: -1.0,
                ..plan
            },
            1.0
        ),
        "control_variance"
    );
    assert_eq!(
        refused(
            Plan {
                control_variance: 0.0,
                treatment_variance: 0.0,
                ..plan
            },
            1.0
        ),
        "treatment_variance"
    );
    assert_eq!(refused(Plan { looks: 0, ..plan }, 1.0), "looks");
    assert_eq!(refused(plan, 0.0), "effect");
    assert_eq!(refused(plan, f64::NAN), "effect");
    assert_eq!(plan.detectable(0), Err(PlanError::OutOfRange { field: "units" }));
}

#[test]
fn a_plan_shows_at_its_end_what_it_was_made_for() {
    for method in [Method::Fixed, Method::Planned, Method::Continuous] {
        let plan = Plan::for_proportions(method, 0.1, 0.11);
        let units = plan.units_needed(0.01).unwrap();
        let chance = plan.chance_by(0.01, units, units).unwrap();
        assert!((chance - 0.8).abs() < 1e-4, "{method:?}: {chance}");
    }
}

#[test]
fn a_look_is_worthwhile_before_the_end_of_a_sequential_design_alone() {
    let looks = |method| {
        let plan = Plan::for_proportions(method, 0.1, 0.11);
        let units = plan.units_needed(0.01).unwrap();
        let at = |chance| plan.look_with_chance(0.01, units, 0.1, chance).unwrap();
        (units, at(0.1), at(0.5), at(0.9))
    };
    let (units, tenth, half, _) = looks(Method::Fixed);
    assert_eq!((tenth, half), (Some(units), Some(units)));
    for method in [Method::Planned, Method::Continuous] {
        let (units, tenth, half, most) = looks(method);
        let (tenth, half) = (tenth.unwrap(), half.unwrap());
        assert!(
            tenth < half && half < units,
            "{method:?}: {tenth}, {half}, {units}"
        );
        assert_eq!(most, None, "{method:?}: the plan has a power of 80 %");
        let plan = Plan::for_proportions(method, 0.1, 0.11);
        assert!(plan.chance_by(0.01, units, half).unwrap() >= 0.5);
        assert!(plan.chance_by(0.01, units, half - units / 20).unwrap() < 0.5);
    }
}

#[test]
fn a_rare_outcome_puts_the_first_look_off() {
    let plan = Plan::for_proportions(Method::Continuous, 0.1, 0.11);
    assert_eq!(plan.first_look(40_000, 0.5), Ok(500));
    assert_eq!(plan.first_look(40_000, 0.01), Ok(5_000));
    assert_eq!(plan.first_look(40_000, 0.0), Err(PlanError::Hopeless));
    let uneven = Plan {
        control_share: 0.2,
        ..plan
    };
    assert_eq!(uneven.first_look(40_000, 0.5), Ok(1_250));
    let planned = Plan {
        method: Method::Planned,
        looks: 4,
        ..plan
    };
    assert_eq!(planned.first_look(40_000, 0.01), Ok(10_000));
    assert_eq!(
        planned.chance_by(0.01, 40_000, 9_999),
        Ok(0.0),
        "before its first look"
    );
}
