use super::*;

fn pods(names: &[&str]) -> Vec<BarePod> {
    let pod = |name: &&str| BarePod {
        name: (*name).to_owned(),
        uid: None,
    };
    names.iter().map(pod).collect()
}

fn key() -> Key {
    ("shop".to_owned(), "web".to_owned())
}

/// What is told of pods when the condition said `standing`; the condition will say `new`.
fn told(missing: &mut Missing, names: &[&str], standing: Option<&str>) -> Vec<String> {
    let pods = pods(names);
    let news = missing.news(&key(), &pods, standing, "new");
    news.into_iter().map(|pod| pod.name.clone()).collect()
}

#[test]
fn tells_each_pod_once_and_again_after_it_was_gone() {
    let mut missing = Missing::default();
    assert_eq!(told(&mut missing, &["a", "b"], None), ["a", "b"]);
    assert_eq!(told(&mut missing, &["a", "b"], Some("`a`")), [""; 0]);
    assert_eq!(told(&mut missing, &["a", "b", "c"], Some("`a`")), ["c"]);
    assert_eq!(told(&mut missing, &["a"], Some("`a`")), [""; 0]);
    assert_eq!(told(&mut missing, &["a", "b"], Some("`a`")), ["b"]);
    assert_eq!(told(&mut missing, &[], Some("`a`")), [""; 0]);
    assert_eq!(told(&mut missing, &["a"], None), ["a"]);
}

#[test]
fn tells_no_more_than_ten_at_a_time() {
    let names: Vec<_> = (10..40).map(|number| format!("pod-{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut missing = Missing::default();
    assert_eq!(told(&mut missing, &names, None).len(), 10);
    assert_eq!(
        told(&mut missing, &names, None),
        [""; 0],
        "the rest are counted on the channel"
    );
}

#[test]
fn is_silent_after_a_restart_where_nothing_has_changed() {
    assert_eq!(told(&mut Missing::default(), &["a", "b"], Some("new")), [""; 0]);
    assert_eq!(
        told(&mut Missing::default(), &["a", "b"], Some("`a` has no decider")),
        ["b"],
        "it came while nobody looked"
    );
}
