//! What lint tells: a finding with the place in the text that it is about.

use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_compile::finding::{Finding, Severity};

use crate::manifest::{Document, FieldPath, Part, Position, Source, Span, locate, position_in_scalar};

/// One fact about one place.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Why, from the closed enumeration.
    pub reason: Reason,
    /// The object's kind as written; empty where the text could not be read that far. So are the next three.
    pub kind: String,
    /// The object's namespace; empty for cluster-scoped kinds too.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The field's path.
    pub field: String,
    /// Where it stands; none for what no input of this run says.
    pub place: Option<Located>,
    /// What is wrong with which value and what to do; no line breaks.
    pub message: String,
    /// The nearest valid value, where one is near.
    pub suggestion: Option<String>,
}

/// A stretch of one input.
#[derive(Debug, Clone)]
pub struct Located {
    /// The input.
    pub source: Arc<Source>,
    /// The stretch.
    pub span: Span,
}

impl Located {
    /// The file's name, then line and column: the order in which findings are shown.
    pub fn order(&self) -> (&str, Position) {
        (self.source.name(), self.span.start)
    }
}

impl Diagnostic {
    /// A finding about a document of this run, or, without one, about an object that no input defines.
    pub fn of(finding: Finding, document: Option<&Document>) -> Self {
        let place = document.map(|document| {
            let span = place(document, &finding);
            Located {
                source: Arc::clone(&document.source),
                span,
            }
        });
        Self {
            severity: finding.severity,
            reason: finding.reason,
            kind: finding.object.kind.to_string(),
            namespace: finding.object.namespace,
            name: finding.object.name,
            field: finding.field,
            place,
            message: finding.message,
            suggestion: finding.suggestion,
        }
    }
}

impl Diagnostic {
    /// Object and field, as far as they are known: `Audience shop/lapsed, spec.match`.
    pub fn about(&self) -> String {
        let name = if self.namespace.is_empty() || self.name.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        };
        let object = [self.kind.as_str(), &name]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        [object.as_str(), &self.field]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The question that a near value is worth.
    pub fn help(&self) -> Option<String> {
        self.suggestion
            .as_ref()
            .map(|suggestion| format!("did you mean `{suggestion}`?"))
    }

    /// Place, message and help on one line, as compilers write it: `file:line:column: message`.
    pub fn line(&self) -> String {
        let message = self.full_message();
        match &self.place {
            Some(place) => format!("{}:{}: {message}", place.source.name(), place.span.start),
            None => format!("{}: {message}", self.about()),
        }
    }

    /// The message and the help on one line.
    pub fn full_message(&self) -> String {
        match self.help() {
            Some(help) => format!("{}; {help}", self.message),
            None => self.message.clone(),
        }
    }
}

/// The stretch that a finding is about: the key of a field that should not be there, the character of an expression,
/// else the value.
fn place(document: &Document, finding: &Finding) -> Span {
    let part = match finding.reason {
        Reason::UnknownField | Reason::DuplicateKey => Part::Key,
        _ => Part::Value,
    };
    let found = locate(&document.root, &FieldPath::parse(&finding.field), part);
    let exact = finding
        .offset
        .zip(found.node)
        .and_then(|(offset, node)| position_in_scalar(&document.source, &node, offset));
    exact.map_or(found.span, |start| Span {
        start,
        end: Position {
            column: start.column + word(&document.source, start),
            ..start
        },
    })
}

/// How long the name or the quoted text is that starts at a place of an expression; 1 for operators.
fn word(source: &Source, start: Position) -> usize {
    let line = source.line(start.line).unwrap_or_default();
    let rest: Vec<char> = line.chars().skip(start.column.saturating_sub(1)).collect();
    let length = match rest.first() {
        Some(quote @ ('"' | '\'')) => rest
            .iter()
            .skip(1)
            .position(|one| one == quote)
            .map(|end| end + 2),
        Some(first) if first.is_alphanumeric() || *first == '_' => {
            let ends = |one: &char| !(one.is_alphanumeric() || matches!(one, '_' | '.'));
            Some(rest.iter().position(ends).unwrap_or(rest.len()))
        }
        _ => None,
    };
    length.unwrap_or(1)
}
