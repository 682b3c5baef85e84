//! Waiting for something to become true, with a deadline and a message worth reading.

#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tokio::time::{Instant, sleep, timeout_at};

/// An attempt may take half of the patience, or this where that is longer: what hangs once, as a connection whose first
/// packet was lost for good, does not hang the next time.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// Tries until `attempt` succeeds and returns its value. An attempt that fails says why it is not true *yet*; the last of
/// these reasons is in the message when `patience` ends.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn revision() -> anyhow::Result<String> { Ok(String::new()) }
/// # async fn example(old: &str) -> anyhow::Result<()> {
/// let new = attune_e2e::wait_until("the edit reaches the decider", Duration::from_secs(10), async || {
///     let revision = revision().await?;
///     anyhow::ensure!(revision != old, "it still serves revision {revision}");
///     Ok(revision)
/// })
/// .await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// When it did not come true in time. An attempt that hangs is cut off and made again.
pub async fn wait_until<T>(
    what: &str,
    patience: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    let longest = SHORTEST_ATTEMPT.max(patience / 2);
    let mut pause = FIRST_PAUSE;
    let mut last = anyhow!("the first attempt did not come back");
    loop {
        let cut = deadline.min(Instant::now() + longest);
        match timeout_at(cut, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => last = error,
            Err(_) if cut == deadline => {
                bail!("waited {patience:?} until {what}: an attempt hung; the one before: {last:#}")
            }
            Err(_) => last = anyhow!("an attempt hung for {longest:?}; the one before: {last:#}"),
        }
        if Instant::now() + pause > deadline {
            bail!("waited {patience:?} until {what}: {last:#}");
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}
