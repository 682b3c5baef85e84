//! From source to the syntax tree of the `cel` crate.

use cel::Env;
use cel::common::ast::SourceInfo;
use cel::parser::{Expression as Ast, ParseError};

use super::error::{ExprError, ExprErrorKind};
use super::scan::{MAX_TREE_DEPTH, scan};

/// The generated parser takes up to 300 KiB a level of brackets when it is built without optimization, more than
/// the usual stack holds at the depth that [`scan`] lets through. Only what is used is ever backed by memory.
const STACK_BYTES: usize = 24 << 20;

/// A syntax tree, and where its nodes are in the source. Macros are still calls.
pub(super) struct Parsed<'s> {
    pub(super) ast: Ast,
    source: &'s str,
    info: SourceInfo,
}

impl Parsed<'_> {
    /// Characters before the node `id`.
    pub(super) fn offset(&self, id: u64) -> usize {
        self.before(id).chars().count()
    }

    /// Characters before the name of the call `id`, which is itself placed at its bracket.
    pub(super) fn call_offset(&self, id: u64, name: &str) -> usize {
        let before = self.before(id);
        before
            .trim_end()
            .strip_suffix(name)
            .unwrap_or(before)
            .chars()
            .count()
    }

    fn before(&self, id: u64) -> &str {
        let bytes = self.info.offset_for(id).map_or(0, |(start, _)| start as usize);
        self.source.get(..bytes).unwrap_or_default()
    }
}

/// Parses `source`, on a stack that is large enough whatever the caller's is.
pub(super) fn parse(source: &str) -> Result<Parsed<'_>, ExprError> {
    scan(source)?;
    // Joining also turns a panic of the generated parser into an error.
    let parsed = std::thread::scope(|scope| {
        let parser = std::thread::Builder::new().stack_size(STACK_BYTES);
        parser
            .spawn_scoped(scope, || run_parser(source))
            .ok()?
            .join()
            .ok()
    });
    let gave_up = || {
        ExprError::new(
            ExprErrorKind::Syntax,
            0,
            "the parser gave up: write the expression more simply",
        )
    };
    let (ast, info) = parsed.ok_or_else(gave_up)??;
    Ok(Parsed { ast, source, info })
}

fn run_parser(source: &str) -> Result<(Ast, SourceInfo), ExprError> {
    let depth = u16::try_from(2 * MAX_TREE_DEPTH).unwrap_or(u16::MAX);
    // An environment without macros: expanded, they could not be told apart or pointed at.
    let parser = Env::default()
        .parser()
        .enable_optional_syntax(false)
        .max_recursion_depth(depth);
    parser
        .parse_with_source_info(source)
        .map_err(|errors| explain(source, &errors.errors))
}

/// The first error in plain words; those after it are mostly consequences of how the parser recovers.
fn explain(source: &str, errors: &[ParseError]) -> ExprError {
    let is_grammar = |error: &&ParseError| error.msg.starts_with("Syntax error: ");
    let Some(error) = errors.iter().find(is_grammar).or(errors.first()) else {
        return ExprError::new(
            ExprErrorKind::Syntax,
            0,
            "the expression is not CEL: write it anew",
        );
    };
    let offset = offset_of(source, error.pos);
    let (kind, message) = match error.msg.strip_prefix("Syntax error: ") {
        Some(message) => (ExprErrorKind::Syntax, explain_grammar(message)),
        None => explain_literal(&error.msg),
    };
    ExprError::new(kind, offset, message)
}

/// The generated parser's message names its rules and every token it would have taken; the token it got is enough.
fn explain_grammar(message: &str) -> String {
    if message.contains("<EOF>'") || message.contains("'<EOF>") && message.starts_with("mismatched") {
        return "the expression ends too early: complete it".to_owned();
    }
    match quoted(message) {
        Some("and" | "AND") => "unexpected `and`: write `&&`".to_owned(),
        Some("or" | "OR") => "unexpected `or`: write `||`".to_owned(),
        Some("not" | "NOT") => "unexpected `not`: write `!`".to_owned(),
        Some(token) if message.starts_with("missing ") => format!("`{token}` is missing: add it"),
        Some(token) => format!("unexpected `{token}`: remove it, or write the operator before it"),
        None => "the expression is not CEL: correct it here".to_owned(),
    }
}

/// The first text in single quotes.
fn quoted(message: &str) -> Option<&str> {
    let (_, from) = message.split_once('\'')?;
    from.split_once('\'').map(|(token, _)| token)
}

fn explain_literal(message: &str) -> (ExprErrorKind, String) {
    if let Some(word) = message.strip_prefix("reserved identifier: ") {
        let message = format!("`{word}` is a reserved word of CEL: write another name");
        return (ExprErrorKind::Syntax, message);
    }
    let (kind, message) = match message {
        "invalid int literal" => (
            ExprErrorKind::InvalidLiteral,
            "the number does not fit 64 bits: write a smaller one, or a Double",
        ),
        "invalid uint literal" => (
            ExprErrorKind::InvalidLiteral,
            "the number does not fit 64 bits: write a smaller one",
        ),
        "invalid double literal" => (
            ExprErrorKind::InvalidLiteral,
            "the number is not a finite Double: write a smaller one",
        ),
        unsupported if unsupported.starts_with("unsupported syntax") => (
            ExprErrorKind::Unsupported,
            "optional values are out of scope: write `has(...)`",
        ),
        string if string.starts_with("invalid string literal") => (
            ExprErrorKind::InvalidLiteral,
            "the string has an escape that is no character: correct it",
        ),
        _ => (
            ExprErrorKind::Syntax,
            "the expression is not CEL: correct it here",
        ),
    };
    (kind, message.to_owned())
}

/// Characters before a line and a column, both from 1.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let lines = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let before: usize = source
        .split_inclusive('\n')
        .take(lines)
        .map(|line| line.chars().count())
        .sum();
    (before + column).min(source.chars().count())
}
