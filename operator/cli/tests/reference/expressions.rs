//! The page of expressions, where every example gives what is written beside it.

use std::collections::BTreeSet;

use attune_api::Expression as Field;
use attune_core::expr::{self, Attribute, Expect, ExprError, Expression, Schema, compile};
use attune_core::history::{History, Shown};
use attune_core::value::{AttributeType, SlotId, Value};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::markdown::{cells, code};
use crate::read;

const TYPES: [AttributeType; 6] = [
    AttributeType::Bool,
    AttributeType::Int,
    AttributeType::Double,
    AttributeType::String,
    AttributeType::Timestamp,
    AttributeType::StringList,
];

/// What a page writes where there is nothing to compare.
const NO_VALUE: &str = "no value";
const REFUSED: &str = "refused";

fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().expect("it is an instant")
}

/// A row of the page, by the heading of each cell.
struct Row {
    header: Vec<String>,
    cells: Vec<String>,
}

impl Row {
    /// The cell under the heading that begins with `name`.
    fn get(&self, name: &str) -> Option<&str> {
        // The last one: a table of macros says what they give in general before what they give here.
        let column = self.header.iter().rposition(|own| own.starts_with(name))?;
        self.cells.get(column).map(String::as_str)
    }
}

/// The rows of all tables of the page.
fn rows() -> Vec<Row> {
    let page = read("expressions.md");
    let mut rows = Vec::new();
    let mut header: Option<Vec<String>> = None;
    for line in page.lines() {
        match (cells(line), &header) {
            (None, _) => header = None,
            (Some(cells), None) => header = Some(cells),
            (Some(cells), Some(_)) if cells.iter().all(|cell| cell == "---") => {}
            (Some(cells), Some(header)) => {
                assert_eq!(cells.len(), header.len(), "{line}");
                rows.push(Row {
                    header: header.clone(),
                    cells,
                });
            }
        }
    }
    rows
}

/// The code spans of a cell.
fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The one code span of a cell.
fn span(cell: &str) -> &str {
    spans(cell).next().unwrap_or_else(|| panic!("{cell} is no code"))
}

/// The attributes of the page, and what they hold.
struct Attributes {
    names: Vec<String>,
    schema: Schema,
    slots: Vec<Option<Value<'static>>>,
    past: Past,
}

/// What the page remembers of somebody.
#[derive(Default)]
struct Past(Vec<(String, Timestamp)>);

impl Past {
    fn of(&self, what: &str) -> impl Iterator<Item = Timestamp> {
        self.0
            .iter()
            .filter(move |(known, _)| known == what)
            .map(|(_, at)| *at)
    }
}

impl History for Past {
    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32 {
        self.outcomes(&spelt(what), since)
    }

    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp> {
        self.last_outcome(&spelt(what))
    }

    fn last_outcome(&self, event: &str) -> Option<Timestamp> {
        self.of(event).max()
    }

    fn outcomes(&self, event: &str, since: Timestamp) -> u32 {
        u32::try_from(self.of(event).filter(|at| *at > since).count()).unwrap()
    }
}

fn spelt(what: Shown<'_>) -> String {
    let (kind, name) = what.parts();
    format!("{}/{name}", kind.resource())
}

impl Attributes {
    fn of(rows: &[Row]) -> Self {
        let mut attributes = Self {
            names: Vec::new(),
            schema: Schema::new(),
            slots: Vec::new(),
            past: Past::default(),
        };
        for row in rows {
            if let (Some(happened), Some(when)) = (row.get("happened"), row.get("when")) {
                let happened = (span(happened).to_owned(), span(when).parse().unwrap());
                attributes.past.0.push(happened);
            }
        }
        for row in rows.iter().filter(|row| row.get("here").is_some()) {
            let [name, ty, values, here] =
                ["attribute", "type", "values", "here"].map(|name| row.get(name).unwrap());
            let ty = TYPES.into_iter().find(|known| known.as_str() == ty).unwrap();
            attributes.schema.declare(Attribute {
                name: span(name).to_owned(),
                ty,
                values: spans(values).map(str::to_owned).collect(),
            });
            attributes.names.push(span(name).to_owned());
            attributes
                .slots
                .push((here != "absent").then(|| value(ty, &serde_json::from_str(span(here)).unwrap())));
        }
        attributes
    }

    fn compile(&self, source: &str) -> Result<Expression, Vec<ExprError>> {
        compile(source, &self.schema, Expect::Bool)
            .or_else(|errors| compile(source, &self.schema, Expect::Number).map_err(|_| errors))
    }

    /// What an example gives, as the page spells it.
    fn evaluate(&self, source: &str) -> String {
        let Ok(expression) = self.compile(source) else {
            return REFUSED.to_owned();
        };
        let slot_of = |name: &str| {
            let position = self.names.iter().position(|own| own == name)?;
            Some(SlotId(u16::try_from(position).ok()?))
        };
        let program = expression.link(slot_of).unwrap();
        match program.eval_after(&self.slots, now(), &self.past) {
            Ok(Value::Bool(value)) => code(&value.to_string()),
            Ok(Value::Int(value)) => code(&value.to_string()),
            Ok(Value::Double(value)) => code(&value.to_string()),
            Ok(other) => panic!("{source} gives {other:?}, which no field takes"),
            Err(_) => NO_VALUE.to_owned(),
        }
    }
}

