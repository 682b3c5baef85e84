//! A metric's `where` in SQL.
//!
//! CEL's errors are SQL's `NULL`: what is missing, or of another type where that matters, is neither true nor false, and
//! `AND`, `OR`, `NOT` and the top treat it as `&&`, `||`, `!` and the top of a condition do.

use std::fmt::Write as _;

use attune_core::expr::condition::{Condition, Literal, Piece, Side};
use tokio_postgres::types::{ToSql, Type};

/// Largest magnitude of a number, as for events: sums of squares of it stay far inside a double.
pub(super) const MAX_NUMBER: f64 = attune_core::event::MAX_NUMBER;

/// Most literals of a query.
pub(super) const MAX_PARAMETERS: usize = 1000;

/// What precedes the name of a property in conditions.
const PROPERTIES: &str = "properties.";

/// A value that the server takes beside the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parameter {
    Text(String),
    Number(f64),
    Whole(i64),
}

/// The parameters of a query; their places are counted from 1.
#[derive(Debug, Default)]
pub(super) struct Parameters(pub(super) Vec<Parameter>);

/// Which of the two expressions over one outcome a name stands for.
pub(super) struct Translation<'a> {
    pub(super) parameters: &'a mut Parameters,
    /// SQL of the number that the metric takes.
    pub(super) number: &'a str,
}

impl Parameter {
    pub(super) fn as_sql(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Text(text) => (text, Type::TEXT),
            Self::Number(number) => (number, Type::FLOAT8),
            Self::Whole(whole) => (whole, Type::INT8),
        }
    }
}

impl Parameters {
    /// SQL that stands for a text.
    pub(super) fn text(&mut self, text: &str) -> String {
        self.push(Parameter::Text(text.to_owned()), "text")
    }

    /// SQL that stands for a whole number.
    pub(super) fn whole(&mut self, whole: i64) -> String {
        self.push(Parameter::Whole(whole), "bigint")
    }

    fn number(&mut self, number: f64) -> String {
        self.push(Parameter::Number(number), "float8")
    }

    fn push(&mut self, parameter: Parameter, ty: &str) -> String {
        let place = self.0.iter().position(|known| *known == parameter);
        let place = place.unwrap_or_else(|| {
            self.0.push(parameter);
            self.0.len() - 1
        });
        format!("${}::{ty}", place + 1)
    }

    /// Whether a server may be asked so.
    pub(super) fn are_fit(&self) -> bool {
        let nul = |parameter: &Parameter| matches!(parameter, Parameter::Text(text) if text.contains('\0'));
        self.0.len() <= MAX_PARAMETERS && !self.0.iter().any(nul)
    }
}

/// SQL of a property as JSON; `NULL` where it is missing.
pub(super) fn property(parameters: &mut Parameters, name: &str) -> String {
    let name = parameters.text(name);
    format!("(x.properties -> {name})")
}

/// SQL of a JSON value as a number; `NULL` where it is none, or one that no event may carry.
pub(super) fn json_number(json: &str) -> String {
    format!(
        "(CASE WHEN jsonb_typeof({json}) = 'number' THEN \
         CASE WHEN abs(({json})::numeric) <= {MAX_NUMBER:?} THEN ({json})::float8 END END)"
    )
}

