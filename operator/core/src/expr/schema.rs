//! The attributes that an expression may name.

use std::collections::{BTreeMap, BTreeSet};

use crate::value::AttributeType;

/// One declared attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// One to three dotted segments, see [`is_attribute_name`].
    pub name: String,
    /// What it holds.
    pub ty: AttributeType,
    /// The only strings it may hold; empty: any. Heeded for `String` and `StringList`.
    pub values: Vec<String>,
}

/// The attributes that an expression may name, with `now`, the decision's instant, always among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    attributes: BTreeMap<String, Attribute>,
    dynamic: BTreeSet<String>,
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning<'s> {
    Now,
    Declared(&'s Attribute),
    Dynamic,
}

/// The name of the decision's instant; an attribute of this name is hidden by it.
pub const NOW: &str = "now";

/// More segments than this are not an attribute's name.
const MAX_SEGMENTS: usize = 3;

/// Words that CEL does not read as identifiers.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

impl Schema {
    /// A schema of `now` alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one attribute; a second one of the same name replaces the first.
    pub fn declare(&mut self, attribute: Attribute) -> &mut Self {
        self.attributes.insert(attribute.name.clone(), attribute);
        self
    }

    /// Allows any `<root>.x` and `<root>.x.y`, of a type known only when evaluated.
    pub fn declare_dynamic(&mut self, root: impl Into<String>) -> &mut Self {
        self.dynamic.insert(root.into());
        self
    }

    /// Whether it is about events, whose properties nobody declares, and not about a unit.
    pub(super) fn is_of_events(&self) -> bool {
        !self.dynamic.is_empty()
    }

    pub(super) fn find(&self, name: &str) -> Option<Meaning<'_>> {
        if name == NOW {
            return Some(Meaning::Now);
        }
        if let Some(attribute) = self.attributes.get(name) {
            return Some(Meaning::Declared(attribute));
        }
        let (root, rest) = name.split_once('.')?;
        let dynamic = self.dynamic.contains(root) && rest.split('.').count() < MAX_SEGMENTS;
        dynamic.then_some(Meaning::Dynamic)
    }

    /// Whether `segment` starts the name of anything declared.
    pub(super) fn has_root(&self, segment: &str) -> bool {
        segment == NOW
            || self.dynamic.contains(segment)
            || self
                .attributes
                .keys()
                .any(|name| name.split('.').next() == Some(segment))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes.keys().map(String::as_str).chain([NOW])
    }
}

/// Whether expressions can spell `name`: one to three dotted CEL identifiers, the first no reserved word and not
/// [`NOW`].
///
/// ```
/// use attune_core::expr::is_attribute_name;
///
/// assert!(is_attribute_name("user.tier"));
/// assert!(!is_attribute_name("user.favourite-colour"));
/// assert!(!is_attribute_name("now"));
/// ```
pub fn is_attribute_name(name: &str) -> bool {
    let segments: Vec<&str> = name.split('.').collect();
    let first_is_free = segments
        .first()
        .is_some_and(|first| !RESERVED.contains(first) && *first != NOW);
    first_is_free && segments.len() <= MAX_SEGMENTS && segments.iter().all(|segment| is_identifier(segment))
}

fn is_identifier(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        // The grammar makes keywords of these, so that they are no field name either.
        && !matches!(segment, "in" | "true" | "false" | "null")
}

/// The known name closest to `name`, if close enough to be what was meant.
pub(super) fn closest<'s>(name: &str, known: impl IntoIterator<Item = &'s str>) -> Option<&'s str> {
    let (distance, best) = known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min()?;
    // A third of the letters may be wrong, as rustc has it.
    (distance <= name.chars().count().max(3) / 3).then_some(best)
}
