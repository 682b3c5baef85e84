//! A JSON object as its fields in their own words, so that a message can repeat what stands there.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::QuestionError;
use crate::quote::quote;
use crate::suggest::nearest;

/// Counts are exact up to here, in every language that has doubles.
const MOST_COUNT: u64 = 1 << 53;

/// Words for numbers that are none, longest first.
const NO_NUMBERS: [&str; 8] = [
    "-Infinity",
    "Infinity",
    "-inf",
    "inf",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
];

/// The fields of one object, values unread.
#[derive(Debug, Default)]
pub(super) struct Object<'l> {
    path: String,
    fields: Vec<(String, &'l RawValue)>,
}

impl<'l> Object<'l> {
    /// Reads a line; on an error the fields before it stay, so that the line can still be told by its `id`.
    pub(super) fn read(&mut self, text: &'l str) -> Result<(), QuestionError> {
        let mut unread = None;
        let mut parser = serde_json::Deserializer::from_str(text);
        let fields = Fields {
            fields: &mut self.fields,
            unread: &mut unread,
        };
        let parsed = fields.deserialize(&mut parser).and_then(|()| parser.end());
        parsed.map_err(|error| parse_error(text, &error, unread.as_deref()))?;
        let mut names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        });
        twice.map_or(Ok(()), |name| {
            Err(QuestionError::RepeatedField {
                field: self.path_of(name),
            })
        })
    }

    /// The object that a value is.
    fn nested(path: String, value: &'l RawValue) -> Result<Self, QuestionError> {
        if !value.get().starts_with('{') {
            return Err(wrong(path, value, "give a JSON object"));
        }
        let mut object = Self {
            path,
            fields: Vec::new(),
        };
        object.read(value.get())?;
        Ok(object)
    }

    /// Refuses every field but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), QuestionError> {
        let stray = self
            .fields
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()));
        stray.map_or(Ok(()), |(name, _)| {
            Err(QuestionError::UnknownField {
                field: self.path_of(&quote(name)),
                suggestion: nearest(name, known.iter().copied()).map(str::to_owned),
            })
        })
    }

    /// The path of one of its fields.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// A field's value; `null` is as good as nothing.
    pub(super) fn value(&self, name: &str) -> Option<&'l RawValue> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    /// The value of a field that must be there.
    pub(super) fn required(
        &self,
        name: &str,
        wanted: Option<&'static str>,
    ) -> Result<&'l RawValue, QuestionError> {
        self.value(name).ok_or_else(|| QuestionError::MissingField {
            field: self.path_of(name),
            wanted,
        })
    }

    /// A field's value as it is repeated in a message.
    pub(super) fn shown(&self, name: &str) -> String {
        self.value(name)
            .map_or_else(|| "null".to_owned(), |value| quote(value.get()))
    }

    /// The error that a field has the wrong value.
    pub(super) fn wrong(&self, name: &str, wanted: impl Into<String>) -> QuestionError {
        QuestionError::WrongValue {
            field: self.path_of(name),
            value: self.shown(name),
            wanted: wanted.into(),
        }
    }

    /// One of several words.
    pub(super) fn word<T: Copy>(&self, name: &str, words: &[(&'static str, T)]) -> Result<T, QuestionError> {
        let value = self.required(name, None).map_err(|_| QuestionError::WrongValue {
            field: self.path_of(name),
            value: "null".to_owned(),
            wanted: one_of(words),
        })?;
        let given: String = serde_json::from_str(value.get()).unwrap_or_default();
        let found = words.iter().find(|(word, _)| *word == given);
        found
            .map(|(_, meant)| *meant)
            .ok_or_else(|| self.wrong(name, one_of(words)))
    }

    /// A finite number.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, QuestionError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        number_of(value)
            .filter(|number| number.is_finite())
            .map(Some)
            .ok_or_else(|| self.wrong(name, "give a finite number"))
    }

    /// A finite number that must be there.
    pub(super) fn required_number(&self, name: &str) -> Result<f64, QuestionError> {
        self.required(name, Some("give a finite number"))?;
        self.number(name).map(Option::unwrap_or_default)
    }

    /// A whole number from 0 on; `1000.0` and `1e3` are whole too.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, QuestionError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let whole: Option<u64> = serde_json::from_str(value.get()).ok();
        let count = whole.or_else(|| whole_of(number_of(value)?));
        count
            .filter(|count| *count <= MOST_COUNT)
            .map(Some)
            .ok_or_else(|| self.wrong(name, format!("give a whole number from 0 to {MOST_COUNT}")))
    }

    /// The object in a field that must be there.
    pub(super) fn object(&self, name: &str) -> Result<Self, QuestionError> {
        let value = self.required(name, Some("give a JSON object"))?;
        Self::nested(self.path_of(name), value)
    }

    /// The objects of a list; none where the field is absent.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, QuestionError> {
        let Some(value) = self.value(name) else {
            return Ok(Vec::new());
        };
        let values: Vec<&'l RawValue> =
            serde_json::from_str(value.get()).map_err(|_| self.wrong(name, "give a list of JSON objects"))?;
        let objects = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| Self::nested(format!("{}[{index}]", self.path_of(name)), value));
        objects.collect()
    }
}

