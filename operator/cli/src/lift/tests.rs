use std::io::{self, BufReader, Read};

use serde_json::{Value, json};

use super::*;
use crate::lines::LONGEST_LINE;

mod refusals;

fn ask(input: &str) -> Vec<Value> {
    let mut output = Vec::new();
    let tally = answer_all(input.as_bytes(), &mut output, AnswerOutput::Json).unwrap();
    let answers: Vec<Value> = String::from_utf8(output)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len() as u64, tally.answered + tally.refused);
    answers
}

/// A question that is fine, with some of its fields replaced; `null` removes one.
fn question(changes: Value) -> Value {
    let mut question = json!({
        "id": "q", "type": "proportion", "direction": "increase", "method": "fixed", "alpha": 0.05,
        "control": {"n": 10_000, "sum": 46, "sumSquares": 46},
        "treatment": {"n": 10_000, "sum": 69, "sumSquares": 69},
    });
    merge(&mut question, changes);
    question
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(into.entry(name).or_insert(Value::Null), change);
            }
        }
        (into, change) => *into = change,
    }
}

fn error(line: &str) -> String {
    let answer = ask(line).remove(0);
    assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    answer["error"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_no_json_object_says_where() {
    let table = [
        (
            "nonsense",
            "the line is not a JSON object: expected ident at column 2",
        ),
        (
            "[1]",
            "the line is not a JSON object: invalid type: sequence, expected a JSON object at column 1",
        ),
        (
            "{\"id\":1}}",
            "the line is not a JSON object: trailing characters at column 9",
        ),
        (
            "{\"id\":1",
            "the line is not a JSON object: EOF while parsing an object at column 7",
        ),
        ("", "the line is empty: give one question, a JSON object, a line"),
        ("{\"id\":1,\"id\":2}", "`id` is there twice: give it once"),
        (
            "{\"id\":1,\"alpha\":NaN}",
            "`alpha` is `NaN`: JSON has no such number; every figure must be finite",
        ),
        (
            "{\"id\":1,\"control\":{\"n\":1,\"sum\":-Infinity}}",
            "`control.sum` is `-Infinity`: JSON has no such number; every figure must be finite",
        ),
        (
            "{\"id\":1,\"alpha\":1e999,\"type\":\"mean\",\"direction\":\"increase\",\"method\":\"fixed\"}",
            "`alpha` is `1e999`: give a finite number",
        ),
    ];
    for (line, expected) in table {
        assert_eq!(error(&format!("{line}\n")), expected, "{line}");
    }
}

#[test]
fn a_bad_line_is_told_by_its_id_as_far_as_that_can_be_read() {
    let bad = |line: &str| ask(line).remove(0)["id"].clone();
    assert_eq!(bad("{\"id\":\"q7\",\"control\":{\"n\":NaN}}"), "q7");
    assert_eq!(bad("{\"control\":{\"n\":NaN},\"id\":\"q7\"}"), Value::Null);
    assert_eq!(bad("{\"id\":{},\"alpha\":1}"), Value::Null);
    assert_eq!(bad(&question(json!({"alpha": 7})).to_string()), "q");
}

#[test]
fn an_id_comes_back_in_its_own_words() {
    let big = question(json!({}))
        .to_string()
        .replace("\"q\"", "12345678901234567890123");
    let mut output = Vec::new();
    answer_all(big.as_bytes(), &mut output, AnswerOutput::Json).unwrap();
    assert!(
        String::from_utf8(output)
            .unwrap()
            .starts_with("{\"id\":12345678901234567890123,")
    );
}

#[test]
fn a_line_that_is_too_long_is_answered_and_the_next_one_is_found() {
    let long = " ".repeat(LONGEST_LINE + 1);
    let fits = " ".repeat(LONGEST_LINE - question(json!({})).to_string().len());
    let answers = ask(&format!("{long}\n{fits}{}\r\n", question(json!({}))).replace("\r\n", "\n"));
    assert_eq!(
        answers[0]["error"],
        "the line is longer than 1048576 bytes: give one question a line"
    );
    assert_eq!(answers[1]["verdict"], "Lift");
}

#[test]
fn bytes_that_are_no_text_are_answered_in_their_place() {
    let mut input = question(json!({})).to_string().into_bytes();
    input.extend(b"\r\n{\"id\":\"\xff\"}\n");
    let mut output = Vec::new();
    let tally = answer_all(input.as_slice(), &mut output, AnswerOutput::Json).unwrap();
    assert_eq!(
        tally,
        Tally {
            answered: 1,
            refused: 1
        }
    );
    let text = String::from_utf8(output).unwrap();
    assert_eq!(
        text.lines().last(),
        Some("{\"id\":null,\"error\":\"the line is not UTF-8 from byte 8 on\"}")
    );
}

#[test]
fn an_answer_is_out_before_the_next_question_is_waited_for() {
    /// Gives one line at a time, and notes what had been written by then.
    struct Slow<'a> {
        lines: Vec<String>,
        written: &'a std::cell::RefCell<Vec<u8>>,
        seen: &'a std::cell::RefCell<Vec<usize>>,
    }
    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let lines = self.written.borrow().split(|byte| *byte == b'\n').count() - 1;
            self.seen.borrow_mut().push(lines);
            let Some(line) = self.lines.pop() else {
                return Ok(0);
            };
            buffer[..line.len()].copy_from_slice(line.as_bytes());
            Ok(line.len())
        }
    }
    /// Written when flushed.
    struct Held<'a>(Vec<u8>, &'a std::cell::RefCell<Vec<u8>>);
    impl Write for Held<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            self.1.borrow_mut().append(&mut self.0);
            Ok(())
        }
    }
    let (written, seen) = (std::cell::RefCell::default(), std::cell::RefCell::default());
    let lines = vec![format!("{}\n", question(json!({}))); 3];
    let input = BufReader::new(Slow {
        lines,
        written: &written,
        seen: &seen,
    });
    answer_all(input, Held(Vec::new(), &written), AnswerOutput::Json).unwrap();
    assert_eq!(*seen.borrow(), [0, 1, 2, 3]);
}

