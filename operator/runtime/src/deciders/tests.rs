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
