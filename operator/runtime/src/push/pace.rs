//! How often an endpoint is called: pauses that grow, a spread, and a rate that is never exceeded.

use std::collections::VecDeque;
use std::time::Duration;

use attune_api::delivery::PushDelivery;
use attune_api::time::Span;
use jiff::Timestamp;
use tokio::time::Instant;

/// How long an answer may take where the Channel does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The ends of the pauses between attempts where the Channel does not say.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Time between two questions for the revision where the Channel does not say.
const INTERVAL: Duration = Duration::from_mins(5);

/// The longest that a receiver may ask to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The window of a rate.
const MINUTE: Duration = Duration::from_mins(1);

/// A point in time as a step sees it, and the chance that spreads what follows from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// By the clock that never goes back.
    pub(super) at: Instant,
    /// By the clock that people read.
    pub(super) wall: Timestamp,
    /// From 0 to 1.
    pub(super) chance: f64,
}

/// What a Channel says of how its endpoint is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) timeout: Duration,
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    /// Time between two questions for the revision; `None` where it is not asked for.
    pub(super) interval: Option<Duration>,
    /// Calls in a minute; `None`: any number.
    pub(super) per_minute: Option<usize>,
}

impl Policy {
    /// What a Channel says.
    pub(super) fn of(push: &PushDelivery) -> Self {
        let retry = push.retry.clone().unwrap_or_default();
        let or = |span: &Option<Span>, default| span.as_ref().map_or(default, length);
        let first_pause = or(&retry.initial_backoff, FIRST_PAUSE);
        let rate = push.rate.as_ref();
        Self {
            timeout: or(&retry.timeout, TIMEOUT),
            first_pause,
            longest_pause: or(&retry.max_backoff, LONGEST_PAUSE).max(first_pause),
            interval: push.verify.as_ref().map(|verify| or(&verify.interval, INTERVAL)),
            per_minute: rate.map(|rate| usize::try_from(rate.per_minute.get()).unwrap_or(usize::MAX)),
        }
    }

    /// The pause after so many failures in a row: at least half of what it may be, at random.
    pub(super) fn pause(&self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.first_pause.saturating_mul(2_u32.saturating_pow(doublings));
        let whole = whole.min(self.longest_pause);
        whole / 2 + (whole / 2).mul_f64(chance.clamp(0.0, 1.0))
    }

    /// The pause after which an endpoint that failed again and again is tried once more.
    pub(super) fn cooling(&self, chance: f64) -> Duration {
        self.longest_pause / 2 + (self.longest_pause / 2).mul_f64(chance.clamp(0.0, 1.0))
    }
}

/// A time between two things, a tenth more or less.
pub(super) fn spread(interval: Duration, chance: f64) -> Duration {
    interval.mul_f64(0.2f64.mul_add(chance.clamp(0.0, 1.0), 0.9))
}

/// As long as a receiver asks to be left alone, or as long as it may.
pub(super) fn bounded(retry_after: Duration) -> Duration {
    retry_after.min(MAX_RETRY_AFTER)
}

fn length(span: &Span) -> Duration {
    Duration::from_secs(u64::try_from(span.seconds()).unwrap_or(1))
}

/// The calls of the last minute.
#[derive(Debug, Default)]
pub(super) struct Calls(VecDeque<Instant>);

impl Calls {
    /// Counts a call.
    pub(super) fn count(&mut self, at: Instant, per_minute: Option<usize>) {
        let Some(per_minute) = per_minute else {
            self.0.clear();
            return;
        };
        self.0.push_back(at);
        while self.0.len() > per_minute {
            self.0.pop_front();
        }
    }

    /// When the next call may be: at no time are there more than `per_minute` within a minute.
    pub(super) fn earliest(&self, per_minute: Option<usize>) -> Option<Instant> {
        let per_minute = per_minute?;
        // Of a rate that was lowered, the last so many calls count.
        let place = self.0.len().checked_sub(per_minute)?;
        self.0.get(place).map(|first| *first + MINUTE)
    }
}
