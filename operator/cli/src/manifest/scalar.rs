//! What a plain scalar is read as: the table of go-yaml v2, which kubectl reads manifests with (YAML 1.1, without
//! its base 60 numbers, with Go's spelling of integers).

use super::node::Resolved;
use crate::quote::quote;

/// A tag that changes how a scalar is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// `!!str`, and every tag that YAML does not know.
    Text,
    Bool,
    Int,
    Float,
    Null,
}

impl Tag {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "!!str",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Null => "!!null",
        }
    }
}

/// Reads a scalar without quotes, or one whose tag asks for a type; the error says why it is none.
pub(super) fn resolve(text: &str, tag: Option<Tag>) -> Result<Resolved, String> {
    let Some(tag) = tag else {
        return finite(text, plain(text));
    };
    let read = if tag == Tag::Text {
        Resolved::Text
    } else {
        finite(text, plain(text))?
    };
    match (tag, read) {
        (Tag::Text, Resolved::Text)
        | (Tag::Bool, Resolved::Bool(_))
        | (Tag::Int, Resolved::Int(_) | Resolved::Unsigned(_))
        | (Tag::Float, Resolved::Float(_))
        | (Tag::Null, Resolved::Null) => Ok(read),
        (Tag::Float, Resolved::Int(value)) => Ok(Resolved::Float(value as f64)),
        _ => Err(format!("`{}` cannot be read as `{}`", quote(text), tag.name())),
    }
}

/// JSON has no infinities.
fn finite(text: &str, read: Resolved) -> Result<Resolved, String> {
    match read {
        Resolved::Float(value) if !value.is_finite() => Err(format!(
            "`{}` is a number that JSON, and so the API server, cannot hold",
            quote(text)
        )),
        other => Ok(other),
    }
}

/// The type a plain scalar has by its text.
pub(crate) fn plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or(Resolved::Text),
    }
}

fn number(text: &str) -> Option<Resolved> {
    match text.bytes().next()? {
        b'.' => decimal(&without_separators(text)?).map(Resolved::Float),
        b'0'..=b'9' | b'+' | b'-' => {
            let digits = text.replace('_', "");
            integer(&digits)
                .or_else(|| decimal(&digits).map(Resolved::Float))
                .or_else(|| signed_binary(&digits))
        }
        _ => None,
    }
}

/// After a leading point, Go allows `_` between two digits only.
fn without_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit_at = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    text.match_indices('_')
        .all(|(at, _)| digit_at(at.checked_sub(1)) && digit_at(Some(at + 1)))
        .then(|| text.replace('_', ""))
}

/// An integer as Go spells it: `12`, `-0x1F`, `0b101`, `0o17` and, with a leading zero alone, octal `017`.
fn integer(text: &str) -> Option<Resolved> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let signed = digits.len() != text.len();
    let (radix, digits) = radix(digits);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    let value = if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    };
    value
        .map(Resolved::Int)
        .or_else(|| (!signed).then_some(Resolved::Unsigned(magnitude)))
}

fn radix(digits: &str) -> (u32, &str) {
    let prefixed = |prefix: &str| {
        digits
            .get(..2)
            .filter(|start| start.eq_ignore_ascii_case(prefix))
            .and_then(|_| digits.get(2..))
    };
    if let Some(rest) = prefixed("0x") {
        (16, rest)
    } else if let Some(rest) = prefixed("0b") {
        (2, rest)
    } else if let Some(rest) = prefixed("0o") {
        (8, rest)
    } else if let Some(rest) = digits.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        (8, rest)
    } else {
        (10, digits)
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, within the range of a double.
fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_formed = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    (well_formed && exponent_formed)
        .then(|| text.parse().ok())
        .flatten()
        .filter(|value: &f64| value.is_finite())
}

/// go-yaml also reads a sign behind the prefix: `0b-101`.
fn signed_binary(text: &str) -> Option<Resolved> {
    let digits = text.strip_prefix("0b")?;
    let magnitude = digits.strip_prefix(['-', '+'])?;
    let well_formed = !magnitude.is_empty() && magnitude.bytes().all(|digit| matches!(digit, b'0' | b'1'));
    well_formed
        .then(|| i64::from_str_radix(digits, 2).ok())
        .flatten()
        .map(Resolved::Int)
}

/// The string that a key becomes in JSON; none for the keys that JSON cannot have.
pub(super) fn key(text: &str, resolved: Resolved) -> Option<String> {
    match resolved {
        Resolved::Text => Some(text.to_owned()),
        Resolved::Bool(value) => Some(value.to_string()),
        Resolved::Int(value) => Some(value.to_string()),
        Resolved::Float(value) => Some(shortest(value)),
        Resolved::Null | Resolved::Unsigned(_) => None,
    }
}

/// A float as Go's `%g` prints it for a 32-bit float, which is how a float key is spelled.
fn shortest(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the precision of a 32-bit float is the specified one"
    )]
    let single = value as f32;
    let scientific = format!("{single:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return if single.is_sign_negative() {
            "-.inf".to_owned()
        } else {
            ".inf".to_owned()
        };
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        format!("{single}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    }
}
