use super::*;

fn call(decider: &str, revision: &str) -> Call {
    Call {
        decider: decider.to_owned(),
        revision: Some(revision.to_owned()),
        refused: None,
    }
}

fn web(table: &Table) -> Option<Report> {
    let reports = table.report(|_, _| Some("new".to_owned()));
    reports.get(&("shop".to_owned(), "web".to_owned())).cloned()
}

#[tokio::test(start_paused = true)]
async fn a_decider_counts_while_it_waits_and_a_while_after() {
    let table = Table::default();
    let waiting = table.note("shop", "web", call("one", "new"));
    tokio::time::advance(ABSENT_AFTER * 3).await;
    assert_eq!(web(&table).unwrap().current, 1, "it still waits");
    drop(waiting);
    tokio::time::advance(ABSENT_AFTER / 2).await;
    assert_eq!(web(&table).unwrap().current, 1, "it was here just now");
    tokio::time::advance(ABSENT_AFTER).await;
    assert_eq!(web(&table), None, "it is gone, and so is its channel");
}

#[tokio::test(start_paused = true)]
async fn only_news_wakes_whoever_listens() {
    let table = Table::default();
    let is_woken = async || {
        tokio::time::timeout(Duration::from_millis(1), table.changed())
            .await
            .is_ok()
    };
    drop(table.note("shop", "web", call("one", "old")));
    assert!(is_woken().await, "a new decider");
    drop(table.note("shop", "web", call("one", "old")));
    assert!(!is_woken().await, "it says what it said before");
    drop(table.note("shop", "web", call("one", "new")));
    assert!(is_woken().await, "another revision");
    let refused = Some(Refusal {
        revision: "newer".to_owned(),
        reason: "it is too new".to_owned(),
    });
    drop(table.note(
        "shop",
        "web",
        Call {
            refused,
            ..call("one", "new")
        },
    ));
    assert!(is_woken().await, "a refusal");
}

fn said(decider: &str, revision: Option<&str>, age_ms: u64) -> Said {
    Said {
        namespace: "shop".to_owned(),
        channel: "web".to_owned(),
        decider: decider.to_owned(),
        revision: revision.map(str::to_owned),
        refused: None,
        age_ms,
    }
}

#[tokio::test(start_paused = true)]
async fn deciders_of_all_replicas_count_once() {
    let table = Table::default();
    drop(table.note("shop", "web", call("one", "old")));
    tokio::time::advance(Duration::from_secs(5)).await;
    table.hear_peer(
        "b",
        vec![
            said("one", Some("new"), 0),
            said("two", Some("old"), 10),
            said("three", None, 0),
        ],
    );
    let report = web(&table).unwrap();
    assert_eq!(
        (report.current, report.stale),
        (1, 1),
        "it moved to the other replica"
    );
    assert_eq!(report.without, BTreeSet::from(["three".to_owned()]));
    table.hear_peer("b", vec![said("two", Some("new"), 0)]);
    let report = web(&table).unwrap();
    assert_eq!(
        (report.current, report.stale),
        (1, 1),
        "what it said before is replaced"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_fell_silent_no_longer_counts() {
    let table = Table::default();
    table.hear_peer("b", vec![said("one", Some("new"), 0)]);
    tokio::time::advance(PEER_SILENT_AFTER / 2).await;
    assert_eq!(web(&table).unwrap().current, 1);
    tokio::time::advance(PEER_SILENT_AFTER).await;
    assert_eq!(web(&table), None);
}

#[tokio::test(start_paused = true)]
async fn what_one_replica_says_another_hears() {
    let (one, other) = (Table::default(), Table::default());
    let waiting = one.note("shop", "web", call("one", "new"));
    drop(one.note("shop", "web", call("two", "old")));
    tokio::time::advance(Duration::from_secs(1)).await;
    let told = serde_json::to_string(&one.say()).unwrap();
    other.hear_peer("a", serde_json::from_str(&told).unwrap());
    assert_eq!(web(&other), web(&one));
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn only_news_of_a_replica_wakes_whoever_listens() {
    let table = Table::default();
    let is_woken = async || {
        tokio::time::timeout(Duration::from_millis(1), table.changed())
            .await
            .is_ok()
    };
    table.hear_peer("b", vec![said("one", Some("new"), 0)]);
    assert!(is_woken().await);
    table.hear_peer("b", vec![said("one", Some("new"), 20)]);
    assert!(!is_woken().await);
    table.hear_peer("b", Vec::new());
    assert!(is_woken().await);
}
