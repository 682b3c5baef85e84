//! One printer column: a simple JSON path and how its value is printed.

use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;
use serde_json::Value;

/// What kubectl prints where there is nothing.
const NOTHING: &str = "";

/// A column of a definition.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    is_date: bool,
    path: Vec<Step>,
}

/// One step of the paths that definitions use: `.field`, `[0]`, `[?(@.field=="value")]`.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
    Filter { field: String, value: String },
}

impl Column {
    pub(super) fn new(definition: &CustomResourceColumnDefinition) -> Self {
        Self {
            name: definition.name.clone(),
            is_date: definition.type_ == "date",
            path: steps(&definition.json_path),
        }
    }

    pub(super) fn title(&self) -> String {
        self.name.to_uppercase()
    }

    pub(super) fn cell(&self, object: &Value, now: Timestamp) -> String {
        match find(object, &self.path) {
            None | Some(Value::Null) if self.is_date => "<unknown>".to_owned(),
            None | Some(Value::Null) => NOTHING.to_owned(),
            Some(Value::String(text)) if self.is_date => age(text, now),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }
}

fn find<'v>(value: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Index(index) => value.get(index),
        Step::Filter { field, value: wanted } => {
            let matches = |item: &&Value| item.get(field).and_then(Value::as_str) == Some(wanted);
            value.as_array()?.iter().find(matches)
        }
    })
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(filter) = rest.strip_prefix("[?(@.") {
            let Some((body, tail)) = filter.split_once(")]") else {
                break;
            };
            let Some((field, value)) = body.split_once("==") else {
                break;
            };
            steps.push(Step::Filter {
                field: field.to_owned(),
                value: value.trim_matches('"').to_owned(),
            });
            rest = tail;
        } else if let Some(index) = rest.strip_prefix('[') {
            let Some((number, tail)) = index.split_once(']') else {
                break;
            };
            let Ok(number) = number.parse() else { break };
            steps.push(Step::Index(number));
            rest = tail;
        } else {
            let field = rest.trim_start_matches('.');
            let end = field.find(['.', '[']).unwrap_or(field.len());
            let (name, tail) = field.split_at(end);
            if name.is_empty() {
                break;
            }
            steps.push(Step::Field(name.to_owned()));
            rest = tail;
        }
    }
    steps
}

/// How long ago, in the largest unit that gives a whole number: `5d`, `3h`, `12m`, `7s`.
fn age(text: &str, now: Timestamp) -> String {
    let Ok(then) = text.parse::<Timestamp>() else {
        return "<invalid>".to_owned();
    };
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
