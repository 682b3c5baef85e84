//! Evaluation of programs, after the CEL specification
//! (<https://github.com/google/cel-spec/blob/master/doc/langdef.md#evaluation>).

mod arith;
mod function;

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::cell::{Cell, order_doubles};
use super::error::EvalError;
use super::node::{Comparison, Loop};
use super::program::{Literal, Node, StringSet};
use crate::history::{History, Shown};
use crate::value::{SlotId, Slots, Value};

/// What stays the same during one evaluation.
pub(super) struct Run<'a> {
    pub(super) slots: &'a Slots<'a>,
    pub(super) now: Timestamp,
    pub(super) history: &'a dyn History,
}

/// The variable of the innermost macro, and those around it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 'a> {
    item: &'s Cell<'a>,
    outer: Option<&'s Scope<'s, 'a>>,
}

type Evaluated<'a> = Result<Cell<'a>, EvalError>;
type Outer<'s, 'a> = Option<&'s Scope<'s, 'a>>;

impl<'a> Run<'a> {
    fn found(&self, slot: SlotId) -> Result<&'a Value<'a>, EvalError> {
        let value = self.slots.get(usize::from(slot.0)).and_then(Option::as_ref);
        value.ok_or(EvalError::Missing(slot))
    }

    fn slot(&self, slot: SlotId) -> Evaluated<'a> {
        self.found(slot).map(Cell::of)
    }

    /// The unit's past, where anybody can tell it.
    fn past(&self) -> Result<&'a dyn History, EvalError> {
        let known = self.history.is_known();
        known.then_some(self.history).ok_or(EvalError::Unknown)
    }

    fn before(&self, window: SignedDuration) -> Timestamp {
        self.now.checked_sub(window).unwrap_or(Timestamp::MIN)
    }

    fn count(&self, event: &str, window: SignedDuration) -> Evaluated<'a> {
        let times = self.past()?.outcomes(event, self.before(window));
        Ok(Cell::Int(times.into()))
    }

    fn last(&self, event: &str) -> Evaluated<'a> {
        let last = self.past()?.last_outcome(event);
        last.map(Cell::Timestamp).ok_or(EvalError::Never)
    }

    fn shown(&self, what: Shown<'_>, window: SignedDuration) -> Evaluated<'a> {
        let times = self.past()?.shown(what, self.before(window));
        Ok(Cell::Int(times.into()))
    }

    fn last_shown(&self, what: Shown<'_>) -> Evaluated<'a> {
        let last = self.past()?.last_shown(what);
        last.map(Cell::Timestamp).ok_or(EvalError::Never)
    }

    fn has(&self, slot: SlotId) -> bool {
        self.slots.get(usize::from(slot.0)).is_some_and(Option::is_some)
    }
}

/// The truth of a node. INVARIANT: what is not matched here is no boolean node, so `value` does not come back.
pub(super) fn test<'a>(node: &'a Node, run: &Run<'a>, scope: Outer<'_, 'a>) -> Result<bool, EvalError> {
    match node {
        Node::And(terms) => fold(terms, false, run, scope),
        Node::Or(terms) => fold(terms, true, run, scope),
        Node::Not(term) => test(term, run, scope).map(|holds| !holds),
        Node::Has(slot) => Ok(run.has(*slot)),
        Node::SlotCompare(slot, comparison, literal) => compare_slot(*comparison, run.found(*slot)?, literal),
        Node::SlotInStrings(slot, strings) => {
            Ok(matches!(run.found(*slot)?, Value::String(string) if strings.contains(string)))
        }
        Node::InStrings(needle, strings) => Ok(is_one_of(&value(needle, run, scope)?, strings)),
        Node::Compare(comparison, sides) => {
            let [left, right] = &**sides;
            compare(*comparison, &value(left, run, scope)?, &value(right, run, scope)?)
        }
        Node::In(sides) => {
            let [needle, list] = &**sides;
            let needle = value(needle, run, scope)?;
            Ok(value(list, run, scope)?
                .entries()?
                .any(|entry| entry.equals(&needle)))
        }
        Node::If(branches) => {
            let [condition, then, otherwise] = &**branches;
            test(
                if test(condition, run, scope)? {
                    then
                } else {
                    otherwise
                },
                run,
                scope,
            )
        }
        Node::Text(question, sides) => {
            let [text, part] = &**sides;
            function::ask(*question, &value(text, run, scope)?, &value(part, run, scope)?)
        }
        Node::Matches(text, pattern) => function::matches(&value(text, run, scope)?, pattern),
        Node::Loop(Loop::Exists, parts) => quantify(parts, true, run, scope),
        Node::Loop(Loop::All, parts) => quantify(parts, false, run, scope),
        Node::Loop(Loop::ExistsOne, parts) => exists_one(parts, run, scope),
        _ => match value(node, run, scope)? {
            Cell::Bool(holds) => Ok(holds),
            _ => Err(EvalError::TypeMismatch),
        },
    }
}

