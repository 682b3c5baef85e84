//! From postfix operations to a program, with every bound checked on the way: bundles are read from places that
//! an attacker may have written to.

mod built;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use regex::{Regex, RegexBuilder};

use built::{Built, join, join_many};

use super::cost::{MAX_STEPS, Size};
use super::error::LinkError;
use super::node::{Arith, Comparison, Loop, Op};
use super::program::{Literal, Node, Program, StringSet};
use super::zone;
use crate::value::{SlotId, Value};

/// No operation is nested deeper than this, so that evaluating and dropping a program need little stack. Above
/// what the parser lets through.
pub(super) const MAX_DEPTH: u64 = 128;

/// No expression has more operations: more than the longest source can spell.
const MAX_OPS: usize = 1 << 15;

/// Bytes of a compiled pattern, and of the cache it searches with.
const REGEX_BYTES: usize = 1 << 20;

/// How deep the groups of a pattern may nest.
const REGEX_NESTING: u32 = 32;

/// The program of `ops`.
pub(super) fn assemble(ops: &[Op], slot_of: &dyn Fn(&str) -> Option<SlotId>) -> Result<Program, LinkError> {
    if ops.len() > MAX_OPS {
        return Err(LinkError::Bound {
            what: "operations",
            limit: MAX_OPS as u64,
        });
    }
    let mut assembler = Assembler {
        slot_of,
        built: Vec::new(),
        ranges: Vec::new(),
        at: 0,
    };
    for (at, op) in ops.iter().enumerate() {
        assembler.at = at;
        let built = assembler.build(op)?;
        assembler.push(built)?;
    }
    assembler.at = ops.len();
    let root = assembler.pop()?;
    if assembler.built.is_empty() && assembler.ranges.is_empty() {
        Ok(Program::new(root.node))
    } else {
        Err(LinkError::Assemble(ops.len()))
    }
}

struct Assembler<'f> {
    slot_of: &'f dyn Fn(&str) -> Option<SlotId>,
    built: Vec<Built>,
    /// Of each macro that is open: its range, and how many values lay below its bodies.
    ranges: Vec<(Built, usize)>,
    at: usize,
}

