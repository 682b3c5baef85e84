//! What linking knows of the part of a program that it has built.

use crate::expr::cost::Size;
use crate::expr::program::Node;

/// A built operand and what it costs at worst.
pub(super) struct Built {
    pub(super) node: Node,
    pub(super) size: Size,
    pub(super) steps: u64,
    pub(super) depth: u64,
}

/// One node over a known number of operands; `steps` are its own.
pub(super) fn join<const COUNT: usize>(
    operands: [Built; COUNT],
    size: Size,
    steps: u64,
    node: impl FnOnce([Node; COUNT]) -> Node,
) -> Built {
    let (total, depth) = total(&operands, steps);
    Built {
        node: node(operands.map(|operand| operand.node)),
        size,
        steps: total,
        depth,
    }
}

/// One node over any number of operands; `steps` are its own.
pub(super) fn join_many(
    operands: Vec<Built>,
    size: Size,
    steps: u64,
    node: impl FnOnce(Vec<Node>) -> Node,
) -> Built {
    let (total, depth) = total(&operands, steps);
    Built {
        node: node(operands.into_iter().map(|operand| operand.node).collect()),
        size,
        steps: total,
        depth,
    }
}

/// The steps and the depth of a node over `operands`.
fn total(operands: &[Built], own: u64) -> (u64, u64) {
    let steps = operands.iter().fold(own.saturating_add(1), |sum, operand| {
        sum.saturating_add(operand.steps)
    });
    let depth = 1 + operands.iter().map(|operand| operand.depth).max().unwrap_or(0);
    (steps, depth)
}
