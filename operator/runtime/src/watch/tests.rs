use std::time::Duration;

use super::Pauses;

#[test]
fn a_watch_that_fails_for_long_is_still_tried_again_within_seconds() {
    let pauses: Vec<Duration> = Pauses::default().take(50).collect();
    assert_eq!(pauses.len(), 50, "it is never given up");
    assert!(
        pauses.iter().all(|pause| *pause <= Duration::from_secs(6)),
        "{pauses:?}"
    );
    // Not so often that an API server that is overloaded is hindered.
    let later = pauses.iter().skip(10);
    assert!(later.min() >= Some(&Duration::from_secs(3)), "{pauses:?}");
}