fn one_of<T>(words: &[(&'static str, T)]) -> String {
    let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    format!("give one of {}", words.join(", "))
}

fn wrong(field: String, value: &RawValue, wanted: &str) -> QuestionError {
    QuestionError::WrongValue {
        field,
        value: quote(value.get()),
        wanted: wanted.to_owned(),
    }
}

/// The nearest number to what is written, to the last digit; infinite where there is none.
fn number_of(value: &RawValue) -> Option<f64> {
    // What JSON takes for a number, Rust does too; whatever else JSON has is none for Rust.
    value.get().parse().ok()
}

fn whole_of(number: f64) -> Option<u64> {
    let whole = number >= 0.0 && number <= MOST_COUNT as f64 && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, at least zero and at most 2^53"
    )]
    whole.then_some(number as u64)
}

/// What the parser stumbled over; the words for numbers that are none are told apart, many programs write them.
fn parse_error(text: &str, error: &serde_json::Error, unread: Option<&str>) -> QuestionError {
    let column = error.column().max(1);
    // The parser points at the first character that it does not take, or at the one behind a sign.
    let named = [column - 1, column.saturating_sub(2)]
        .into_iter()
        .find_map(|start| {
            let rest = text.get(start..)?;
            let word = NO_NUMBERS.into_iter().find(|word| rest.starts_with(word))?;
            Some((name_before(text, start)?, word))
        });
    if let Some((name, word)) = named {
        let name = quote(name);
        let field = unread
            .filter(|outer| *outer != name)
            .map_or_else(|| name.clone(), |outer| format!("{}.{name}", quote(outer)));
        return QuestionError::NoNumber { field, word };
    }
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    QuestionError::ParseLine {
        message: message.to_owned(),
        column,
    }
}

/// The name of the field whose value starts at `start`.
fn name_before(text: &str, start: usize) -> Option<&str> {
    let before = text.get(..start)?.trim_end().strip_suffix(':')?.trim_end();
    let name = before.strip_suffix('"')?;
    name.rsplit_once('"').map(|(_, name)| name)
}

/// Collects fields, and remembers the name of the one whose value is being read.
struct Fields<'f, 'l> {
    fields: &'f mut Vec<(String, &'l RawValue)>,
    unread: &'f mut Option<String>,
}

impl<'l> DeserializeSeed<'l> for Fields<'_, 'l> {
    type Value = ();

    fn deserialize<D: Deserializer<'l>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'l> Visitor<'l> for Fields<'_, 'l> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            *self.unread = Some(name.clone());
            self.fields.push((name, map.next_value()?));
            *self.unread = None;
        }
        Ok(())
    }
}
