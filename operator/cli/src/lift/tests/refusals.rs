//! What is wrong with a question, named with its field and value.

use serde_json::{Value, json};

use super::{error, question};

#[track_caller]
fn assert_refused(table: &[(Value, &str)]) {
    for (changes, expected) in table {
        let line = question(changes.clone()).to_string();
        assert_eq!(error(&line), *expected, "{line}");
    }
}

#[test]
fn names_the_field_of_a_question_and_its_value() {
    assert_refused(&[
        (
            json!({"methd": "fixed"}),
            "`methd` is not a field here: did you mean `method`?",
        ),
        (json!({"colour": 1}), "`colour` is not a field here: remove it"),
        (
            json!({"type": null}),
            "`type` is `null`: give one of `proportion`, `mean`, `ratio`",
        ),
        (
            json!({"method": "bayes"}),
            "`method` is `\"bayes\"`: give one of `fixed`, `planned`, `continuous`",
        ),
        (
            json!({"direction": 1}),
            "`direction` is `1`: give one of `increase`, `decrease`",
        ),
        (
            json!({"alpha": 1.0}),
            "`alpha` is `1.0`: it must lie between 0 and 1, for example 0.05",
        ),
        (
            json!({"alpha": "0.05"}),
            "`alpha` is `\"0.05\"`: give a finite number",
        ),
        (
            json!({"plannedUnits": 0}),
            "`plannedUnits` is `0`: plan for at least one unit",
        ),
        (
            json!({"plannedUnits": 1.5}),
            "`plannedUnits` is `1.5`: give a whole number from 0 to 9007199254740992",
        ),
        (
            json!({"method": "planned"}),
            "`plannedUnits` is missing: `planned` and `continuous` need the planned number of units of both arms",
        ),
        (
            json!({"minimumLift": -0.1}),
            "`minimumLift` is `-0.1`: it is a share of control from 0 on, for example 0.02, and of a decrease below 1",
        ),
        (
            json!({"looks": [{"control": {}, "treatment": {}}]}),
            "`looks` is `1 looks`: `fixed` is looked at once: remove it or change `method`",
        ),
        (
            json!({"method": "planned", "plannedUnits": 9, "looks": [{"control": {"n": 1, "sum": "x"}}]}),
            "`looks[0].control.sum` is `\"x\"`: give a finite number",
        ),
        (
            json!({"method": "planned", "plannedUnits": 9, "looks": 4}),
            "`looks` is `4`: give a list of JSON objects",
        ),
        (
            json!({"method": "planned", "plannedUnits": 9, "looks": [{"at": 4}]}),
            "`looks[0].at` is not a field here: remove it",
        ),
        (
            json!({"method": "planned", "plannedUnits": 9, "looks": [
                {"control": {"n": 20_000, "sum": 0, "sumSquares": 0}, "treatment": {"n": 1, "sum": 0, "sumSquares": 0}},
            ]}),
            "`looks` is `20000 units after 20001`: give earlier looks oldest first, each with the units so far",
        ),
        (
            json!({"id": null}),
            "`id` is missing: give a string or a number, it is repeated in the answer",
        ),
        (
            json!({"id": [1]}),
            "`id` is `[1]`: give a string or a number, it is repeated in the answer",
        ),
    ]);
}

#[test]
fn names_the_sum_of_an_arm_and_its_value() {
    assert_refused(&[
        (
            json!({"control": {"sumSquare": 1}}),
            "`control.sumSquare` is not a field here: did you mean `sumSquares`?",
        ),
        (
            json!({"control": null}),
            "`control` is missing: give a JSON object",
        ),
        (json!({"control": 3}), "`control` is `3`: give a JSON object"),
        (
            json!({"control": {"n": -1}}),
            "`control.n` is `-1`: give a whole number from 0 to 9007199254740992",
        ),
        (
            json!({"control": {"n": null}}),
            "`control.n` is missing: give the number of units",
        ),
        (
            json!({"treatment": {"sum": null}}),
            "`treatment.sum` is missing: give a finite number",
        ),
        (
            json!({"treatment": {"sumSquares": -69}}),
            "`treatment.sumSquares` is `-69`: no units have a negative sum of squares",
        ),
        (
            json!({"type": "mean", "treatment": {"sum": 1e6}}),
            "`treatment.sumSquares` is `69`: no 10000 units have it together with `sum` 1000000.0: \
             it must be at least the sum squared over `n`",
        ),
        (
            json!({"treatment": {"sumSquares": 100}}),
            "`treatment.sum` is `69`: with `sumSquares` 100 and `n` 10000 it is not 69 ones among zeros, as a proportion's is",
        ),
        (
            json!({"control": {"n": 0}}),
            "`control.sum` is `46`: with `n` 0 every sum must be 0",
        ),
        (
            json!({"control": {"nonZero": 10_001}}),
            "`control.nonZero` is `10001`: there are only 10000 units",
        ),
        (
            json!({"type": "mean", "control": {"sum": 0, "sumSquares": 1e308, "covariateSum": 0,
                "covariateSumSquares": 1, "covariateCrossSum": 1e300}}),
            "`control.covariateCrossSum` is `1e+300`: no units have it together with these sums: \
             it is beyond a correlation of 1",
        ),
        (
            json!({"control": {"covariateSum": 1}}),
            "`control.covariateSumSquares` is missing: give a finite number",
        ),
        (
            json!({"type": "ratio"}),
            "`control.denominatorSum` is missing: a ratio needs `denominatorSum`, `denominatorSumSquares` and `crossSum`",
        ),
        (
            json!({"control": {"denominatorSum": 1, "denominatorSumSquares": 1, "crossSum": 1}}),
            "`control.denominatorSum` is `1`: only a `ratio` has a denominator: remove it or change `type`",
        ),
    ]);
}
