//! What to say about a value of the wrong type.

use crate::manifest::{Node, Resolved, Scalar, Style, Value, read_plain};
use crate::quote::quote;

/// A type that a field wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Object,
    Array,
    Text,
    Integer,
    Number,
    Boolean,
    IntOrString,
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Self::Object => "a map",
            Self::Array => "a list",
            Self::Text => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Boolean => "`true` or `false`",
            Self::IntOrString => "an integer or a string",
        }
    }

    fn takes(self, read: Resolved) -> bool {
        match self {
            Self::Integer => matches!(read, Resolved::Int(_)),
            Self::Number => matches!(
                read,
                Resolved::Int(_) | Resolved::Unsigned(_) | Resolved::Float(_)
            ),
            Self::Boolean => matches!(read, Resolved::Bool(_)),
            Self::Object | Self::Array | Self::Text | Self::IntOrString => false,
        }
    }
}

/// A scalar without quotes that became something else than the text it looks like, and how to keep it.
pub(super) fn explain_plain(scalar: &Scalar) -> Option<String> {
    if scalar.style != Style::Plain || scalar.resolved == Resolved::Text {
        return None;
    }
    let (text, read) = (quote(&scalar.text), describe_scalar(scalar));
    let plainest = scalar.to_json().to_string();
    let verb = if plainest == scalar.text {
        "is"
    } else {
        "is read as"
    };
    Some(format!("`{text}` {verb} {read}; quote it: \"{text}\""))
}

/// What is wrong with the type of a value.
pub(super) fn explain(node: &Node, wanted: Wanted) -> String {
    let unquoted = node
        .scalar()
        .filter(|scalar| scalar.style == Style::Quoted && wanted.takes(read_plain(&scalar.text)))
        .map(|scalar| format!("; remove the quotes: {}", quote(&scalar.text)));
    format!(
        "must be {}, not {}{}",
        wanted.name(),
        describe(node),
        unquoted.unwrap_or_default()
    )
}

fn describe(node: &Node) -> String {
    match &node.value {
        Value::Mapping(_) => "a map".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Scalar(scalar) => describe_scalar(scalar),
    }
}

fn describe_scalar(scalar: &Scalar) -> String {
    match scalar.resolved {
        Resolved::Null => "nothing".to_owned(),
        Resolved::Bool(value) => format!("the boolean {value}"),
        Resolved::Int(_) | Resolved::Unsigned(_) | Resolved::Float(_) => {
            format!("the number {}", scalar.to_json())
        }
        Resolved::Text => format!("the string `{}`", quote(&scalar.text)),
    }
}

/// A number that is written as nobody reads it: `012` is ten.
pub(super) fn octal(scalar: &Scalar) -> Option<String> {
    let digits = scalar.text.trim_start_matches(['+', '-']);
    let leading_zero = digits
        .strip_prefix('0')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let number = match scalar.resolved {
        Resolved::Int(number) if leading_zero && scalar.style == Style::Plain => number,
        _ => return None,
    };
    let text = quote(&scalar.text);
    Some(format!(
        "`{text}` is read as the octal number {number}; write {number} or what was meant"
    ))
}
