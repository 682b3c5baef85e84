//! `attune lift --moments`.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::folder::{Folder, Run};

/// The question of the help text.
pub(crate) const QUESTION: &str = concat!(
    r#"{"id": "q1", "type": "proportion", "direction": "increase", "method": "fixed", "alpha": 0.05, "#,
    r#""control": {"n": 10000, "sum": 46, "sumSquares": 46}, "#,
    r#""treatment": {"n": 10000, "sum": 69, "sumSquares": 69}}"#,
    "\n"
);

/// Every type, direction and method, with and without covariate, plan, minimum and looks; every reason to withhold.
const QUESTIONS: &str = include_str!("lift/questions.ndjson");

fn ask(input: &str) -> (Run, Vec<Value>) {
    let run = Folder::new().attune_reading(&["lift", "--moments", "-"], input);
    let lines = run.stdout.lines();
    let answers = lines
        .map(|line| serde_json::from_str(line).expect("an answer is JSON"))
        .collect();
    (run, answers)
}

#[track_caller]
fn assert_close(answer: &Value, path: &str, expected: f64) {
    let found = answer.pointer(path).and_then(Value::as_f64);
    let near = found.is_some_and(|found| (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3));
    assert!(near, "{path} of {answer} is {found:?}, not {expected}");
}

