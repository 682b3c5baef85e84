//! Time zones by name, from the database built into this program: never from the host, so that every decider
//! answers alike.

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

/// The zone of an IANA name such as `Europe/Berlin`, or of an offset such as `+02:00`.
pub(super) fn find(name: &str) -> Option<TimeZone> {
    if name.contains(':') {
        offset(name).map(TimeZone::fixed)
    } else {
        TimeZoneDatabase::bundled().get(name).ok()
    }
}

/// `[+-]HH:MM`
fn offset(name: &str) -> Option<Offset> {
    let (sign, digits) = match name.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, name.strip_prefix('+').unwrap_or(name)),
    };
    let (hours, minutes) = digits.split_once(':')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let within = hours < 24 && minutes < 60;
    within.then(|| Offset::from_seconds(sign * (hours * 60 + minutes) * 60).ok())?
}
