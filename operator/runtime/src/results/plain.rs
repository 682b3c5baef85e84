//! Whose units the collector keeps in plain.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::watch;
use tracing::{debug, warn};

use super::{ANSWER_TIMEOUT, Inquiries};
use crate::leadership::Leadership;
use crate::siblings::Siblings;

/// How long to wait before the collector is told again what it did not take.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells the collector which Channels keep unit ids in plain.
#[derive(Debug)]
pub(super) struct Teller {
    /// The base URL of the collector.
    pub(super) collector: String,
    /// How it is called.
    pub(super) siblings: Siblings,
    /// Whether this replica tells.
    pub(super) leadership: Leadership,
    /// Where the Channels come from.
    pub(super) inquiries: watch::Receiver<Inquiries>,
    /// How often it is told what it should know: its disk may be another one.
    pub(super) interval: Duration,
}

impl Teller {
    /// Tells at once what is new, and again after every interval.
    pub(super) async fn run(mut self) {
        loop {
            self.leadership.gained().await;
            let channels = self.inquiries.borrow_and_update().plain().cloned();
            let mut pause = self.interval;
            // Until everything was listed, nobody knows; what the collector knows stays.
            if let Some(channels) = &channels
                && let Err(error) = self.tell(channels).await
            {
                warn!(
                    error = format!("{error:#}"),
                    "the collector does not know which Channels keep unit ids in plain; telling it again"
                );
                pause = PAUSE.min(self.interval);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                news = self.inquiries.wait_for(|inquiries| inquiries.plain() != channels.as_ref()) => {
                    if news.is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn tell(&self, channels: &BTreeSet<(String, String)>) -> anyhow::Result<()> {
        let url = format!("{}/v1/plain-channels", self.collector.trim_end_matches('/'));
        let body: Vec<_> = channels
            .iter()
            .map(|(namespace, channel)| json!({"namespace": namespace, "channel": channel}))
            .collect();
        let request = self.siblings.request(None, |http| http.put(url)).await?;
        let response = request.timeout(ANSWER_TIMEOUT).json(&body).send().await;
        let status = response.context("the collector does not answer")?.status();
        anyhow::ensure!(status.is_success(), "the collector answers {status}");
        debug!(
            channels = channels.len(),
            "told which Channels keep unit ids in plain"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests;
