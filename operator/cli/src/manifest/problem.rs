//! What can be wrong with the text itself, before anybody asks what it means.

use super::source::Span;

/// One thing that is wrong with the text of an input.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// Where.
    pub span: Span,
    /// What is wrong and what to do; no line breaks.
    pub message: String,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProblemKind {
    /// The text is not YAML or JSON as kubectl reads it.
    Syntax,
    /// A key stands twice in one map.
    DuplicateKey,
    /// A value that JSON cannot hold.
    InvalidValue,
    /// More than we are willing to read.
    TooLarge,
}

impl Problem {
    pub(super) fn syntax(span: Span, message: impl Into<String>) -> Self {
        Self {
            kind: ProblemKind::Syntax,
            span,
            message: message.into(),
        }
    }

    pub(super) fn too_large(span: Span, message: impl Into<String>) -> Self {
        Self {
            kind: ProblemKind::TooLarge,
            span,
            message: message.into(),
        }
    }

    pub(super) fn value(span: Span, message: impl Into<String>) -> Self {
        Self {
            kind: ProblemKind::InvalidValue,
            span,
            message: message.into(),
        }
    }
}
