//! Postfix operations as a tree.

use crate::expr::node::{Loop, Op};

/// An operation with its operands, and where it stands in the postfix list.
#[derive(Debug)]
pub(in crate::expr) struct Tree<'o> {
    pub(in crate::expr) op: &'o Op,
    /// Operands; of a macro its range, then its bodies.
    pub(in crate::expr) parts: Vec<Tree<'o>>,
    /// All its operations, those of its operands first.
    pub(in crate::expr) ops: &'o [Op],
    from: usize,
}

impl<'o> Tree<'o> {
    /// The tree of a whole expression; `None` where the operations are not those of one.
    pub(in crate::expr) fn of(ops: &'o [Op]) -> Option<Self> {
        let mut built: Vec<Self> = Vec::new();
        let mut ranges: Vec<Self> = Vec::new();
        for (at, op) in ops.iter().enumerate() {
            let mut parts = match op {
                Op::Bind => {
                    ranges.push(built.pop()?);
                    continue;
                }
                Op::Loop(kind) => {
                    let bodies = if *kind == Loop::MapWhere { 2 } else { 1 };
                    let mut parts = take(&mut built, bodies)?;
                    parts.insert(0, ranges.pop()?);
                    parts
                }
                op => take(&mut built, operands(op))?,
            };
            parts.shrink_to_fit();
            let from = parts.first().map_or(at, |first| first.from);
            built.push(Self {
                op,
                ops: ops.get(from..=at)?,
                parts,
                from,
            });
        }
        let root = built.pop()?;
        (built.is_empty() && ranges.is_empty()).then_some(root)
    }

    /// The attributes without which this has no value: what some operation needs in any case.
    pub(super) fn require(&self, into: &mut Vec<&'o str>) {
        match self.op {
            Op::Attr(name) | Op::ListAttr(name) => {
                if !into.contains(&name.as_str()) {
                    into.push(name);
                }
            }
            // These may have a value although an operand has none.
            Op::And(_) | Op::Or(_) => {}
            Op::If | Op::Loop(_) => self.parts.iter().take(1).for_each(|part| part.require(into)),
            _ => self.parts.iter().for_each(|part| part.require(into)),
        }
    }
}

fn take<'o>(built: &mut Vec<Tree<'o>>, count: usize) -> Option<Vec<Tree<'o>>> {
    Some(built.split_off(built.len().checked_sub(count)?))
}

fn operands(op: &Op) -> usize {
    match op {
        Op::And(count) | Op::Or(count) | Op::List(count) => usize::try_from(*count).unwrap_or(usize::MAX),
        Op::Not | Op::Negate | Op::Size | Op::Matches(_) | Op::Convert(_) | Op::Part(..) => 1,
        Op::Compare(_) | Op::In | Op::Arith(_) | Op::Index | Op::Text(_) => 2,
        Op::If => 3,
        _ => 0,
    }
}