impl Assembler<'_> {
    /// What `op` makes of the operands on the stack; nothing for [`Op::Bind`].
    fn build(&mut self, op: &Op) -> Result<Option<Built>, LinkError> {
        let built = match op {
            Op::Bind => return self.bind().map(|()| None),
            Op::And(count) => self.terms(*count, Node::And)?,
            Op::Or(count) => self.terms(*count, Node::Or)?,
            Op::List(count) => self.list(*count)?,
            Op::Not => self.unary(Node::Not, Size::scalar(), |_| 0)?,
            Op::Negate => self.unary(Node::Negate, Size::scalar(), |_| 0)?,
            Op::Size => self.unary(Node::Size, Size::scalar(), Size::count_steps)?,
            Op::Convert(target) => self.convert(*target)?,
            Op::Matches(pattern) => {
                let pattern = compile_regex(pattern)?;
                self.unary(
                    |text| Node::Matches(text, pattern),
                    Size::scalar(),
                    Size::match_steps,
                )?
            }
            Op::Part(part, name) => {
                let zone = find_zone(name.as_deref())?;
                self.unary(|of| Node::Part(*part, zone, of), Size::scalar(), |_| 4)?
            }
            Op::If => self.branch()?,
            Op::Compare(comparison) => self.compare(*comparison)?,
            Op::In => self.contains()?,
            Op::Arith(operator) => self.arith(*operator)?,
            Op::Index => {
                let [list, index] = self.operands()?;
                let size = list.size.entry();
                let steps = size.copy_steps();
                join([list, index], size, steps, |sides| Node::Index(Box::new(sides)))
            }
            Op::Text(question) => {
                let [text, part] = self.operands()?;
                let steps = text.size.search_steps();
                join([text, part], Size::scalar(), steps, |sides| {
                    Node::Text(*question, Box::new(sides))
                })
            }
            Op::Loop(kind) => self.close(*kind)?,
            leaf => self.leaf(leaf)?,
        };
        Ok(Some(built))
    }

    fn leaf(&self, op: &Op) -> Result<Built, LinkError> {
        let literal = |literal| (Node::Literal(literal), Size::scalar());
        let (node, size) = match op {
            Op::Bool(bool) => literal(Literal::Bool(*bool)),
            Op::Int(int) => literal(Literal::Int(*int)),
            Op::Double(double) => literal(Literal::Double(*double)),
            Op::Timestamp(timestamp) => literal(Literal::Timestamp(*timestamp)),
            Op::Duration(duration) => literal(Literal::Duration(*duration)),
            Op::String(string) => (
                Node::Literal(Literal::String(string.as_str().into())),
                Size::string(string.len()),
            ),
            Op::Strings(strings) => {
                let longest = strings.iter().map(String::len).max().unwrap_or(0);
                let values = strings
                    .iter()
                    .map(|string| Value::String(string.clone().into()))
                    .collect();
                (
                    Node::Strings(values),
                    Size::string(longest).listed(strings.len() as u64),
                )
            }
            Op::Attr(name) => (Node::Slot(self.slot(name)?), Size::attribute()),
            Op::ListAttr(name) => (Node::Slot(self.slot(name)?), Size::list_attribute()),
            Op::Has(name) => (Node::Has(self.slot(name)?), Size::scalar()),
            Op::HistoryCount(event, window) => {
                (Node::HistoryCount(event.as_str().into(), *window), Size::scalar())
            }
            Op::HistoryLast(event) => (Node::HistoryLast(event.as_str().into()), Size::scalar()),
            Op::HistoryShown(kind, name, window) => (
                Node::HistoryShown(*kind, name.as_str().into(), *window),
                Size::scalar(),
            ),
            Op::HistoryLastShown(kind, name) => (
                Node::HistoryLastShown(*kind, name.as_str().into()),
                Size::scalar(),
            ),
            Op::Now => (Node::Now, Size::scalar()),
            Op::Var(index) => (Node::Var(*index), self.item(*index)?),
            _ => return Err(LinkError::Assemble(self.at)),
        };
        let steps = match node {
            Node::Var(_) => size.copy_steps(),
            // At most so many outcomes and shows are remembered of one unit.
            Node::HistoryCount(..) | Node::HistoryLast(_) => 64,
            Node::HistoryShown(..) | Node::HistoryLastShown(..) => 1024,
            _ => 1,
        };
        Ok(Built {
            node,
            size,
            steps,
            depth: 1,
        })
    }

    fn slot(&self, name: &str) -> Result<SlotId, LinkError> {
        (self.slot_of)(name).ok_or_else(|| LinkError::FindSlot(name.to_owned()))
    }

    fn push(&mut self, built: Option<Built>) -> Result<(), LinkError> {
        let Some(built) = built else { return Ok(()) };
        if built.depth > MAX_DEPTH {
            return Err(LinkError::Bound {
                what: "nested operations",
                limit: MAX_DEPTH,
            });
        }
        if built.steps > MAX_STEPS {
            return Err(LinkError::Bound {
                what: "steps",
                limit: MAX_STEPS,
            });
        }
        self.built.push(built);
        Ok(())
    }

    /// Takes the last value, if it belongs to the innermost macro that is open.
    fn pop(&mut self) -> Result<Built, LinkError> {
        let floor = self.ranges.last().map_or(0, |(_, floor)| *floor);
        if self.built.len() <= floor {
            return Err(LinkError::Assemble(self.at));
        }
        self.built.pop().ok_or(LinkError::Assemble(self.at))
    }

    /// Takes the last `COUNT` values, in the order in which they were built.
    fn operands<const COUNT: usize>(&mut self) -> Result<[Built; COUNT], LinkError> {
        let operands = self.many(COUNT)?;
        operands.try_into().map_err(|_| LinkError::Assemble(self.at))
    }

    fn many(&mut self, count: usize) -> Result<Vec<Built>, LinkError> {
        let floor = self.ranges.last().map_or(0, |(_, floor)| *floor);
        match self.built.len().checked_sub(count) {
            Some(from) if from >= floor => Ok(self.built.split_off(from)),
            _ => Err(LinkError::Assemble(self.at)),
        }
    }

    fn unary(
        &mut self,
        node: impl FnOnce(Box<Node>) -> Node,
        size: Size,
        steps: impl FnOnce(&Size) -> u64,
    ) -> Result<Built, LinkError> {
        let operand = self.pop()?;
        let steps = steps(&operand.size);
        Ok(join([operand], size, steps, |[operand]| node(Box::new(operand))))
    }

    fn terms(&mut self, count: u32, node: fn(Box<[Node]>) -> Node) -> Result<Built, LinkError> {
        let terms = self.many(count as usize)?;
        Ok(join_many(terms, Size::scalar(), 0, |terms| node(terms.into())))
    }

    fn list(&mut self, count: u32) -> Result<Built, LinkError> {
        let entries = self.many(count as usize)?;
        let entry = entries
            .iter()
            .fold(Size::scalar(), |size, entry| size.or(&entry.size));
        let size = entry.listed(count.into());
        let steps = size.copy_steps();
        Ok(join_many(entries, size, steps, |entries| {
            Node::List(entries.into())
        }))
    }

    fn convert(&mut self, target: super::node::Target) -> Result<Built, LinkError> {
        let operand = self.pop()?;
        // An integer or a boolean may become a string longer than what it was.
        let size = operand.size.clone().or(&Size::string(i64::MIN.to_string().len()));
        let steps = size.search_steps();
        Ok(join([operand], size, steps, |[operand]| {
            Node::Convert(target, Box::new(operand))
        }))
    }

    fn branch(&mut self) -> Result<Built, LinkError> {
        let [condition, then, otherwise] = self.operands()?;
        let size = then.size.clone().or(&otherwise.size);
        Ok(join([condition, then, otherwise], size, 0, |branches| {
            Node::If(Box::new(branches))
        }))
    }

    fn compare(&mut self, comparison: Comparison) -> Result<Built, LinkError> {
        let [left, right] = self.operands()?;
        let steps = left.size.copy_steps().min(right.size.copy_steps());
        Ok(join([left, right], Size::scalar(), steps, |sides| match sides {
            [Node::Slot(slot), Node::Literal(literal)] => Node::SlotCompare(slot, comparison, literal),
            [Node::Literal(literal), Node::Slot(slot)] => {
                Node::SlotCompare(slot, comparison.mirrored(), literal)
            }
            sides => Node::Compare(comparison, Box::new(sides)),
        }))
    }

    fn contains(&mut self) -> Result<Built, LinkError> {
        let [needle, list] = self.operands()?;
        let steps = list.size.copy_steps();
        Ok(join([needle, list], Size::scalar(), steps, |sides| match sides {
            [Node::Slot(slot), Node::Strings(strings)] => Node::SlotInStrings(slot, string_set(&strings)),
            [needle, Node::Strings(strings)] => Node::InStrings(Box::new(needle), string_set(&strings)),
            sides => Node::In(Box::new(sides)),
        }))
    }

    fn arith(&mut self, operator: Arith) -> Result<Built, LinkError> {
        let [left, right] = self.operands()?;
        let size = match operator {
            Arith::Add => left.size.clone().plus(&right.size),
            _ => Size::scalar(),
        };
        let steps = size.copy_steps();
        Ok(join([left, right], size, steps, |sides| {
            Node::Arith(operator, Box::new(sides))
        }))
    }

    fn bind(&mut self) -> Result<(), LinkError> {
        let range = self.pop()?;
        self.ranges.push((range, self.built.len()));
        Ok(())
    }

    /// The size of the variable of the macro so many macros out.
    fn item(&self, index: u8) -> Result<Size, LinkError> {
        let range = self.ranges.iter().rev().nth(usize::from(index));
        range
            .map(|(range, _)| range.size.entry())
            .ok_or(LinkError::Assemble(self.at))
    }

    fn close(&mut self, kind: Loop) -> Result<Built, LinkError> {
        let bodies = if kind == Loop::MapWhere {
            self.many(2)?
        } else {
            self.many(1)?
        };
        let (range, floor) = self.ranges.pop().ok_or(LinkError::Assemble(self.at))?;
        if self.built.len() != floor {
            return Err(LinkError::Assemble(self.at));
        }
        let count = range.size.len();
        let entry = match (kind, bodies.last()) {
            (Loop::Filter, _) => Some(range.size.entry()),
            (Loop::Map | Loop::MapWhere, Some(body)) => Some(body.size.clone()),
            _ => None,
        };
        let copied = entry.as_ref().map_or(0, Size::copy_steps);
        let body_steps = bodies
            .iter()
            .fold(copied, |steps, body| steps.saturating_add(body.steps));
        let depth = 1 + bodies
            .iter()
            .map(|body| body.depth)
            .max()
            .unwrap_or(0)
            .max(range.depth);
        Ok(Built {
            steps: count
                .saturating_mul(body_steps.saturating_add(1))
                .saturating_add(range.steps)
                .saturating_add(1),
            size: entry.map_or_else(Size::scalar, |entry| entry.listed(count)),
            depth,
            node: Node::Loop(
                kind,
                std::iter::once(range)
                    .chain(bodies)
                    .map(|part| part.node)
                    .collect(),
            ),
        })
    }
}

fn string_set(strings: &[Value<'static>]) -> StringSet {
    StringSet::new(strings.iter().filter_map(|value| match value {
        Value::String(string) => Some(&**string),
        _ => None,
    }))
}

/// The pattern in RE2's syntax, within bounds that keep a hostile one from taking memory or time.
pub(super) fn compile_regex(pattern: &str) -> Result<Regex, LinkError> {
    RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .nest_limit(REGEX_NESTING)
        .build()
        .map_err(|_| LinkError::CompileRegex(pattern.to_owned()))
}

fn find_zone(name: Option<&str>) -> Result<TimeZone, LinkError> {
    let Some(name) = name else {
        return Ok(TimeZone::UTC);
    };
    zone::find(name).ok_or_else(|| LinkError::FindTimeZone(name.to_owned()))
}
