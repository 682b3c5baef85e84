//! A cell of a table as the JSON that a client would have sent.
//!
//! What a cell means is said by the data contract, through the bundle: the same text is a number for one attribute and a
//! string for another. A cell that does not fit its type is written as a string, which is of the wrong type for a decider
//! too.

use std::collections::BTreeMap;

use anyhow::ensure;
use attune_core::engine::Engine;
use attune_core::value::AttributeType;

/// What separates the entries of a list in a cell.
const SEPARATOR: char = ';';

/// What the columns of a table mean to an engine.
#[derive(Debug)]
pub(crate) struct Columns {
    columns: Vec<Option<Column>>,
    /// The prefix of the object of consents, which has columns of its own.
    consent: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Column {
    /// `"name":`.
    key: Vec<u8>,
    kind: Kind,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Number,
    Text,
    /// A list, or any JSON that begins like an object or a list.
    List,
    /// One purpose of the object of consents.
    Consent,
}

impl Columns {
    /// What the columns of these names are for; those that no rule reads are for nothing.
    ///
    /// # Errors
    /// When a name stands twice, or no column holds the unit.
    pub(crate) fn new(engine: &Engine, names: &[String]) -> anyhow::Result<Self> {
        let identity = &engine.bundle().settings.identity;
        let mut seen = BTreeMap::new();
        for (place, name) in names.iter().enumerate() {
            let before = seen.insert(name.as_str(), place);
            ensure!(
                before.is_none(),
                "column `{name}` stands twice in the header: rename or remove one"
            );
        }
        let units = [Some(&identity.unit), identity.fallback.as_ref()];
        ensure!(
            units
                .into_iter()
                .flatten()
                .any(|unit| seen.contains_key(unit.as_str())),
            "no column is called `{}`, which is what the channel takes for the unit; the header has `{}`",
            identity.unit,
            names.join("`, `")
        );
        let columns = names.iter().map(|name| column(engine, name));
        let consent = identity.consent.as_ref().map(|name| key(name));
        Ok(Self {
            columns: columns.collect(),
            consent,
        })
    }

    /// Writes a row as a context.
    ///
    /// # Errors
    /// When a cell that begins like JSON is none, or is no UTF-8.
    pub(crate) fn write<'c>(
        &self,
        cells: impl Iterator<Item = &'c [u8]> + Clone,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        out.push(b'{');
        let mut has_consents = false;
        for (cell, column) in cells.clone().zip(&self.columns) {
            let Some(column) = column.as_ref().filter(|_| !cell.is_empty()) else {
                continue;
            };
            if column.kind == Kind::Consent {
                has_consents = true;
                continue;
            }
            next(out);
            out.extend_from_slice(&column.key);
            column.write(cell, out)?;
        }
        if let Some(consent) = self.consent.as_ref().filter(|_| has_consents) {
            next(out);
            out.extend_from_slice(consent);
            out.push(b'{');
            for (cell, column) in cells.zip(&self.columns) {
                let column = column.as_ref().filter(|column| column.kind == Kind::Consent);
                if let Some(column) = column.filter(|_| !cell.is_empty()) {
                    next(out);
                    out.extend_from_slice(&column.key);
                    column.write(cell, out)?;
                }
            }
            out.push(b'}');
        }
        out.push(b'}');
        Ok(())
    }
}

/// A comma, unless it is the first member.
fn next(out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    string(name, &mut key);
    key.push(b':');
    key
}

fn column(engine: &Engine, name: &str) -> Option<Column> {
    let bundle = engine.bundle();
    let identity = &bundle.settings.identity;
    let consent = identity.consent.as_deref();
    let is = |path: &Option<String>| path.as_deref() == Some(name);
    let kind = if let Some(attribute) = bundle.attributes.get(name) {
        match attribute.ty {
            AttributeType::Bool => Kind::Bool,
            AttributeType::Int | AttributeType::Double => Kind::Number,
            AttributeType::String | AttributeType::Timestamp => Kind::Text,
            AttributeType::StringList => Kind::List,
        }
    } else if consent == Some(name) {
        Kind::List
    } else if identity.unit == name
        || is(&identity.fallback)
        || is(&identity.locale)
        || is(&identity.time_zone)
    {
        Kind::Text
    } else {
        let purpose = name.strip_prefix(consent?)?.strip_prefix('.')?;
        return Some(Column {
            key: key(purpose),
            kind: Kind::Consent,
            name: name.to_owned(),
        });
    };
    Some(Column {
        key: key(name),
        kind,
        name: name.to_owned(),
    })
}

impl Column {
    fn write(&self, cell: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let cell = std::str::from_utf8(cell).map_err(|_| format!("column `{}` is not UTF-8", self.name))?;
        match self.kind {
            Kind::Text | Kind::Consent => string(cell, out),
            Kind::Bool => match boolean(cell.trim()) {
                Some(true) => out.extend_from_slice(b"true"),
                Some(false) => out.extend_from_slice(b"false"),
                None => string(cell, out),
            },
            Kind::Number => number(cell, out),
            Kind::List => return self.list(cell.trim(), out),
        }
        Ok(())
    }

    fn list(&self, cell: &str, out: &mut Vec<u8>) -> Result<(), String> {
        if cell.starts_with(['[', '{']) {
            let checked: Result<&serde_json::value::RawValue, _> = serde_json::from_str(cell);
            checked.map_err(|error| format!("column `{}` is no JSON: {error}", self.name))?;
            out.extend_from_slice(cell.as_bytes());
            return Ok(());
        }
        out.push(b'[');
        let entries = cell.split(SEPARATOR).map(str::trim);
        for (place, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            string(entry, out);
        }
        out.push(b']');
        Ok(())
    }
}

fn boolean(cell: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    match (is(["true", "t", "1"]), is(["false", "f", "0"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        (false, false) => None,
    }
}

/// A number as JSON spells it, or the text as a string.
fn number(cell: &str, out: &mut Vec<u8>) {
    let cell = cell.trim();
    let digits = cell.strip_prefix('-').unwrap_or(cell).as_bytes();
    let is_plain = !digits.is_empty()
        && digits.len() < 19
        && digits.iter().all(u8::is_ascii_digit)
        && (digits.len() == 1 || digits.first() != Some(&b'0'));
    if is_plain || serde_json::from_str::<serde_json::Number>(cell).is_ok() {
        out.extend_from_slice(cell.as_bytes());
        return;
    }
    // `007`, `+5` and `.5` are numbers to most that write tables.
    if let Ok(integer) = cell.parse::<i64>() {
        out.extend_from_slice(integer.to_string().as_bytes());
        return;
    }
    match cell.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
        Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
        None => string(cell, out),
    }
}

/// A JSON string.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    let needs_escape = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    if text.as_bytes().iter().any(needs_escape) {
        // INVARIANT: a string always serializes, and memory takes what is written.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
