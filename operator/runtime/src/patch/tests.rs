use attune_api::Kind;
use tokio::sync::watch;

use super::*;

fn id(name: &str) -> ObjectId {
    ObjectId {
        kind: Kind::Channel,
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }
}

fn writer() -> Writer {
    Writer::new("tests", Arc::new(Metrics::new()))
}

/// What is due within a moment.
async fn due(writer: &Writer) -> Option<Value> {
    // Timers fire by the millisecond.
    tokio::time::sleep(Duration::from_millis(1)).await;
    writer.waiting.take_if_due().map(|task| task.work)
}

#[tokio::test(start_paused = true)]
async fn counts_are_written_at_once_and_then_once_a_minute() {
    let writer = writer();
    writer.put_counts(id("web"), json!(1), true);
    assert_eq!(due(&writer).await, Some(json!(1)), "the first of them");
    writer.put_counts(id("web"), json!(2), true);
    assert_eq!(due(&writer).await, None);
    tokio::time::advance(Duration::from_secs(30)).await;
    writer.put_counts(id("web"), json!(3), true);
    writer.put_counts(id("email"), json!(7), true);
    assert_eq!(
        due(&writer).await,
        Some(json!(7)),
        "another object has its own turn"
    );
    assert_eq!(due(&writer).await, None);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(
        due(&writer).await,
        Some(json!(3)),
        "the newest, a minute after the first"
    );
    writer.put_counts(id("web"), json!(4), true);
    tokio::time::advance(Duration::from_secs(40)).await;
    assert_eq!(due(&writer).await, None, "and a minute after that");
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(due(&writer).await, Some(json!(4)));
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_turns_takes_the_counts_with_it() {
    let writer = writer();
    writer.put_counts(id("web"), json!(1), false);
    due(&writer).await;
    writer.put_counts(id("web"), json!(2), true);
    writer.put_counts(id("web"), json!(3), false);
    assert_eq!(due(&writer).await, Some(json!(3)));
    tokio::time::advance(Duration::from_mins(2)).await;
    assert_eq!(due(&writer).await, None, "nothing is left to say");
    writer.put_counts(id("web"), json!(4), false);
    writer.put_counts(id("web"), json!(5), true);
    assert_eq!(
        due(&writer).await,
        Some(json!(5)),
        "counts do not hold up what turns"
    );
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_writes_nothing() {
    let (leads, leadership) = watch::channel(false);
    let writer = writer();
    writer.led_by(Leadership::elected(leadership));
    writer.put(id("web"), json!(1));
    assert_eq!(due(&writer).await, None);
    leads.send_replace(true);
    writer.put(id("web"), json!(2));
    assert_eq!(due(&writer).await, Some(json!(2)));
    drop(leads);
    writer.put(id("web"), json!(3));
    assert_eq!(due(&writer).await, None, "nobody says that it leads");
}
