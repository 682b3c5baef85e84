//! Taking the fields of a JSON object one by one, with bounds.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::error::{EventError, excerpt};

/// A JSON object whose fields are taken out as they are read, so that what is left over is unknown.
pub(super) struct Fields {
    prefix: &'static str,
    map: Map<String, Value>,
}

impl Fields {
    /// `prefix` precedes the names of the fields in messages (`data.`).
    pub(super) fn new(prefix: &'static str, map: Map<String, Value>) -> Self {
        Self { prefix, map }
    }

    /// Takes a field; null is absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// A text of 1 to `max_bytes` bytes without control characters.
    pub(super) fn text(&mut self, name: &str, max_bytes: usize) -> Result<Option<String>, EventError> {
        let expected = || format!("a string of 1 to {max_bytes} bytes without control characters");
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let text = self.string(name, value, &expected())?;
        match check_text(&text, max_bytes) {
            Ok(()) => Ok(Some(text)),
            Err(problem) => Err(self.wrong(name, &text, problem, expected())),
        }
    }

    /// Like [`Fields::text`], and required.
    pub(super) fn required_text(&mut self, name: &str, max_bytes: usize) -> Result<String, EventError> {
        self.text(name, max_bytes)?.ok_or_else(|| EventError::FindField {
            field: self.path(name),
            expected: format!("a string of 1 to {max_bytes} bytes"),
        })
    }

    /// A required instant in RFC 3339.
    pub(super) fn required_time(&mut self, name: &str) -> Result<Timestamp, EventError> {
        const EXPECTED: &str = "an RFC 3339 time such as 2026-12-01T00:00:00Z";
        let Some(value) = self.take(name) else {
            return Err(EventError::FindField {
                field: self.path(name),
                expected: EXPECTED.to_owned(),
            });
        };
        let text = self.string(name, value, EXPECTED)?;
        if !has_rfc3339_shape(&text) {
            return Err(self.wrong(name, &text, "which is not in RFC 3339", EXPECTED));
        }
        text.parse()
            .map_err(|_| self.wrong(name, &text, "which is no time", EXPECTED))
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, EventError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(self.wrong_type(name, &other, "true or false")),
        }
    }

    /// A finite number of bounded magnitude.
    pub(super) fn number(&mut self, name: &str, max: f64) -> Result<Option<f64>, EventError> {
        let expected = || format!("a finite number of magnitude {max:e} or less");
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => match number.as_f64() {
                Some(value) if value.abs() <= max => Ok(Some(value)),
                _ => Err(self.wrong(name, &number.to_string(), "which is out of bounds", expected())),
            },
            Some(other) => Err(self.wrong_type(name, &other, expected())),
        }
    }

    /// An integer of at least 1.
    pub(super) fn positive(&mut self, name: &str) -> Result<Option<i32>, EventError> {
        const EXPECTED: &str = "an integer from 1 to 2147483647";
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let Value::Number(number) = &value else {
            return Err(self.wrong_type(name, &value, EXPECTED));
        };
        match number.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) if number >= 1 => Ok(Some(number)),
            _ => Err(self.wrong(name, &number.to_string(), "which is out of bounds", EXPECTED)),
        }
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self, known: &[&str]) -> Result<(), EventError> {
        let Some((name, _)) = self.map.iter().find(|(_, value)| !value.is_null()) else {
            return Ok(());
        };
        let nearest = known
            .iter()
            .map(|known| (strsim::damerau_levenshtein(known, &excerpt(name)), known))
            .min()
            .filter(|(distance, _)| *distance <= 2);
        let help = match nearest {
            Some((_, known)) => format!("did you mean `{}{known}`?", self.prefix),
            None => format!("remove it, or send one of {}", known.join(", ")),
        };
        Err(EventError::KnowField {
            field: self.path(&excerpt(name)),
            help,
        })
    }

    /// The path of a field in messages.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A field whose value is not what was expected.
    pub(super) fn wrong(
        &self,
        name: &str,
        value: &str,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) -> EventError {
        EventError::ReadField {
            field: self.path(name),
            value: excerpt(value),
            problem: problem.into(),
            expected: expected.into(),
        }
    }

    /// A field whose value has the wrong JSON type.
    pub(super) fn wrong_type(&self, name: &str, value: &Value, expected: impl Into<String>) -> EventError {
        self.wrong(name, &compact(value), json_type(value), expected)
    }

    fn string(&self, name: &str, value: Value, expected: &str) -> Result<String, EventError> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(self.wrong_type(name, &other, expected)),
        }
    }
}

/// What is wrong with a text, if anything.
pub(super) fn check_text(text: &str, max_bytes: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err("which is empty".to_owned());
    }
    if text.len() > max_bytes {
        return Err(format!("which has {} bytes", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err("which has control characters".to_owned());
    }
    Ok(())
}

/// The JSON type of a value, with its article.
pub(super) const fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value as text for an excerpt; arrays and objects are not written out, they may be huge.
pub(super) fn compact(value: &Value) -> String {
    match value {
        Value::Array(_) => "[…]".to_owned(),
        Value::Object(_) => "{…}".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `YYYY-MM-DD`, `T`, and at the end `Z` or a numeric offset with minutes: what RFC 3339 asks for and more lenient
/// parsers do not.
fn has_rfc3339_shape(text: &str) -> bool {
    let bytes = text.as_bytes();
    let separated = matches!(bytes.get(10), Some(b'T' | b't' | b' ')) && bytes.get(4) == Some(&b'-');
    let offset = match bytes.last_chunk::<6>() {
        Some([b'+' | b'-', _, _, b':', _, _]) => true,
        _ => matches!(bytes.last(), Some(b'Z' | b'z')),
    };
    separated && offset && bytes.len() >= 20 && bytes.len() <= 40
}