fn value(ty: AttributeType, json: &Json) -> Value<'static> {
    let text = |json: &Json| Value::String(json.as_str().unwrap().to_owned().into());
    match ty {
        AttributeType::Bool => Value::Bool(json.as_bool().unwrap()),
        AttributeType::Int => Value::Int(json.as_i64().unwrap()),
        AttributeType::Double => Value::Double(json.as_f64().unwrap()),
        AttributeType::String => text(json),
        AttributeType::Timestamp => Value::Timestamp(json.as_str().unwrap().parse().unwrap()),
        AttributeType::StringList => Value::List(json.as_array().unwrap().iter().map(text).collect()),
    }
}

#[test]
fn every_example_gives_what_is_written_beside_it() {
    let rows = rows();
    let attributes = Attributes::of(&rows);
    let mut wrong = Vec::new();
    let mut tried = 0;
    for row in &rows {
        let Some(example) = row.get("example") else {
            continue;
        };
        tried += 1;
        let (found, written) = (attributes.evaluate(span(example)), row.get("gives").unwrap());
        if found != written {
            wrong.push(format!("{example} gives {found}, not {written}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 60, "only {tried} examples were found");
}

#[test]
fn every_refused_expression_is_told_in_the_words_of_the_page() {
    let rows = rows();
    let attributes = Attributes::of(&rows);
    let refused: Vec<_> = rows
        .iter()
        .filter_map(|row| row.get("refused").zip(row.get("told")))
        .collect();
    let mut wrong = Vec::new();
    for (source, told) in &refused {
        let errors = compile(span(source), &attributes.schema, Expect::Bool).expect_err(source);
        let found = errors.first().map(tell).unwrap_or_default();
        if found != *told {
            wrong.push(format!("{source} is told: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused.len() > 10);
}

#[test]
fn names_every_function_in_scope_and_no_other() {
    let rows = rows();
    let call = regex::Regex::new(r"(\w+)\(").unwrap();
    let named: BTreeSet<&str> = rows
        .iter()
        .filter_map(|row| row.get("function").or_else(|| row.get("macro")))
        .flat_map(|cell| {
            call.captures_iter(cell)
                .map(|found| found.get(1).unwrap().as_str())
        })
        .collect();
    assert_eq!(named, expr::function_names().collect());
    let questions: BTreeSet<&str> = rows
        .iter()
        .filter_map(|row| row.get("question"))
        .flat_map(|cell| {
            call.captures_iter(cell)
                .map(|found| found.get(1).unwrap().as_str())
        })
        .collect();
    assert_eq!(questions, expr::history_names().collect());
}

/// A mistake on one line, as `attune lint` prints it.
fn tell(error: &ExprError) -> String {
    match &error.suggestion {
        Some(suggestion) => format!("{}; did you mean `{suggestion}`?", error.message),
        None => error.message.clone(),
    }
}

/// The number of the limit that begins with `name`.
fn limit(name: &str) -> usize {
    let rows = rows();
    let row = rows
        .iter()
        .find(|row| row.get("limit").is_some_and(|limit| limit.starts_with(name)))
        .unwrap_or_else(|| panic!("the page has no limit of {name}"));
    row.get("at most").unwrap().replace(',', "").parse().unwrap()
}

#[test]
fn states_the_limits_of_fields_and_requests() {
    assert_eq!(limit("characters of a field"), Field::MAX_LENGTH);
    assert_eq!(limit("entries of a list"), expr::MAX_LIST_ITEMS);
    assert_eq!(limit("bytes of a String"), expr::MAX_STRING_BYTES);
    assert_eq!(limit("steps") as u64, expr::MAX_STEPS);
}

/// The largest expression of its kind is taken, and the next one is not.
#[track_caller]
fn assert_limit(name: &str, of_size: impl Fn(usize) -> String) {
    let (schema, size) = (Schema::new(), limit(name));
    assert!(compile(&of_size(size), &schema, Expect::Bool).is_ok(), "{name}");
    assert!(
        compile(&of_size(size + 1), &schema, Expect::Bool).is_err(),
        "{name}"
    );
}

#[test]
fn states_the_limits_of_a_text() {
    assert_limit("bytes of an expression", |bytes| format!("{:bytes$}", "true"));
    assert_limit("brackets within brackets", |brackets| {
        format!("{}true{}", "(".repeat(brackets), ")".repeat(brackets))
    });
    // The tree of `n` chained operators has one level more.
    assert_limit("levels of", |levels| format!("{}true", "!".repeat(levels - 1)));
}

#[test]
fn two_macros_within_each_other_fit_and_three_do_not() {
    let mut schema = Schema::new();
    schema.declare(Attribute {
        name: "l".into(),
        ty: AttributeType::StringList,
        values: vec![],
    });
    let nested = |depth: usize| {
        (0..depth).fold("x0 == \"a\"".to_owned(), |body, level| {
            format!("l.exists(x{level}, {body})")
        })
    };
    assert!(compile(&nested(2), &schema, Expect::Bool).is_ok());
    assert!(compile(&nested(3), &schema, Expect::Bool).is_err());
}
