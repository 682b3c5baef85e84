//! Durations and instants as CEL spells them, read exactly: no rounding through doubles, nothing left over.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

const UNITS: [(&str, i128); 8] = [
    // Longer names first: `ms` is not `m` and an `s`.
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// More digits than any number within the range of a duration needs.
const MAX_DIGITS: usize = 24;

/// A duration as Go's `time.ParseDuration` reads it: `72h`, `1h30m`, `-1.5s`, `0`, within an `i64` of nanoseconds.
pub(super) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut nanos: i128 = 0;
    loop {
        let (part, after) = parse_part(rest)?;
        nanos = nanos.checked_add(part)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let nanos = if negative { -nanos } else { nanos };
    i64::try_from(nanos).ok().map(SignedDuration::from_nanos)
}

/// One number with its unit, and what follows it. Fractions of a nanosecond are cut off.
fn parse_part(text: &str) -> Option<(i128, &str)> {
    let (whole, rest) = split_digits(text)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest)?,
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (unit, rest) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((unit, rest.strip_prefix(name)?)))?;
    let mut nanos = digits(whole)?.checked_mul(*unit)?;
    if !fraction.is_empty() {
        let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        nanos = nanos.checked_add(digits(fraction)?.checked_mul(*unit)? / scale)?;
    }
    Some((nanos, rest))
}

fn split_digits(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    if length > MAX_DIGITS {
        None
    } else {
        text.split_at_checked(length)
    }
}

fn digits(text: &str) -> Option<i128> {
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

/// An RFC 3339 instant between the years 1 and 9999, without leap seconds.
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    // jiff reads more spellings than RFC 3339 has.
    if is_rfc3339(text) {
        text.parse()
            .ok()
            .filter(|instant: &Timestamp| instant.as_second() >= FIRST_SECOND)
    } else {
        None
    }
}

/// 0001-01-01T00:00:00Z
pub(super) const FIRST_SECOND: i64 = -62_135_596_800;

/// Whether `text` has the shape `2026-12-01T00:00:00[.fraction](Z|+02:00)`.
fn is_rfc3339(text: &str) -> bool {
    const DATE_TIME: &str = "dddd-dd-ddTdd:dd:dd";
    let Some((date_time, rest)) = text.split_at_checked(DATE_TIME.len()) else {
        return false;
    };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
        None => rest,
    };
    has_shape(date_time, DATE_TIME)
        && !date_time.ends_with(":60")
        && (rest == "Z" || has_shape(rest, "+dd:dd") || has_shape(rest, "-dd:dd"))
}

/// Whether `text` is `shape` with a digit for each `d`.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                _ => byte == wanted,
            })
}
