//! How long things are kept, and the sweeps that see to it.

use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use tracing::{info, warn};

use crate::collector::Collector;
use crate::store::{Pace, Retention};

#[cfg(test)]
mod tests;

/// From one sweep to the next.
const EVERY: Duration = Duration::from_hours(1);
/// From the start to the first one: whoever starts has other things to do.
const FIRST: Duration = Duration::from_mins(1);
/// Least time that anything is kept: an experiment's day must be over before it goes.
const LEAST: SignedDuration = SignedDuration::from_hours(24);
/// What keeps things for ever.
const FOREVER: &str = "Forever";

/// How long things are kept.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct RetentionArgs {
    /// How long outcomes, units' arms and who saw what are kept: `400d`, or `Forever`. What a running experiment or
    /// holdout needs is kept longer.
    #[arg(long = "retain-results", env = "ATTUNE_RETAIN_RESULTS", default_value = "400d", value_parser = kept)]
    results: SignedDuration,
    /// How long the log of exposures is kept.
    #[arg(long = "retain-exposures", env = "ATTUNE_RETAIN_EXPOSURES", default_value = "90d", value_parser = kept)]
    exposures: SignedDuration,
    /// How long ids of events are kept: an event that is sent again later than that counts again.
    #[arg(long = "retain-event-ids", env = "ATTUNE_RETAIN_EVENT_IDS", default_value = "30d", value_parser = kept)]
    event_ids: SignedDuration,
}

impl RetentionArgs {
    pub(super) fn retention(self) -> Retention {
        Retention {
            results: self.results,
            exposures: self.exposures,
            event_ids: self.event_ids,
        }
    }
}

/// A time span such as `400d` or `36h`, a day of 24 hours; `Forever` is the longest.
fn kept(text: &str) -> Result<SignedDuration, String> {
    if text == FOREVER {
        return Ok(SignedDuration::MAX);
    }
    let wrong =
        || format!("`{text}` is no time span of at least a day; write it like `400d`, or `{FOREVER}`");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    if length < LEAST { Err(wrong()) } else { Ok(length) }
}

/// Sweeps once an hour, the first time after a minute; for whoever holds the collector, too. It never ends.
pub async fn sweep_hourly(collector: Collector, retention: Retention) {
    tokio::time::sleep(FIRST).await;
    loop {
        match collector.sweep(retention, Pace::default()).await {
            Ok(swept) => info!(?swept, "dropped what was kept long enough"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(
                    error,
                    "cannot drop what was kept long enough; trying again in an hour"
                );
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}
