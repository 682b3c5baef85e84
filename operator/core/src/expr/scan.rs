//! A look at the tokens before the parser sees them.
//!
//! The parser is generated and recursive: the deeper its input nests, the more stack it takes, and its messages name
//! grammar rules. So what it is given is bounded here, and the usual slips of the pen are told in plain words.

#[cfg(test)]
mod tests;

use super::error::{ExprError, ExprErrorKind};

/// The longest source, in bytes.
pub(super) const MAX_SOURCE_BYTES: usize = 16_384;

/// The deepest brackets.
pub(super) const MAX_NESTING: usize = 32;

/// The deepest tree: brackets, and operators chained without `&&`, `||` or `,` between them.
pub(super) const MAX_TREE_DEPTH: usize = 96;

/// Refuses what the parser must not see; gives the most levels that the tree of the rest can have.
pub(super) fn scan(source: &str) -> Result<usize, ExprError> {
    if source.len() > MAX_SOURCE_BYTES {
        let message =
            format!("the expression is longer than {MAX_SOURCE_BYTES} bytes: split it into audiences");
        return Err(ExprError::new(ExprErrorKind::TooLarge, 0, message));
    }
    let mut scanner = Scanner {
        rest: source,
        offset: 0,
        open: Vec::new(),
        level: Level::default(),
        tokens: 0,
    };
    while let Some(next) = scanner.peek() {
        scanner.token(next)?;
    }
    scanner.finish()
}

struct Scanner<'s> {
    rest: &'s str,
    /// Characters before `rest`.
    offset: usize,
    /// The brackets that are open, each with its offset and the level around it.
    open: Vec<(char, usize, Level)>,
    level: Level,
    tokens: usize,
}

/// How deep the tree of one bracket's inside can be, from the operators in it. Chains of `&&` and `||` become
/// balanced trees, so that they count with their logarithm.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Operators since the last `&&`, `||`, `?`, `:` or `,`.
    chain: usize,
    /// The deepest bracket within that chain.
    inner: usize,
    /// The deepest chain that has ended.
    deepest: usize,
    logic: usize,
    ternaries: usize,
}

impl Level {
    fn end_chain(&mut self) {
        self.deepest = self.deepest.max(self.chain + self.inner);
        (self.chain, self.inner) = (0, 0);
    }

