use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

use super::*;

/// A Lease of somebody whose clock may say anything.
fn lease(version: &str, holder: &str, renewed: &str) -> Lease {
    Lease {
        metadata: ObjectMeta {
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            renew_time: Some(MicroTime(renewed.parse().unwrap())),
            ..LeaseSpec::default()
        }),
    }
}

const NOW: &str = "2026-12-01T00:00:00Z";
const BEHIND: &str = "2026-11-30T23:55:00Z";
const AHEAD: &str = "2026-12-01T00:05:00Z";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn makes_the_first_lease_and_renews_it() {
    let (mut record, start) = (Record::new("me"), Instant::now());
    assert_eq!(record.observe(None, start), Step::Create);
    assert_eq!(record.observe(Some(&lease("1", "me", NOW)), start), Step::Renew);
    assert!(record.is_mine());
}

#[test]
fn takes_what_nobody_holds() {
    let mut record = Record::new("me");
    assert_eq!(
        record.observe(Some(&lease("1", "", NOW)), Instant::now()),
        Step::Take
    );
}

#[test]
fn waits_while_another_renews_whatever_its_clock_says() {
    for clock in [NOW, BEHIND, AHEAD] {
        let (mut record, start) = (Record::new("me"), Instant::now());
        for turn in 0..100 {
            let renewed = lease(&turn.to_string(), "other", clock);
            let step = record.observe(Some(&renewed), start + seconds(turn * 10));
            assert_eq!(step, Step::Wait, "turn {turn} with the clock at {clock}");
        }
        assert_eq!(record.holder(), Some("other"));
    }
}

#[test]
fn takes_a_lease_that_has_not_changed_for_its_duration_whatever_its_clock_says() {
    for clock in [NOW, BEHIND, AHEAD] {
        let (mut record, start) = (Record::new("me"), Instant::now());
        let dead = lease("1", "other", clock);
        assert_eq!(record.observe(Some(&dead), start), Step::Wait);
        assert_eq!(record.observe(Some(&dead), start + seconds(15)), Step::Wait);
        assert_eq!(record.observe(Some(&dead), start + seconds(16)), Step::Take);
    }
}

#[test]
fn a_lease_that_was_deleted_is_made_again() {
    let (mut record, start) = (Record::new("me"), Instant::now());
    record.observe(Some(&lease("1", "me", NOW)), start);
    assert_eq!(record.observe(None, start), Step::Create);
    assert!(!record.is_mine());
}