/// The value of a node.
pub(super) fn value<'a>(node: &'a Node, run: &Run<'a>, scope: Outer<'_, 'a>) -> Evaluated<'a> {
    match node {
        Node::Literal(literal) => Ok(Cell::literal(literal)),
        Node::Strings(strings) => Ok(Cell::View(strings)),
        Node::List(entries) => {
            let cells: Result<Vec<_>, _> = entries.iter().map(|entry| value(entry, run, scope)).collect();
            cells.map(Cell::List)
        }
        Node::Slot(slot) => run.slot(*slot),
        Node::Now => Ok(Cell::Timestamp(run.now)),
        Node::Var(index) => variable(*index, scope),
        Node::If(branches) => {
            let [condition, then, otherwise] = &**branches;
            value(
                if test(condition, run, scope)? {
                    then
                } else {
                    otherwise
                },
                run,
                scope,
            )
        }
        Node::Arith(operator, sides) => {
            let [left, right] = &**sides;
            arith::binary(*operator, value(left, run, scope)?, value(right, run, scope)?)
        }
        Node::Negate(number) => arith::negate(&value(number, run, scope)?),
        Node::Index(sides) => {
            let [list, index] = &**sides;
            function::index(&value(list, run, scope)?, &value(index, run, scope)?)
        }
        Node::Size(sized) => function::size(&value(sized, run, scope)?),
        Node::HistoryCount(event, window) => run.count(event, *window),
        Node::HistoryLast(event) => run.last(event),
        Node::HistoryShown(kind, name, window) => run.shown(kind.named(name), *window),
        Node::HistoryLastShown(kind, name) => run.last_shown(kind.named(name)),
        Node::Convert(target, from) => function::convert(*target, value(from, run, scope)?),
        Node::Part(part, zone, of) => function::part(*part, zone, &value(of, run, scope)?),
        Node::Loop(Loop::Filter, parts) => collect(parts, true, run, scope),
        Node::Loop(Loop::Map | Loop::MapWhere, parts) => collect(parts, false, run, scope),
        Node::And(_)
        | Node::Or(_)
        | Node::Not(_)
        | Node::Has(_)
        | Node::Compare(..)
        | Node::SlotCompare(..)
        | Node::In(_)
        | Node::InStrings(..)
        | Node::SlotInStrings(..)
        | Node::Text(..)
        | Node::Matches(..)
        | Node::Loop(Loop::Exists | Loop::All | Loop::ExistsOne, _) => test(node, run, scope).map(Cell::Bool),
    }
}

/// The truth of `&&` where one of its terms is known to hold.
pub(super) fn all_but<'a>(terms: &'a [Node], known: usize, run: &Run<'a>) -> Result<bool, EvalError> {
    let (before, after) = terms.split_at(known);
    fold(before.iter().chain(after.iter().skip(1)), false, run, None)
}

