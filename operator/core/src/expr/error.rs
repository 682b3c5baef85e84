//! What can be wrong with an expression: when it is written, when it is linked, and when it is evaluated.

use serde::Serialize;

use crate::value::SlotId;

/// The closed set of mistakes an expression can contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ExprErrorKind {
    /// Not CEL.
    Syntax,
    /// A name that no contract declares.
    UnknownAttribute,
    /// A function or method that does not exist.
    UnknownFunction,
    /// An operator or function applied to types it does not take.
    TypeMismatch,
    /// The whole expression does not give what its field expects.
    WrongResult,
    /// A literal compared with an attribute whose contract does not list it.
    ValueNotInContract,
    /// A literal that is not what its function parses: a duration, an instant, a time zone.
    InvalidLiteral,
    /// The pattern of `matches` does not compile within its limits.
    InvalidRegex,
    /// Longer or deeper than the parser is asked to take.
    TooLarge,
    /// The worst case takes more steps than one evaluation may.
    TooCostly,
    /// CEL that is out of scope here.
    Unsupported,
}

/// One mistake in an expression, where it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}{}", question(.suggestion.as_deref()))]
pub struct ExprError {
    /// What kind of mistake.
    pub kind: ExprErrorKind,
    /// Where it is: characters (not bytes) from the start of the source, from 0.
    pub offset: usize,
    /// The attribute it is about.
    pub attribute: Option<String>,
    /// Lower case, user input in backticks, with what to do.
    pub message: String,
    /// A known name or value close to the one written; the message leaves asking for it to whoever shows it.
    pub suggestion: Option<String>,
}

fn question(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

impl ExprError {
    pub(super) fn new(kind: ExprErrorKind, offset: usize, message: impl Into<String>) -> Self {
        Self {
            kind,
            offset,
            attribute: None,
            message: message.into(),
            suggestion: None,
        }
    }

    pub(super) fn about(mut self, attribute: &str) -> Self {
        self.attribute = Some(attribute.to_owned());
        self
    }

    pub(super) fn suggest(mut self, suggestion: Option<&str>) -> Self {
        self.suggestion = suggestion.map(str::to_owned);
        self
    }
}

/// Why an [`Expression`](super::Expression) cannot become a [`Program`](super::Program).
///
/// A compiled expression links wherever its attributes have slots; the other variants name what a damaged or
/// hostile bundle may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The caller has no slot for an attribute.
    #[error("no slot for attribute `{0}`: add it to the bundle's attributes")]
    FindSlot(String),
    /// The operations are not those of one whole expression.
    #[error("operation {0} of the expression does not fit the ones before it: publish the bundle again")]
    Assemble(usize),
    /// Deeper, longer or costlier than any compiled expression.
    #[error("the expression exceeds the limit of {limit} {what}: publish the bundle again")]
    Bound {
        /// What is counted.
        what: &'static str,
        /// How much of it is allowed.
        limit: u64,
    },
    /// A pattern that does not compile.
    #[error("pattern `{0}` of `matches` does not compile: publish the bundle again")]
    CompileRegex(String),
    /// A time zone this build does not know.
    #[error("time zone `{0}` is not known: use a decider as new as the bundle")]
    FindTimeZone(String),
}

/// Why an evaluation gave no value. Never a reason to fail a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EvalError {
    /// An attribute is absent, not well typed, or its purpose is not granted.
    #[error("the attribute of slot {} is missing", .0.0)]
    Missing(SlotId),
    /// An integer, an instant or a duration outside its range.
    #[error("the result is out of range")]
    Overflow,
    /// An integer divided by zero, or its remainder.
    #[error("division by zero")]
    DivisionByZero,
    /// A value whose type is only known now does not fit its operator.
    #[error("a value has the wrong type")]
    TypeMismatch,
    /// An ordering with a NaN.
    #[error("a number that is not a number has no order")]
    Unordered,
    /// A list has no such index.
    #[error("the index is outside the list")]
    OutOfBounds,
    /// What never happened, or was never shown, has no instant.
    #[error("it never happened, as far as is remembered")]
    Never,
    /// Nobody can be asked now what the unit did and was shown.
    #[error("what the unit did and was shown is not known now")]
    Unknown,
    /// A string does not spell a value of the type it is converted to.
    #[error("the string does not spell the value asked for")]
    Conversion,
}
