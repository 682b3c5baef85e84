//! The functions and methods of CEL's standard library that are in scope.

use std::borrow::Cow;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use regex::Regex;

use super::Evaluated;
use crate::expr::cell::Cell;
use crate::expr::error::EvalError;
use crate::expr::node::{Part, Target, Text};

pub(super) fn ask(question: Text, text: &Cell<'_>, part: &Cell<'_>) -> Result<bool, EvalError> {
    let (Cell::String(text), Cell::String(part)) = (text, part) else {
        return Err(EvalError::TypeMismatch);
    };
    Ok(match question {
        Text::StartsWith => text.starts_with(&**part),
        Text::EndsWith => text.ends_with(&**part),
        Text::Contains => text.contains(&**part),
    })
}

pub(super) fn matches(text: &Cell<'_>, pattern: &Regex) -> Result<bool, EvalError> {
    match text {
        Cell::String(text) => Ok(pattern.is_match(text)),
        _ => Err(EvalError::TypeMismatch),
    }
}

/// Entries of a list, code points of a string.
pub(super) fn size<'a>(sized: &Cell<'a>) -> Evaluated<'a> {
    let size = match sized {
        Cell::String(string) => string.chars().count(),
        list => list.entries()?.len(),
    };
    i64::try_from(size)
        .map(Cell::Int)
        .map_err(|_| EvalError::Overflow)
}

pub(super) fn index<'a>(list: &Cell<'a>, index: &Cell<'a>) -> Evaluated<'a> {
    let (mut entries, Cell::Int(index)) = (list.entries()?, index) else {
        return Err(EvalError::TypeMismatch);
    };
    usize::try_from(*index)
        .ok()
        .and_then(|index| entries.nth(index))
        .ok_or(EvalError::OutOfBounds)
}

pub(super) fn convert(target: Target, from: Cell<'_>) -> Evaluated<'_> {
    match target {
        Target::Int => to_int(&from).map(Cell::Int),
        Target::Double => to_double(&from).map(Cell::Double),
        Target::String => to_string(from).map(Cell::String),
    }
}

fn to_int(from: &Cell<'_>) -> Result<i64, EvalError> {
    match from {
        Cell::Int(int) => Ok(*int),
        Cell::Double(double) => truncate(*double),
        Cell::String(string) => string.parse().map_err(|_| EvalError::Conversion),
        // Seconds since 1970, rounded down.
        Cell::Timestamp(instant) => Ok(instant.as_second() - i64::from(instant.subsec_nanosecond() < 0)),
        _ => Err(EvalError::TypeMismatch),
    }
}

/// CEL allows the open interval between the two powers of two only.
fn truncate(double: f64) -> Result<i64, EvalError> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if double > -BOUND && double < BOUND {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range was checked, the fraction is to be cut off"
        )]
        Ok(double as i64)
    } else {
        Err(EvalError::Overflow)
    }
}

fn to_double(from: &Cell<'_>) -> Result<f64, EvalError> {
    match from {
        Cell::Int(int) => Ok(*int as f64),
        Cell::Double(double) => Ok(*double),
        Cell::String(string) => string.parse().map_err(|_| EvalError::Conversion),
        _ => Err(EvalError::TypeMismatch),
    }
}

/// No doubles: CEL's implementations do not agree on their spelling.
fn to_string(from: Cell<'_>) -> Result<Cow<'_, str>, EvalError> {
    match from {
        Cell::String(string) => Ok(string),
        Cell::Int(int) => Ok(Cow::Owned(int.to_string())),
        Cell::Bool(bool) => Ok(Cow::Borrowed(if bool { "true" } else { "false" })),
        _ => Err(EvalError::TypeMismatch),
    }
}

pub(super) fn part<'a>(part: Part, zone: &TimeZone, of: &Cell<'a>) -> Evaluated<'a> {
    match of {
        Cell::Timestamp(instant) => Ok(Cell::Int(field(part, zone.to_datetime(*instant)))),
        Cell::Duration(duration) => whole(part, *duration).map(Cell::Int),
        _ => Err(EvalError::TypeMismatch),
    }
}

fn field(part: Part, at: jiff::civil::DateTime) -> i64 {
    match part {
        Part::FullYear => at.year().into(),
        Part::Month => i64::from(at.month()) - 1,
        Part::DayOfYear => i64::from(at.day_of_year()) - 1,
        Part::DayOfMonth => i64::from(at.day()) - 1,
        Part::Date => at.day().into(),
        Part::DayOfWeek => at.weekday().to_sunday_zero_offset().into(),
        Part::Hours => at.hour().into(),
        Part::Minutes => at.minute().into(),
        Part::Seconds => at.second().into(),
        Part::Milliseconds => at.millisecond().into(),
    }
}

/// The whole duration in one unit, cut off towards zero.
fn whole(part: Part, duration: SignedDuration) -> Result<i64, EvalError> {
    match part {
        Part::Hours => Ok(duration.as_hours()),
        Part::Minutes => Ok(duration.as_mins()),
        Part::Seconds => Ok(duration.as_secs()),
        Part::Milliseconds => i64::try_from(duration.as_millis()).map_err(|_| EvalError::Overflow),
        _ => Err(EvalError::TypeMismatch),
    }
}