/// `&&` (until `false`) and `||` (until `true`): the deciding value wins over errors on either side of it.
fn fold<'a>(
    terms: impl IntoIterator<Item = &'a Node>,
    deciding: bool,
    run: &Run<'a>,
    scope: Outer<'_, 'a>,
) -> Result<bool, EvalError> {
    let mut failed = None;
    for term in terms {
        match test(term, run, scope) {
            Ok(holds) if holds == deciding => return Ok(deciding),
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(!deciding), Err)
}

fn compare(comparison: Comparison, left: &Cell<'_>, right: &Cell<'_>) -> Result<bool, EvalError> {
    match comparison {
        Comparison::Equal => Ok(left.equals(right)),
        Comparison::NotEqual => Ok(!left.equals(right)),
        _ => holds(comparison, left.order(right)),
    }
}

/// Whether a comparison holds between what is ordered like this.
fn holds(comparison: Comparison, order: Result<Ordering, EvalError>) -> Result<bool, EvalError> {
    match comparison {
        Comparison::Equal => Ok(order == Ok(Ordering::Equal)),
        Comparison::NotEqual => Ok(order != Ok(Ordering::Equal)),
        Comparison::Less => order.map(Ordering::is_lt),
        Comparison::LessOrEqual => order.map(Ordering::is_le),
        Comparison::Greater => order.map(Ordering::is_gt),
        Comparison::GreaterOrEqual => order.map(Ordering::is_ge),
    }
}

/// The usual comparisons of a slot with a literal without making cells of them; the rest as any other.
fn compare_slot(comparison: Comparison, value: &Value<'_>, literal: &Literal) -> Result<bool, EvalError> {
    match (comparison, value, literal) {
        (Comparison::Equal, Value::String(left), Literal::String(right)) => Ok(**left == **right),
        (Comparison::NotEqual, Value::String(left), Literal::String(right)) => Ok(**left != **right),
        (_, Value::Double(left), Literal::Double(right)) => holds(comparison, order_doubles(*left, *right)),
        (_, Value::Int(left), Literal::Int(right)) => holds(comparison, Ok(left.cmp(right))),
        _ => compare(comparison, &Cell::of(value), &Cell::literal(literal)),
    }
}

fn is_one_of(needle: &Cell<'_>, strings: &StringSet) -> bool {
    matches!(needle, Cell::String(string) if strings.contains(string))
}

fn variable<'a>(index: u8, scope: Outer<'_, 'a>) -> Evaluated<'a> {
    let mut scope = scope;
    for _ in 0..index {
        scope = scope.and_then(|scope| scope.outer);
    }
    // INVARIANT: linking refuses a variable outside of its macro.
    scope
        .map(|scope| scope.item.clone())
        .ok_or(EvalError::TypeMismatch)
}

/// `exists` (until `true`) and `all` (until `false`): `||` and `&&` over the entries.
fn quantify<'a>(
    parts: &'a [Node],
    deciding: bool,
    run: &Run<'a>,
    scope: Outer<'_, 'a>,
) -> Result<bool, EvalError> {
    let [range, body] = parts else {
        return Err(EvalError::TypeMismatch);
    };
    let range = value(range, run, scope)?;
    let mut failed = None;
    for item in range.entries()? {
        match test(
            body,
            run,
            Some(&Scope {
                item: &item,
                outer: scope,
            }),
        ) {
            Ok(holds) if holds == deciding => return Ok(deciding),
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(!deciding), Err)
}

/// `exists_one` absorbs nothing: it must look at every entry.
fn exists_one<'a>(parts: &'a [Node], run: &Run<'a>, scope: Outer<'_, 'a>) -> Result<bool, EvalError> {
    let [range, body] = parts else {
        return Err(EvalError::TypeMismatch);
    };
    let range = value(range, run, scope)?;
    let mut matching = 0_usize;
    for item in range.entries()? {
        matching += usize::from(test(
            body,
            run,
            Some(&Scope {
                item: &item,
                outer: scope,
            }),
        )?);
    }
    Ok(matching == 1)
}

/// `filter`, and `map` with and without a condition.
fn collect<'a>(parts: &'a [Node], filter: bool, run: &Run<'a>, scope: Outer<'_, 'a>) -> Evaluated<'a> {
    let (range, condition, body) = match parts {
        [range, condition] if filter => (range, Some(condition), None),
        [range, body] => (range, None, Some(body)),
        [range, condition, body] => (range, Some(condition), Some(body)),
        _ => return Err(EvalError::TypeMismatch),
    };
    let range = value(range, run, scope)?;
    let mut cells = Vec::new();
    for item in range.entries()? {
        let inner = Scope {
            item: &item,
            outer: scope,
        };
        let keep = condition.map_or(Ok(true), |condition| test(condition, run, Some(&inner)))?;
        if keep {
            cells.push(body.map_or_else(|| Ok(item.clone()), |body| value(body, run, Some(&inner)))?);
        }
    }
    Ok(Cell::List(cells))
}
