use attune_core::context::Context;
use attune_core::decide::decide_everywhere;
use attune_core::history::NoHistory;

use super::*;
use crate::fixture::{bundle_with, now};

fn engine() -> Engine {
    Engine::load(bundle_with(|_| {})).unwrap()
}

/// What decisions for some people come to.
fn outcomes(engine: &Engine) -> Vec<Outcome> {
    let people = (0..40).map(|number| {
        format!(r#"{{"targetingKey": "visitor-{number}", "consent": ["marketing"], "locale": "en"}}"#)
    });
    let nobody = ["{}".to_owned()];
    let mut outcomes = Vec::new();
    for person in people.chain(nobody) {
        let context = Context::decode(engine, person.as_bytes()).unwrap();
        outcomes.extend(decide_everywhere(engine, &context, &NoHistory, now()));
    }
    outcomes
}

/// As it is written for one decision alone.
fn alone(engine: &Engine, outcome: Outcome, id: Uuid) -> String {
    let id = id.to_string();
    let decision = outcome.decision(engine);
    serde_json::to_string(&Success::new(&decision, engine.metadata(), Some(&id))).unwrap()
}

fn appended(answers: &Answers, engine: &Engine, outcome: Outcome, id: Uuid) -> String {
    let mut out = b"before ".to_vec();
    let mut reader = answers.reader();
    reader.append(engine, outcome, id, &mut out);
    reader.close();
    String::from_utf8(out).unwrap().replacen("before ", "", 1)
}

#[test]
fn gives_what_was_written_before_as_it_is_written_alone() {
    let (engine, answers) = (engine(), Answers::default());
    let outcomes = outcomes(&engine);
    for (number, outcome) in (0..).zip(outcomes.iter().chain(&outcomes)) {
        let id = Uuid::from_u128(number);
        assert_eq!(
            appended(&answers, &engine, *outcome, id),
            alone(&engine, *outcome, id)
        );
    }
    let different: std::collections::HashSet<_> = outcomes.iter().copied().collect();
    assert!(different.len() > 3, "{different:?}");
    assert_eq!(answers.0.read().unwrap().answers.len(), different.len());
}

#[test]
fn hashes_an_answer_alike_whether_it_was_written_before() {
    let (engine, answers) = (engine(), Answers::default());
    for outcome in outcomes(&engine) {
        let mut first = answers.reader();
        let fresh = first.append(&engine, outcome, Uuid::nil(), &mut Vec::new());
        first.close();
        let kept = answers
            .reader()
            .append(&engine, outcome, Uuid::max(), &mut Vec::new());
        let mut without_id = Vec::new();
        Success::new(&outcome.decision(&engine), engine.metadata(), None).write(&mut without_id);
        assert_eq!(fresh, kept);
        assert_eq!(fresh.piece, Piece::of(&without_id));
    }
}

#[test]
fn writes_each_time_what_finds_no_room() {
    let (engine, answers) = (engine(), Answers::default());
    answers.0.write().unwrap().bytes = MOST - EACH;
    for outcome in outcomes(&engine) {
        let id = Uuid::from_u128(7);
        assert_eq!(
            appended(&answers, &engine, outcome, id),
            alone(&engine, outcome, id)
        );
    }
    let known = answers.0.read().unwrap();
    assert!(
        known.answers.is_empty() && known.bytes == MOST - EACH,
        "{known:?}"
    );
}

#[test]
fn waits_for_nobody_who_adds_to_them() {
    let (engine, answers) = (engine(), Answers::default());
    let outcome = outcomes(&engine)[0];
    let adding = answers.0.write().unwrap();
    assert_eq!(
        appended(&answers, &engine, outcome, Uuid::nil()),
        alone(&engine, outcome, Uuid::nil())
    );
    drop(adding);
    assert!(answers.0.read().unwrap().answers.is_empty());
}
