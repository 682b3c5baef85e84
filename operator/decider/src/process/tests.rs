use std::time::Duration;

use jiff::SignedDuration;

use super::gate;
use super::setting::{StartupTimeout, drain, idle, offset, pause};
use crate::fixture::{builder, bundle_with};

#[test]
fn takes_time_spans_as_the_resources_write_them() {
    let after = |seconds| StartupTimeout::After(Duration::from_secs(seconds));
    for (text, expected) in [
        ("60s", after(60)),
        ("2m", after(120)),
        ("0s", after(0)),
        ("30", after(30)),
        ("Forever", StartupTimeout::Forever),
    ] {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
    for text in ["", "soon", "-1s", "forever", "1 parsec"] {
        let error = text.parse::<StartupTimeout>().unwrap_err().to_string();
        assert!(error.contains("`60s` or `Forever`"), "{error}");
    }
    assert_eq!(drain("1500ms"), Ok(Duration::from_millis(1500)));
    assert_eq!(drain("0"), Ok(Duration::ZERO));
    assert!(drain("-5s").is_err());
    assert_eq!(pause("1s"), Ok(Duration::from_secs(1)));
    assert!(pause("soon").unwrap_err().to_string().contains("`60s`"));
    assert_eq!(idle("90"), Ok(Duration::from_secs(90)));
    assert!(idle("0s").unwrap_err().to_string().contains("`60s`"));
    assert!(idle("-5s").is_err());
    assert_eq!(offset("-300s"), Ok(SignedDuration::from_secs(-300)));
    assert_eq!(offset("5m"), Ok(SignedDuration::from_secs(300)));
}

#[tokio::test(start_paused = true)]
async fn waits_for_a_first_bundle_until_the_time_is_up_and_counts_that() {
    let timeout = StartupTimeout::After(Duration::from_mins(1));
    let decider = builder().build();
    let watch = tokio::spawn(gate::watch(decider.clone(), timeout));
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(!decider.is_started());
    watch.await.unwrap();
    assert!(decider.is_started());
    assert_eq!(decider.metrics().rules.startup_timeouts.get(), 1);

    let fed = builder().build();
    let watch = tokio::spawn(gate::watch(fed.clone(), timeout));
    fed.adopt_bundle(bundle_with(|_| {})).unwrap();
    assert!(fed.is_started(), "a bundle lets it pass at once");
    watch.await.unwrap();
    assert_eq!(fed.metrics().rules.startup_timeouts.get(), 0);

    let patient = builder().build();
    gate::watch(patient.clone(), StartupTimeout::Forever).await;
    tokio::time::sleep(Duration::from_hours(24)).await;
    assert!(!patient.is_started());
}
