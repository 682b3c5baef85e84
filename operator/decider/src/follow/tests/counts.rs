use attune_core::measure::counts::Counts;

use super::operator::Operator;
use super::{Following, eventually, version};
use crate::fixture::evaluate;

/// How many decisions the operator heard of.
fn heard(operator: &Operator) -> u64 {
    let mut all = Counts::default();
    operator.reports().iter().for_each(|counts| all.add(counts));
    let without = all.touchpoints.values().flat_map(|reasons| reasons.values());
    let won = all.bindings.values().flat_map(|binding| binding.reasons.values());
    without.chain(won).sum()
}

#[tokio::test]
async fn reports_what_was_counted_once() {
    let operator = Operator::start().await;
    let revision = operator.publish(version(1));
    let following = Following::start(&operator, None).await;
    following.runs(&revision).await;
    evaluate(&following.decider, "hero", "u1").await;
    evaluate(&following.decider, "bare", "u1").await;
    eventually("the counts", || heard(&operator) == 2).await;
    let asked = operator.questions().len();
    eventually("two more questions", || operator.questions().len() >= asked + 2).await;
    assert_eq!(heard(&operator), 2, "nothing is told twice");
    following.end().await;
}

#[tokio::test]
async fn what_the_operator_does_not_take_is_told_with_the_next_counts() {
    let operator = Operator::start().await;
    operator.take_counts(false);
    let revision = operator.publish(version(1));
    let following = Following::start(&operator, None).await;
    following.runs(&revision).await;
    evaluate(&following.decider, "hero", "u1").await;
    eventually("a report in vain", || operator.refused_reports() > 0).await;
    // A bundle later it is still known.
    let revision = operator.publish(version(2));
    following.runs(&revision).await;
    evaluate(&following.decider, "hero", "u2").await;
    operator.take_counts(true);
    eventually("the counts of both", || heard(&operator) == 2).await;
    following.end().await;
}
