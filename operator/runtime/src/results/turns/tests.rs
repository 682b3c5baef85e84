use attune_api::Kind;
use attune_core::measure::{Method, Question};

use super::*;

fn id(experiment: &str) -> ObjectId {
    ObjectId {
        kind: Kind::Experiment,
        namespace: "shop".to_owned(),
        name: experiment.to_owned(),
    }
}

fn question(experiment: &str, phase: i32) -> (ObjectId, Inquiry) {
    let question = Question {
        namespace: "shop".to_owned(),
        experiment: experiment.to_owned(),
        phase,
        arms: vec![],
        metrics: vec![],
        method: Method::Fixed,
        alpha_bp: 500,
        planned_units: None,
        minimum_lift_bp: None,
        registration: String::new(),
        covariate: None,
        exclude: Vec::new(),
        earlier: Vec::new(),
        bindings: Vec::new(),
        thresholds: Vec::new(),
        power_bp: 8000,
    };
    let inquiry = Inquiry::Experiment { question, cut: None };
    (id(experiment), inquiry)
}

fn questions(of: &[(ObjectId, Inquiry)]) -> Inquiries {
    let mut questions = Inquiries::default();
    questions.replace(of.iter().map(|(id, inquiry)| (id, inquiry)));
    questions
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_new_question_is_asked_at_once_and_the_others_keep_their_turn() {
    let mut turns = Turns::default();
    turns.take(&questions(&[question("a", 1)]));
    let (a, due) = turns.next().unwrap();
    assert_eq!((a.name.as_str(), due), ("a", Instant::now()));
    assert_eq!(turns.begin(&a, MINUTE), Some(question("a", 1).1));
    let (_, due) = turns.next().unwrap();
    let wait = due - Instant::now();
    assert!(wait >= MINUTE && wait <= MINUTE + MINUTE / 10, "{wait:?}");

    turns.take(&questions(&[question("a", 1), question("b", 1)]));
    let (b, due_of_b) = turns.next().unwrap();
    assert_eq!((b.name.as_str(), due_of_b), ("b", Instant::now()));
    turns.begin(&b, MINUTE * 2).unwrap();
    assert_eq!(turns.next(), Some((a.clone(), due)), "its turn is what it was");

    turns.take(&questions(&[question("a", 2), question("b", 1)]));
    assert_eq!(
        turns.next(),
        Some((a.clone(), Instant::now())),
        "another phase is another question"
    );
    turns.take(&questions(&[question("b", 1)]));
    assert_eq!(turns.next().unwrap().0, b);
    assert_eq!(turns.begin(&a, MINUTE), None, "its experiment is gone");
}

#[test]
fn questions_change_only_where_they_differ() {
    let mut known = questions(&[question("a", 1)]);
    assert!(!known.replace([question("a", 1)].iter().map(|(id, inquiry)| (id, inquiry))));
    assert!(known.replace([question("a", 2)].iter().map(|(id, inquiry)| (id, inquiry))));
    assert!(known.replace(std::iter::empty()));
}
