use super::{Desired, Standing};

fn key() -> (String, String) {
    ("shop".to_owned(), "web".to_owned())
}

fn standing(replicas: i32) -> Standing {
    Standing {
        replicas: Some(replicas),
        obstacles: Vec::new(),
    }
}

#[test]
fn tells_of_changes_and_of_nothing_else() {
    let desired = Desired::default();
    let mut changes = desired.subscribe();
    let mut is_told = || {
        let told = changes.has_changed().unwrap();
        changes.mark_unchanged();
        told
    };
    desired.remove(&key());
    desired.clear();
    assert!(!is_told());
    desired.set(key(), standing(2));
    assert!(is_told());
    desired.set(key(), standing(2));
    assert!(!is_told());
    desired.set(key(), standing(3));
    assert!(is_told());
    assert_eq!(desired.get("shop", "web"), Some(standing(3)));
    desired.remove(&key());
    assert!(is_told());
    assert_eq!(desired.get("shop", "web"), None);
}

#[test]
fn a_replica_that_no_longer_leads_knows_nothing() {
    let desired = Desired::default();
    desired.set(key(), standing(2));
    desired.clear();
    assert!(desired.all().is_empty());
}