#[test]
fn nothing_is_ever_not_a_number() {
    let arms = [
        json!({"n": 0, "sum": 0, "sumSquares": 0}),
        json!({"n": 1, "sum": 1, "sumSquares": 1}),
        json!({"n": 2, "sum": 0, "sumSquares": 0}),
        json!({"n": 1000, "sum": 1000, "sumSquares": 1000}),
        json!({"n": 1000, "sum": 0, "sumSquares": 1e300}),
        json!({"n": 1000, "sum": -5e3, "sumSquares": 1e9}),
        json!({"n": 9_007_199_254_740_992_u64, "sum": 1e-300, "sumSquares": 1e-300}),
        json!({"n": 1000, "sum": 1e150, "sumSquares": 1e300}),
    ];
    for method in ["fixed", "planned", "continuous"] {
        for control in &arms {
            for treatment in &arms {
                let line = question(json!({
                    "type": "mean", "method": method, "plannedUnits": 2000, "minimumLift": 0.1,
                    "control": control, "treatment": treatment,
                }));
                let answer = ask(&line.to_string()).remove(0);
                let text = answer.to_string();
                assert!(answer["verdict"].is_string(), "{line}: {text}");
                if answer["absolute"].is_null() {
                    assert!(answer["relative"].is_null(), "{text}");
                } else {
                    assert!(answer["absolute"]["p"].is_number(), "{text}");
                    let (low, high) = (&answer["absolute"]["low"], &answer["absolute"]["high"]);
                    assert!(low.as_f64() <= high.as_f64(), "{text}");
                }
                assert_eq!(
                    answer["relative"].is_null(),
                    answer["relativeReason"].is_string(),
                    "{text}"
                );
            }
        }
    }
}
