use std::time::Duration;

use anyhow::bail;

use super::wait_until;

#[tokio::test]
async fn returns_the_value_of_the_first_success() {
    let mut attempts = 0;
    let value = wait_until("it counts to three", Duration::from_secs(5), async || {
        attempts += 1;
        if attempts < 3 {
            bail!("only {attempts}");
        }
        Ok(attempts)
    });
    assert_eq!(value.await.unwrap(), 3);
}

#[tokio::test]
async fn says_what_was_waited_for_and_why_it_did_not_come() {
    let outcome = wait_until::<()>("pigs fly", Duration::from_millis(60), async || bail!("no wings"));
    assert_eq!(
        outcome.await.unwrap_err().to_string(),
        "waited 60ms until pigs fly: no wings"
    );
}

#[tokio::test]
async fn an_attempt_that_hangs_is_cut_off() {
    let outcome = wait_until::<()>("it answers", Duration::from_millis(60), std::future::pending);
    let message = outcome.await.unwrap_err().to_string();
    assert!(
        message.starts_with("waited 60ms until it answers: an attempt hung"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_after_one_that_hangs_succeeds() {
    let mut attempts = 0;
    let value = wait_until("it answers", Duration::from_mins(2), async || {
        attempts += 1;
        if attempts == 1 {
            std::future::pending::<()>().await;
        }
        Ok(attempts)
    });
    assert_eq!(value.await.unwrap(), 2);
}
