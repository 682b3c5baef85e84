//! How much of an input we are willing to read.

use super::problem::Problem;
use super::source::Span;

/// The largest file, in bytes.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// The most nodes of a file, aliases and merges written out; every 32 bytes of text count as one more.
pub const MAX_NODES: usize = 1_000_000;
/// The most levels of collections in each other.
pub const MAX_DEPTH: usize = 100;

/// What is left of the nodes of a file.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MAX_NODES }
    }
}

impl Budget {
    /// What a scalar costs: one node, and its text, so that aliases of one long text count as what they write out.
    pub(super) fn scalar(text: &str) -> usize {
        1 + text.len() / 32
    }

    /// Takes `nodes` from what is left.
    pub(super) fn spend(&mut self, nodes: usize, span: Span) -> Result<(), Problem> {
        match self.left.checked_sub(nodes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Self::exhausted(span)),
        }
    }

    /// The problem of a file that holds too much.
    pub(super) fn exhausted(span: Span) -> Problem {
        let message = format!(
            "the file grows beyond {MAX_NODES} values when its aliases are written out; split it or use fewer aliases"
        );
        Problem::too_large(span, message)
    }
}

/// Refuses collections that are nested too deeply.
pub(super) fn check_depth(depth: usize, span: Span) -> Result<(), Problem> {
    if depth <= MAX_DEPTH {
        Ok(())
    } else {
        Err(too_deep(span))
    }
}

/// The problem of collections that are nested too deeply.
pub(super) fn too_deep(span: Span) -> Problem {
    Problem::too_large(
        span,
        format!("lists and maps are nested more than {MAX_DEPTH} levels deep"),
    )
}
