//! One schema of a definition, read with the guarantee that nothing in it goes unsaid.

use serde_json::{Map, Value};

/// Every keyword that the pages put into words, or leave out because it is for machines: a definition that uses another
/// one must be given words first.
const KEYWORDS: [&str; 19] = [
    "additionalProperties",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    // For machines: how lists merge, which the page of no field needs.
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-validations",
];

/// A schema.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'d>(&'d Map<String, Value>);

/// A rule of a schema: the field below it that is at fault, and what to do.
pub(crate) struct Rule<'d> {
    pub(crate) field: &'d str,
    pub(crate) message: &'d str,
    /// Whether it compares with the resource before.
    pub(crate) is_on_change: bool,
}

impl<'d> Schema<'d> {
    pub(crate) fn new(schema: &'d Value) -> Self {
        let keywords = schema.as_object().expect("a schema is an object");
        for keyword in keywords.keys() {
            assert!(
                KEYWORDS.contains(&keyword.as_str()),
                "`{keyword}` has no words in docs/reference/: give it some in operator/cli/tests/reference/"
            );
        }
        Self(keywords)
    }

    pub(crate) fn text(self, keyword: &str) -> Option<&'d str> {
        self.0.get(keyword)?.as_str()
    }

    pub(crate) fn number(self, keyword: &str) -> Option<f64> {
        self.0.get(keyword)?.as_f64()
    }

    /// The most characters of a text.
    pub(crate) fn max_length(self) -> Option<u64> {
        self.0.get("maxLength")?.as_u64()
    }

    pub(crate) fn description(self) -> &'d str {
        self.text("description").unwrap_or_default()
    }

    /// The values of an enumeration.
    pub(crate) fn values(self) -> Option<Vec<&'d str>> {
        let values = self.0.get("enum")?.as_array()?;
        Some(values.iter().filter_map(Value::as_str).collect())
    }

    pub(crate) fn items(self) -> Option<Self> {
        self.0.get("items").map(Self::new)
    }

    /// The schema of a map's values.
    pub(crate) fn map_values(self) -> Option<Self> {
        self.0.get("additionalProperties").map(Self::new)
    }

    pub(crate) fn properties(self) -> impl Iterator<Item = (&'d str, Self)> {
        let properties = self.0.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.as_str(), Self::new(schema)))
    }

    pub(crate) fn property(self, name: &str) -> Option<Self> {
        self.properties()
            .find(|(own, _)| *own == name)
            .map(|(_, schema)| schema)
    }

    pub(crate) fn requires(self, name: &str) -> bool {
        let required = self.0.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|own| own == name))
    }

    pub(crate) fn rules(self) -> impl Iterator<Item = Rule<'d>> {
        let rules = self.0.get("x-kubernetes-validations").and_then(Value::as_array);
        rules.into_iter().flatten().map(|rule| Rule {
            field: rule.get("fieldPath").and_then(Value::as_str).unwrap_or_default(),
            message: rule
                .get("message")
                .and_then(Value::as_str)
                .expect("every rule says what to do"),
            is_on_change: rule
                .get("rule")
                .and_then(Value::as_str)
                .is_some_and(|cel| cel.contains("oldSelf")),
        })
    }

    /// What stands below it: the fields of an object, of a list's entries or of a map's values, and how they are told
    /// from it in a path.
    pub(crate) fn below(self) -> (&'static str, Self) {
        match (self.items(), self.map_values()) {
            (Some(items), _) => ("[]", items),
            (None, Some(values)) => (".<key>", values),
            (None, None) => ("", self),
        }
    }
}
