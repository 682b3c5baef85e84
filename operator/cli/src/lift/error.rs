//! What a line may be refused for.

use attune_lift::AnalysisError;

use crate::lines::{LONGEST_LINE, LineError};

/// Why a line has no answer; the message names the field and the value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum QuestionError {
    /// Too many bytes.
    #[error("the line is longer than {LONGEST_LINE} bytes: give one question a line")]
    LineTooLong,
    /// Not UTF-8.
    #[error("the line is not UTF-8 from byte {column} on")]
    DecodeLine {
        /// Where, 1-based.
        column: usize,
    },
    /// Nothing but blanks.
    #[error("the line is empty: give one question, a JSON object, a line")]
    EmptyLine,
    /// Not JSON.
    #[error("the line is not a JSON object: {message} at column {column}")]
    ParseLine {
        /// What the parser says.
        message: String,
        /// Where, 1-based.
        column: usize,
    },
    /// A word that some programs write for a number that is none.
    #[error("`{field}` is `{word}`: JSON has no such number; every figure must be finite")]
    NoNumber {
        /// The field's path, as far as it is known.
        field: String,
        /// The word.
        word: &'static str,
    },
    /// A field that there is not.
    #[error("`{field}` is not a field here{}", hint(.suggestion.as_deref()))]
    UnknownField {
        /// The field's path.
        field: String,
        /// A field that there is.
        suggestion: Option<String>,
    },
    /// A field twice.
    #[error("`{field}` is there twice: give it once")]
    RepeatedField {
        /// The field's path.
        field: String,
    },
    /// A field that must be there.
    #[error("`{field}` is missing{}", .wanted.map(|wanted| format!(": {wanted}")).unwrap_or_default())]
    MissingField {
        /// The field's path.
        field: String,
        /// What it should be.
        wanted: Option<&'static str>,
    },
    /// A value that cannot be one of this field.
    #[error("`{field}` is `{value}`: {wanted}")]
    WrongValue {
        /// The field's path.
        field: String,
        /// The value.
        value: String,
        /// What it must be.
        wanted: String,
    },
    /// The moments and the question do not go together.
    #[error("{0}")]
    Analyse(AnalysisError),
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(
        || ": remove it".to_owned(),
        |suggestion| format!(": did you mean `{suggestion}`?"),
    )
}

impl From<LineError> for QuestionError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Bound => Self::LineTooLong,
            LineError::Decode { column } => Self::DecodeLine { column },
        }
    }
}
