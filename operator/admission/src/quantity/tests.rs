use super::billionths;

#[test]
fn spellings_of_one_amount_are_equal() {
    for (one, other) in [
        ("1000m", "1"),
        ("0.1", "100m"),
        ("1.5Gi", "1536Mi"),
        ("2k", "2000"),
        ("1.", "1"),
        (".5", "500m"),
        ("0.001", "1m"),
        ("1500u", "1.5m"),
    ] {
        assert_eq!(billionths(one), billionths(other), "{one} and {other}");
        assert!(billionths(one).is_some());
    }
}

#[test]
fn amounts_have_an_order() {
    assert!(billionths("20m") < billionths("0.1"));
    assert!(billionths("32M") < billionths("32Mi"));
}

#[test]
fn what_is_no_amount_is_none() {
    for text in [
        "",
        "m",
        "-1",
        "1x",
        "1e3e",
        "1.2.3",
        "one",
        "１",
        "1 Mi",
        "999999999999999999999999Ti",
    ] {
        assert_eq!(billionths(text), None, "{text}");
    }
}
