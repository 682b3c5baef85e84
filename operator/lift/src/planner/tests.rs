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
