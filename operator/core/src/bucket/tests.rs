use super::*;

/// flagd-testbed, `evaluator/gherkin/fractional.feature`, tag `fractional-v2`: flag key or seed, unit, variant.
const SUITS: [&str; 4] = ["clubs", "diamonds", "hearts", "spades"];

fn pick<const N: usize>(salt: &Salt, unit: &str, weights: [u32; N]) -> Option<usize> {
    Weights::new(weights).map(|weights| weights.pick(salt, unit))
}

fn suit(salt: &str, unit: &str) -> &'static str {
    SUITS[pick(&Salt::new(salt), unit, [25, 25, 25, 25]).unwrap()]
}

#[test]
fn gives_the_variants_of_flagds_fractional_vectors() {
    for (unit, expected) in [
        ("jack", "hearts"),
        ("queen", "spades"),
        ("ten", "clubs"),
        ("nine", "diamonds"),
        ("3", "clubs"),
    ] {
        assert_eq!(suit("fractional-flag", unit), expected, "fractional-flag {unit}");
    }
    for (unit, expected) in [
        ("seven", "hearts"),
        ("eight", "diamonds"),
        ("nine", "clubs"),
        ("two", "spades"),
    ] {
        assert_eq!(suit("shared-seed", unit), expected, "shared-seed {unit}");
    }
}

#[test]
fn gives_the_variants_of_flagds_shorthand_vectors() {
    let salt = Salt::new("fractional-flag-shorthand");
    assert_eq!(pick(&salt, "jon@company.com", [1, 1]), Some(0));
    assert_eq!(pick(&salt, "jane@company.com", [1, 1]), Some(1));
}

#[test]
fn gives_the_halves_of_flagds_hash_edge_vectors() {
    // Units whose hashes are 0, 1, 2^31 - 1, 2^31 and 2^32 - 1.
    let salt = Salt::new("");
    for (unit, half) in [
        ("ejOoVL", 0),
        ("bY9fO-", 0),
        ("SI7p-", 0),
        ("6LvT0", 1),
        ("ceQdGm", 1),
    ] {
        assert_eq!(pick(&salt, unit, [50, 50]), Some(half), "{unit}");
    }
}

#[test]
fn hashes_the_same_however_the_bytes_are_cut() {
    let text = "shop-2026h2:holdoutü-user-0123456789";
    let whole = Salt::new(text).bucket("", u32::MAX);
    for (cut, _) in text.char_indices() {
        let (salt, unit) = text.split_at(cut);
        assert_eq!(Salt::new(salt).bucket(unit, u32::MAX), whole, "cut at {cut}");
    }
}

#[test]
fn refuses_weights_without_a_usable_sum() {
    let salt = Salt::new("s");
    assert_eq!(pick(&salt, "u", []), None);
    assert_eq!(pick(&salt, "u", [0, 0]), None);
    assert_eq!(pick(&salt, "u", [u32::MAX, 1]), None);
    assert_eq!(pick(&salt, "u", [0, 7, 0]), Some(1));
}