impl Translation<'_> {
    /// The condition in SQL, of type boolean.
    pub(super) fn condition(&mut self, condition: &Condition<'_>) -> String {
        match condition {
            Condition::Always(true) => "true".to_owned(),
            Condition::Always(false) => "false".to_owned(),
            Condition::Not(term) => format!("(NOT {})", self.condition(term)),
            Condition::And(terms) => self.join(terms, " AND ", "true"),
            Condition::Or(terms) => self.join(terms, " OR ", "false"),
            Condition::Is(name) => {
                let json = self.json(name);
                typed(&json, "boolean", &format!("{json} = 'true'::jsonb"))
            }
            Condition::Has(name) => match self.property(name) {
                Some(json) => format!("coalesce({}, false)", present(&json)),
                None => format!("({} IS NOT NULL)", self.number),
            },
            Condition::Equals(name, literal) => self.equals(name, *literal),
            Condition::OneOf(name, literals) => self.one_of(name, literals),
            Condition::Order(name, side, literal) => self.order(name, *side, *literal),
            Condition::Lists(name, text) => {
                let (json, text) = (self.json(name), self.parameters.text(text));
                typed(&json, "array", &format!("jsonb_exists({json}, {text})"))
            }
            Condition::Text(name, piece, part) => {
                let (json, part) = (self.json(name), self.parameters.text(part));
                let text = format!("({json} #>> '{{}}')");
                let holds = match piece {
                    Piece::Start => format!("left({text}, length({part})) = {part}"),
                    Piece::End => format!("right({text}, length({part})) = {part}"),
                    Piece::Any => format!("strpos({text}, {part}) > 0"),
                };
                typed(&json, "string", &holds)
            }
        }
    }

    fn join(&mut self, terms: &[Condition<'_>], operator: &str, none: &str) -> String {
        if terms.is_empty() {
            return none.to_owned();
        }
        let terms: Vec<String> = terms.iter().map(|term| self.condition(term)).collect();
        format!("({})", terms.join(operator))
    }

    /// The property that a name stands for; the metric's number for `value`.
    fn property(&mut self, name: &str) -> Option<String> {
        let name = name.strip_prefix(PROPERTIES)?;
        Some(property(self.parameters, name))
    }

    /// The attribute as JSON.
    fn json(&mut self, name: &str) -> String {
        match self.property(name) {
            Some(json) => json,
            None => format!("to_jsonb({})", self.number),
        }
    }

    fn equals(&mut self, name: &str, literal: Literal<'_>) -> String {
        let json = self.json(name);
        let (ty, holds) = match literal {
            Literal::Bool(value) => ("boolean", format!("{json} = '{value}'::jsonb")),
            Literal::Number(number) => {
                let number = self.parameters.number(number);
                ("number", format!("{} = {number}", self.as_number(name, &json)))
            }
            Literal::Text(text) => {
                let text = self.parameters.text(text);
                ("string", format!("({json} #>> '{{}}') = {text}"))
            }
        };
        // Another type is another value; only what is missing is an error.
        format!(
            "(CASE WHEN jsonb_typeof({json}) = '{ty}' THEN {holds} WHEN {} THEN false END)",
            present(&json)
        )
    }

    fn one_of(&mut self, name: &str, literals: &[Literal<'_>]) -> String {
        if literals.is_empty() {
            let json = self.json(name);
            return format!("(CASE WHEN {} THEN false END)", present(&json));
        }
        let terms: Vec<String> = literals
            .iter()
            .map(|literal| self.equals(name, *literal))
            .collect();
        format!("({})", terms.join(" OR "))
    }

    fn order(&mut self, name: &str, side: Side, literal: Literal<'_>) -> String {
        let operator = match side {
            Side::Below => "<",
            Side::UpTo => "<=",
            Side::Above => ">",
            Side::From => ">=",
        };
        let json = self.json(name);
        match literal {
            Literal::Number(number) => {
                let number = self.parameters.number(number);
                format!("({} {operator} {number})", self.as_number(name, &json))
            }
            Literal::Text(text) => {
                let text = self.parameters.text(text);
                let mut holds = format!("({json} #>> '{{}}')");
                let _ = write!(holds, " COLLATE \"C\" {operator} {text}");
                typed(&json, "string", &holds)
            }
            // The core refuses an order of booleans.
            Literal::Bool(_) => "NULL::boolean".to_owned(),
        }
    }

    fn as_number(&self, name: &str, json: &str) -> String {
        if name.starts_with(PROPERTIES) {
            json_number(json)
        } else {
            self.number.to_owned()
        }
    }
}

/// Whether a JSON value counts as there; `NULL` where there is none.
fn present(json: &str) -> String {
    format!("(jsonb_typeof({json}) NOT IN ('null', 'object'))")
}

/// What holds for a JSON value of one type, and is `NULL` for every other.
fn typed(json: &str, ty: &str, holds: &str) -> String {
    format!("(CASE WHEN jsonb_typeof({json}) = '{ty}' THEN {holds} END)")
}
