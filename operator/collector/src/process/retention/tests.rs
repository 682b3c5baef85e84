use super::*;

#[test]
fn takes_spans_of_days_and_forever() {
    let hours = SignedDuration::from_hours;
    assert_eq!(kept("400d"), Ok(hours(400 * 24)));
    assert_eq!(kept("36h"), Ok(hours(36)));
    assert_eq!(kept("8w"), Ok(hours(8 * 7 * 24)));
    assert_eq!(kept("Forever"), Ok(SignedDuration::MAX));
    for text in ["", "soon", "23h", "-400d", "forever", "1 year", "0d"] {
        let error = kept(text).unwrap_err();
        assert!(error.contains("`400d`, or `Forever`"), "{text}: {error}");
    }
}
