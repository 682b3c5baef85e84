use serde_json::json;

use super::rules;

#[test]
fn tells_of_rules_that_fired_where_deciders_have() {
    let program = |status| json!({"kind": "Program", "status": status});
    let silent = program(json!({"declaredRules": 3, "liveRules": 2}));
    let told = program(json!({"declaredRules": 4, "liveRules": 4, "firedRules": 1}));
    let line = |programs: &[serde_json::Value]| rules(programs).unwrap_or_default();
    assert_eq!(line(std::slice::from_ref(&silent)), "rules: 3 declared, 2 live");
    assert_eq!(
        line(&[silent, told]),
        "rules: 7 declared, 6 live, 1 fired within 7 days"
    );
    assert_eq!(rules(&[]), None);
}