#[test]
fn answers_every_kind_of_question() {
    let (run, answers) = ask(QUESTIONS);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let ids = |lines: &str| -> Vec<Value> {
        let line = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["id"].clone();
        lines.lines().map(line).collect()
    };
    assert_eq!(ids(&run.stdout), ids(QUESTIONS), "one answer a line, in order");
    assert!(answers.iter().all(|answer| answer.get("error").is_none()));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn answers_as_reference_packages_do() {
    let (_, answers) = ask(&[
        // gbstats 0.8.0, TwoSidedTTest of proportions and of a ratio; theta and the rest by TwoSidedTTest with
        // RegressionAdjustedStatistic.
        r#"{"id":1,"type":"proportion","direction":"increase","method":"fixed","control":{"n":10000,"sum":1000,"sumSquares":1000},"treatment":{"n":10000,"sum":1100,"sumSquares":1100}}"#,
        r#"{"id":2,"type":"ratio","direction":"increase","method":"fixed","control":{"n":40,"sum":36,"sumSquares":58,"denominatorSum":119,"denominatorSumSquares":423,"crossSum":127},"treatment":{"n":44,"sum":55,"sumSquares":115,"denominatorSum":127,"denominatorSumSquares":433,"crossSum":193}}"#,
        r#"{"id":3,"type":"mean","direction":"increase","method":"fixed","control":{"n":40,"sum":287.83000000000004,"sumSquares":2833.1799,"covariateSum":245.31,"covariateSumSquares":2953.3296999999993,"covariateCrossSum":2742.7110000000002},"treatment":{"n":44,"sum":420.1,"sumSquares":5016.7908,"covariateSum":322.15999999999997,"covariateSumSquares":4066.0444000000007,"covariateCrossSum":4296.8874000000005}}"#,
    ].join("\n"));
    let [share, ratio, adjusted] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert_close(share, "/absolute/estimate", 0.01);
    assert_close(share, "/absolute/low", 0.001_503_543_981_086_274_3);
    assert_close(share, "/absolute/high", 0.018_496_456_018_913_716);
    assert_close(share, "/absolute/p", 0.021_068_257_468_733_975);
    assert_close(ratio, "/absolute/low", 0.016_576_774_509_788_06);
    assert_close(ratio, "/absolute/p", 0.025_290_834_579_500_432);
    assert_close(adjusted, "/absolute/estimate", 1.509_527_230_752_433_4);
    assert_close(adjusted, "/absolute/high", 2.245_558_826_191_277);
    assert_close(adjusted, "/unadjusted/absolute/low", 0.342_783_218_512_128_23);
}

#[test]
fn a_bad_line_is_answered_in_its_place_and_the_exit_code_is_1() {
    let input = format!("{QUESTION}nonsense\n\n{{\"id\": \"q3\", \"alpha\": 2}}\n{QUESTION}");
    let (run, answers) = ask(&input);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let is_error: Vec<bool> = answers
        .iter()
        .map(|answer| answer.get("error").is_some())
        .collect();
    assert_eq!(is_error, [false, true, true, true, false]);
    assert_eq!(
        answers[0], answers[4],
        "nothing is carried from one line to the next"
    );
    assert_eq!(answers[3]["id"], "q3");
    assert_eq!(
        (&answers[1]["id"], &answers[2]["id"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_last_line_without_its_end_is_a_line() {
    let (run, answers) = ask(QUESTION.trim_end());
    assert_eq!((run.code, answers.len()), (0, 1));
    let (run, answers) = ask("");
    assert_eq!((run.code, answers.len()), (0, 0));
}

#[test]
fn tells_a_person_too() {
    let folder = Folder::new().with("q.ndjson", format!("{QUESTION}oops\n"));
    let run = folder.attune(&["lift", "--moments", "q.ndjson", "-o", "text"]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stdout,
        "\"q1\": Lift (the whole interval is on the right side of zero); \
         absolute +0.002300 [+0.000204, +0.004396]; relative +50.00 % [+3.75 %, +123.45 %]; p = 0.0315; \
         20000 units, fixed\n\
         null: the line is not a JSON object: expected value at column 1\n"
    );
}

#[test]
fn the_example_of_the_help_gives_the_answer_of_the_help() {
    let help = Folder::new().attune(&["lift", "--help"]).stdout;
    let (_, from) = help
        .split_once("A question is a JSON object on one line:\n")
        .expect("a question");
    let (question, _) = from.split_once("\n\nand so is its answer").expect("its end");
    let question = question.replace('\n', " ");
    let (run, answers) = ask(&question);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(answers[0]["verdict"], "Lift");
    for told in [
        "\"estimate\":0.0023",
        "\"verdict\":\"Lift\",\"reason\":\"BetterThanControl\"",
        "\"n\":20000",
    ] {
        assert!(help.contains(told) && run.stdout.contains(told), "{told}");
    }
    for field in [
        "id",
        "type",
        "direction",
        "method",
        "alpha",
        "plannedUnits",
        "minimumLift",
        "looks",
    ] {
        assert!(
            help.contains(&format!("\n  {field} ")),
            "{field} is not explained"
        );
    }
}

#[test]
fn ten_thousand_questions_take_seconds() {
    let mut input = String::new();
    for id in 0..10_000 {
        let sum = 400 + id % 100;
        let method = ["fixed", "continuous"][id % 2];
        let line = json!({
            "id": id, "type": "proportion", "direction": "increase", "method": method, "plannedUnits": 20_000,
            "control": {"n": 10_000, "sum": 450, "sumSquares": 450},
            "treatment": {"n": 10_000, "sum": sum, "sumSquares": sum},
        });
        writeln!(input, "{line}").expect("written");
    }
    let folder = Folder::new().with("q.ndjson", &input);
    let start = std::time::Instant::now();
    let run = folder.attune(&["lift", "--moments", "q.ndjson"]);
    let took = start.elapsed();
    assert_eq!((run.code, run.stdout.lines().count()), (0, 10_000));
    let last: Value = serde_json::from_str(run.stdout.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["id"], 9_999);
    assert!(took.as_secs() < 30, "{took:?}");
}

#[test]
fn whoever_asks_and_waits_is_answered() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(["lift", "--moments", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut questions = child.stdin.take().expect("piped");
    let mut answers = BufReader::new(child.stdout.take().expect("piped"));
    for _ in 0..3 {
        questions.write_all(QUESTION.as_bytes()).expect("it reads");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("it answers");
        assert!(answer.contains("\"verdict\":\"Lift\""), "{answer}");
    }
    drop(questions);
    assert!(child.wait().expect("ended").success());
}
