//! Tables of fields: small objects in the table of what holds them, large ones in a section of their own.

use crate::formats;
use crate::markdown::{Table, code, link};
use crate::schema::Schema;

/// An object with more fields than this, those below them included, gets a section.
const INLINE: usize = 4;

/// The sections of the fields of one part of a kind, such as its spec.
pub(crate) struct Fields<'k> {
    kind: &'k str,
    /// Whether people write them: then what happens without them matters.
    written: bool,
    text: String,
}

impl<'k> Fields<'k> {
    /// All fields of `part` and below, with the headings of their sections. `part` is `spec` or `status`.
    pub(crate) fn of(kind: &'k str, part: &str, schema: Schema<'_>) -> String {
        let mut fields = Self {
            kind,
            written: part == "spec",
            text: String::new(),
        };
        fields.section(part, schema, "###");
        fields.text
    }

    fn section(&mut self, path: &str, schema: Schema<'_>, level: &str) {
        let heading = heading(self.kind, path);
        let mut table = Table::new(if self.written {
            &["field", "type", "if absent", "meaning"]
        } else {
            &["field", "type", "meaning"]
        });
        let mut large = Vec::new();
        self.rows(&mut table, path, path, schema, &mut large);
        self.text.push_str(level);
        self.text.push(' ');
        self.text.push_str(&heading);
        self.text.push_str(
            "

",
        );
        self.text.push_str(&table.finish());
        for (path, schema) in large {
            self.section(&path, schema, "####");
        }
    }

    /// The rows of the fields of `schema` at `path`, named from `base` on. What is too large for this table is noted.
    fn rows<'d>(
        &self,
        table: &mut Table,
        base: &str,
        path: &str,
        schema: Schema<'d>,
        large: &mut Vec<(String, Schema<'d>)>,
    ) {
        for (name, field) in schema.properties() {
            let own = format!("{path}.{name}");
            let (suffix, below) = field.below();
            let inner = format!("{own}{suffix}");
            let is_large = is_foreign(name, self.written) || fields(below) > INLINE;
            let mut type_ = type_in_words(field);
            if is_foreign(name, self.written) {
                type_ = link(&type_, &conditions_heading(self.kind));
            } else if is_large {
                type_ = link(&type_, &heading(self.kind, &inner));
            }
            let shown = own.strip_prefix(base).unwrap_or(&own).trim_start_matches('.');
            self.row(table, shown, &type_, schema.requires(name), field);
            if is_foreign(name, self.written) {
                continue;
            }
            if is_large {
                large.push((inner, below));
            } else {
                self.rows(table, base, &inner, below, large);
            }
        }
    }

    fn row(&self, table: &mut Table, name: &str, type_: &str, required: bool, field: Schema<'_>) {
        let documented = Documented::new(field);
        let name = code(name);
        if self.written {
            let default = if required {
                "**required**".to_owned()
            } else {
                documented.default
            };
            table.row([&name, type_, &default, &documented.meaning]);
        } else {
            table.row([&name, type_, field.description()]);
        }
    }
}

/// Conditions are Kubernetes' own type, and have a section of their own.
fn is_foreign(name: &str, written: bool) -> bool {
    !written && name == "conditions"
}

/// How many rows the fields of a schema take.
fn fields(schema: Schema<'_>) -> usize {
    schema
        .properties()
        .map(|(_, field)| 1 + fields(field.below().1))
        .sum()
}

fn heading(kind: &str, path: &str) -> String {
    format!("{kind} `{path}`")
}

/// The heading of a kind's conditions.
pub(crate) fn conditions_heading(kind: &str) -> String {
    format!("{kind} conditions")
}

/// A field's description, with the default that it tells apart from the rest.
struct Documented {
    meaning: String,
    default: String,
}

impl Documented {
    fn new(field: Schema<'_>) -> Self {
        let description = field.description();
        let mut documented = match description.split_once("; absent: ") {
            None => Self {
                meaning: description.to_owned(),
                default: String::new(),
            },
            Some((meaning, rest)) => {
                let (default, more) = rest.split_once(". ").unwrap_or((rest.trim_end_matches('.'), ""));
                Self {
                    meaning: format!("{meaning}. {more}").trim_end().to_owned(),
                    default: default.to_owned(),
                }
            }
        };
        // What an object of a list is, its list says; what a text of a list is, it may not.
        if let Some(entry) = field.items().filter(|entry| entry.text("type") == Some("string")) {
            documented.meaning = format!("{} {}", documented.meaning, entry.description());
        }
        documented
    }
}

/// The type of a field with its bounds, in words.
fn type_in_words(schema: Schema<'_>) -> String {
    let type_ = schema.text("type").expect("every schema has a type");
    match type_ {
        "string" => text_in_words(schema),
        "integer" | "number" => with(type_, &range(schema, "minimum", "maximum", "")),
        "array" => {
            let entry = schema.items().expect("a list says of what");
            let entry = if entry.text("type") == Some("object") {
                "objects".to_owned()
            } else {
                type_in_words(entry)
            };
            with(
                &format!("list of {entry}"),
                &range(schema, "minItems", "maxItems", " entries"),
            )
        }
        "object" => match schema.map_values() {
            Some(values) => with(
                &format!("map of {}", type_in_words(values)),
                &range(schema, "minProperties", "maxProperties", " keys"),
            ),
            None => type_.to_owned(),
        },
        other => other.to_owned(),
    }
}

fn text_in_words(schema: Schema<'_>) -> String {
    if let Some(values) = schema.values() {
        let values: Vec<String> = values.into_iter().map(code).collect();
        return values.join(", ");
    }
    match formats::of(schema) {
        Some((format, max)) => {
            let name = link(format.name, formats::HEADING);
            with(
                &name,
                &max.map(|max| format!("at most {max} characters"))
                    .unwrap_or_default(),
            )
        }
        None => with("text", &range(schema, "minLength", "maxLength", " characters")),
    }
}

fn with(name: &str, bounds: &str) -> String {
    if bounds.is_empty() {
        name.to_owned()
    } else {
        format!("{name}, {bounds}")
    }
}

fn range(schema: Schema<'_>, min: &str, max: &str, unit: &str) -> String {
    match (schema.number(min), schema.number(max)) {
        (None, None) => String::new(),
        (Some(min), None) => format!("at least {min}{unit}"),
        (None, Some(max)) => format!("at most {max}{unit}"),
        (Some(min), Some(max)) => format!("{min} to {max}{unit}"),
    }
}