    fn depth(mut self) -> usize {
        self.end_chain();
        self.deepest + self.ternaries + 2 * (self.logic + 1).ilog2() as usize
    }
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        self.offset += 1;
        Some(next)
    }

    fn skip(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else {
            return false;
        };
        self.rest = rest;
        self.offset += text.chars().count();
        true
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.bump();
        }
    }

    fn token(&mut self, next: char) -> Result<(), ExprError> {
        match next {
            ' ' | '\t' | '\n' | '\r' | '\u{c}' => {
                self.skip_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}'));
            }
            '/' if self.rest.starts_with("//") => self.skip_while(|c| c != '\n'),
            _ => {
                self.tokens += 1;
                self.visible_token(next)?;
            }
        }
        Ok(())
    }

    fn visible_token(&mut self, next: char) -> Result<(), ExprError> {
        match next {
            '"' | '\'' => self.string(false),
            '0'..='9' => {
                self.skip_while(|c| c.is_ascii_alphanumeric());
                Ok(())
            }
            'a'..='z' | 'A'..='Z' | '_' => self.word(),
            '(' | '[' | '{' => self.opened(next),
            ')' | ']' | '}' => self.closed(next),
            '`' => Err(self.error(
                ExprErrorKind::Unsupported,
                "escaped names are out of scope: write the name without `",
            )),
            _ => self.operator(next),
        }
    }

    fn word(&mut self) -> Result<(), ExprError> {
        let before = self.rest;
        self.skip_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let word = before.strip_suffix(self.rest).unwrap_or(before);
        let quoted = matches!(self.peek(), Some('"' | '\''));
        match word {
            "r" | "R" if quoted => self.string(true),
            "b" | "B" | "br" | "bR" | "Br" | "BR" if quoted => Err(self.error(
                ExprErrorKind::Unsupported,
                "bytes are out of scope: write a string",
            )),
            "in" => {
                self.level.chain += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn operator(&mut self, next: char) -> Result<(), ExprError> {
        if self.skip("&&") || self.skip("||") {
            self.level.end_chain();
            self.level.logic += 1;
        } else if self.skip(",") || self.skip(":") {
            self.level.end_chain();
        } else if self.skip("?") {
            self.level.end_chain();
            self.level.ternaries += 1;
        } else if ["==", "!=", "<=", ">="]
            .iter()
            .any(|operator| self.skip(operator))
            || [".", "+", "-", "*", "/", "%", "<", ">", "!"]
                .iter()
                .any(|operator| self.skip(operator))
        {
            self.level.chain += 1;
        } else {
            return Err(self.stray(next));
        }
        Ok(())
    }

    fn stray(&self, next: char) -> ExprError {
        let advice = match next {
            '=' => "write `==` to compare",
            '&' => "write `&&`",
            '|' => "write `||`",
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}' => "write a straight quote",
            _ => "remove it",
        };
        self.error(
            ExprErrorKind::Syntax,
            format!("unexpected `{}`: {advice}", next.escape_debug()),
        )
    }

    fn opened(&mut self, bracket: char) -> Result<(), ExprError> {
        if self.open.len() == MAX_NESTING {
            let message =
                format!("brackets nest deeper than {MAX_NESTING}: split the expression into audiences");
            return Err(self.error(ExprErrorKind::TooLarge, message));
        }
        self.level.chain += 1;
        self.open.push((bracket, self.offset, self.level));
        self.level = Level::default();
        self.bump();
        Ok(())
    }

    fn closed(&mut self, bracket: char) -> Result<(), ExprError> {
        let Some((opening, _, outer)) = self.open.pop() else {
            return Err(self.error(
                ExprErrorKind::Syntax,
                format!("`{bracket}` closes nothing: remove it"),
            ));
        };
        let expected = closing(opening);
        if bracket != expected {
            let message = format!("`{bracket}` does not close `{opening}`: write `{expected}`");
            return Err(self.error(ExprErrorKind::Syntax, message));
        }
        let depth = self.level.depth();
        self.level = outer;
        self.level.inner = self.level.inner.max(depth + 1);
        self.bump();
        Ok(())
    }

    fn finish(mut self) -> Result<usize, ExprError> {
        if let Some((opening, offset, _)) = self.open.pop() {
            let message = format!("`{opening}` is never closed: add `{}`", closing(opening));
            return Err(ExprError::new(ExprErrorKind::Syntax, offset, message));
        }
        if self.tokens == 0 {
            let message = "the expression is empty: write a condition such as `user.tier == \"gold\"`";
            return Err(ExprError::new(ExprErrorKind::Syntax, 0, message));
        }
        let depth = self.level.depth() + 1;
        if depth > MAX_TREE_DEPTH {
            let message =
                format!("operators nest deeper than {MAX_TREE_DEPTH}: split the expression into audiences");
            return Err(ExprError::new(ExprErrorKind::TooLarge, 0, message));
        }
        Ok(depth)
    }

    /// A string from its quote on; the grammar's `STRING`.
    fn string(&mut self, raw: bool) -> Result<(), ExprError> {
        let start = self.offset;
        let unclosed = ExprError::new(
            ExprErrorKind::Syntax,
            start,
            "the string is never closed: add its quote",
        );
        let Some(quote) = self.bump() else {
            return Err(unclosed);
        };
        let two = if quote == '"' { "\"\"" } else { "''" };
        // Two quotes are the empty string, three open one that spans lines.
        let long = self.skip(two);
        if !long && self.skip(quote.encode_utf8(&mut [0; 4])) {
            return Ok(());
        }
        loop {
            if long && self.rest.starts_with(two) && self.rest.chars().nth(2) == Some(quote) {
                self.skip(two);
                self.bump();
                return Ok(());
            }
            match self.bump() {
                Some('\\') if !raw => self.escape()?,
                Some('\n' | '\r') if !long => return Err(unclosed),
                Some(next) if next == quote && !long => return Ok(()),
                Some(_) => {}
                None => return Err(unclosed),
            }
        }
    }

    /// An escape sequence after its backslash; the grammar's `ESC_SEQ`.
    fn escape(&mut self) -> Result<(), ExprError> {
        let start = self.offset.saturating_sub(1);
        let (digits, radix) = match self.bump() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`') => (0, 8),
            Some('0'..='3') => (2, 8),
            Some('x' | 'X') => (2, 16),
            Some('u') => (4, 16),
            Some('U') => (8, 16),
            _ => (1, 0),
        };
        for _ in 0..digits {
            if radix == 0 || !self.bump().is_some_and(|digit| digit.is_digit(radix)) {
                let message = "the string has an escape that CEL does not know: write `\\\\` for a backslash";
                return Err(ExprError::new(ExprErrorKind::Syntax, start, message));
            }
        }
        Ok(())
    }

    fn error(&self, kind: ExprErrorKind, message: impl Into<String>) -> ExprError {
        ExprError::new(kind, self.offset, message)
    }
}

fn closing(opening: char) -> char {
    match opening {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}
