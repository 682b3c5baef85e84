//! `+ - * / %` and unary `-`. Integers, instants and durations fail outside their range; doubles follow IEEE 754.

use jiff::{SignedDuration, Timestamp};

use super::Evaluated;
use crate::expr::cell::Cell;
use crate::expr::error::EvalError;
use crate::expr::literal::FIRST_SECOND;
use crate::expr::node::Arith;

pub(super) fn binary<'a>(operator: Arith, left: Cell<'a>, right: Cell<'a>) -> Evaluated<'a> {
    match (left, right) {
        (Cell::Int(left), Cell::Int(right)) => ints(operator, left, right).map(Cell::Int),
        (Cell::Double(left), Cell::Double(right)) => doubles(operator, left, right).map(Cell::Double),
        (left, right) => match operator {
            Arith::Add => add(left, right),
            Arith::Subtract => subtract(&left, &right),
            _ => Err(EvalError::TypeMismatch),
        },
    }
}

pub(super) fn negate<'a>(number: &Cell<'a>) -> Evaluated<'a> {
    match number {
        Cell::Int(int) => int.checked_neg().map(Cell::Int).ok_or(EvalError::Overflow),
        Cell::Double(double) => Ok(Cell::Double(-double)),
        _ => Err(EvalError::TypeMismatch),
    }
}

fn ints(operator: Arith, left: i64, right: i64) -> Result<i64, EvalError> {
    let result = match operator {
        Arith::Add => left.checked_add(right),
        Arith::Subtract => left.checked_sub(right),
        Arith::Multiply => left.checked_mul(right),
        Arith::Divide | Arith::Remainder if right == 0 => return Err(EvalError::DivisionByZero),
        Arith::Divide => left.checked_div(right),
        Arith::Remainder => left.checked_rem(right),
    };
    result.ok_or(EvalError::Overflow)
}

fn doubles(operator: Arith, left: f64, right: f64) -> Result<f64, EvalError> {
    match operator {
        Arith::Add => Ok(left + right),
        Arith::Subtract => Ok(left - right),
        Arith::Multiply => Ok(left * right),
        Arith::Divide => Ok(left / right),
        Arith::Remainder => Err(EvalError::TypeMismatch),
    }
}

fn add<'a>(left: Cell<'a>, right: Cell<'a>) -> Evaluated<'a> {
    match (left, right) {
        (Cell::String(left), Cell::String(right)) => Ok(Cell::String(left + right)),
        (Cell::Duration(left), Cell::Duration(right)) => duration(left.checked_add(right)),
        (Cell::Timestamp(instant), Cell::Duration(span))
        | (Cell::Duration(span), Cell::Timestamp(instant)) => timestamp(instant.checked_add(span).ok()),
        (left @ (Cell::View(_) | Cell::List(_)), right @ (Cell::View(_) | Cell::List(_))) => {
            Ok(Cell::List(left.entries()?.chain(right.entries()?).collect()))
        }
        _ => Err(EvalError::TypeMismatch),
    }
}

fn subtract<'a>(left: &Cell<'a>, right: &Cell<'a>) -> Evaluated<'a> {
    match (left, right) {
        (Cell::Timestamp(left), Cell::Timestamp(right)) => duration(Some(left.duration_since(*right))),
        (Cell::Timestamp(instant), Cell::Duration(span)) => timestamp(instant.checked_sub(*span).ok()),
        (Cell::Duration(left), Cell::Duration(right)) => duration(left.checked_sub(*right)),
        _ => Err(EvalError::TypeMismatch),
    }
}

/// A duration fits an `i64` of nanoseconds, as in cel-go.
fn duration<'a>(result: Option<SignedDuration>) -> Evaluated<'a> {
    result
        .filter(|duration| i64::try_from(duration.as_nanos()).is_ok())
        .map(Cell::Duration)
        .ok_or(EvalError::Overflow)
}

/// CEL's instants begin with the year 1 and end with the year 9999; ours end where jiff's do, some hours earlier.
fn timestamp<'a>(result: Option<Timestamp>) -> Evaluated<'a> {
    result
        .filter(|instant| instant.as_second() >= FIRST_SECOND)
        .map(Cell::Timestamp)
        .ok_or(EvalError::Overflow)
}
