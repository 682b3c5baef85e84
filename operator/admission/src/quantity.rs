//! Amounts of processor and memory as Kubernetes writes them, to compare them: the API server spells `1000m` as `1`.

#[cfg(test)]
mod tests;

/// A quantity in billionths, the finest that Kubernetes knows; `None` for what is none or is beyond all machines.
///
/// ```
/// use attune_admission::quantity::billionths;
///
/// assert_eq!(billionths("0.5"), billionths("500m"));
/// assert_eq!(billionths("1Ki"), billionths("1024"));
/// assert_eq!(billionths("lots"), None);
/// ```
pub fn billionths(text: &str) -> Option<i128> {
    let (number, factor) = split(text)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || whole.len() > 15 || fraction.len() > 9 {
        return None;
    }
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = digits.checked_mul(factor)?;
    // Kubernetes rounds up what is finer than it can say.
    Some(scaled.checked_add(scale - 1)? / scale)
}

/// The number, and the billionths in one of its unit.
fn split(text: &str) -> Option<(&str, i128)> {
    const ONE: i128 = 1_000_000_000;
    const UNITS: [(&str, i128); 13] = [
        ("n", 1),
        ("u", 1_000),
        ("m", 1_000_000),
        ("", ONE),
        ("k", ONE * 1_000),
        ("M", ONE * 1_000_000),
        ("G", ONE * 1_000_000_000),
        ("T", ONE * 1_000_000_000_000),
        ("P", ONE * 1_000_000_000_000_000),
        ("Ki", ONE << 10),
        ("Mi", ONE << 20),
        ("Gi", ONE << 30),
        ("Ti", ONE << 40),
    ];
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    Some((number, factor))
}
