use super::*;

#[tokio::test(start_paused = true)]
async fn of_each_key_only_the_newest_work_is_done() {
    let queue = Queue::default();
    queue.put("a", 1);
    queue.put("b", 2);
    queue.put("a", 3);
    let mut done = Vec::new();
    for _ in 0..2 {
        let task = queue.next().await;
        done.push((task.key, task.work));
    }
    done.sort_unstable();
    assert_eq!(done, [("a", 3), ("b", 2)]);
    assert!(
        tokio::time::timeout(Duration::from_mins(1), queue.next())
            .await
            .is_err(),
        "nothing is left"
    );
}

#[tokio::test(start_paused = true)]
async fn what_fails_waits_longer_each_time_and_holds_up_nobody() {
    let queue = Queue::default();
    queue.put("bad", 0);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let task = queue.next().await;
        pauses.push(began.elapsed().as_millis());
        queue.put_back(task);
    }
    assert_eq!(pauses, [0, 250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    queue.put("good", 1);
    let began = Instant::now();
    assert_eq!(queue.next().await.key, "good");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn newer_work_is_done_at_once_and_wins_over_what_failed() {
    let queue = Queue::default();
    queue.put("a", "old");
    let failed = queue.next().await;
    queue.put("a", "new");
    queue.put_back(failed);
    let began = Instant::now();
    assert_eq!(queue.next().await.work, "new");
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(
        tokio::time::timeout(Duration::from_mins(1), queue.next())
            .await
            .is_err(),
        "the old work is gone"
    );
}

#[tokio::test(start_paused = true)]
async fn work_of_a_key_that_is_busy_waits() {
    let queue = Queue::default();
    queue.put("busy", 1);
    let busy = BTreeSet::from(["busy"]);
    let moment = Duration::from_millis(1);
    let none = tokio::time::timeout(moment, queue.next_but(&busy)).await;
    assert!(none.is_err());
    queue.put("free", 2);
    assert_eq!(queue.next_but(&busy).await.key, "free");
    assert_eq!(queue.depth(), 1);
    assert_eq!(queue.next().await.key, "busy");
}
