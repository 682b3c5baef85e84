//! The one source of time: real, pinned, or a test's own.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// Tells the instant of a decision.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self::from_fn(Timestamp::now)
    }

    /// The system's time and this much more, or less: a host whose clock is wrong.
    pub fn off_by(offset: SignedDuration) -> Self {
        Self::from_fn(move || {
            let now = Timestamp::now();
            now.checked_add(offset).unwrap_or(now)
        })
    }

    /// Always the same instant, as `--at` asks for.
    pub fn pinned(at: Timestamp) -> Self {
        Self::from_fn(move || at)
    }

    /// Whatever the function tells.
    pub fn from_fn(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The instant now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// An instant, in nanoseconds since 1970; before 1677 and after 2262 the nearest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(i64);

impl At {
    pub(crate) const MIN: Self = Self(i64::MIN);
    pub(crate) const MAX: Self = Self(i64::MAX);
}

impl From<Timestamp> for At {
    fn from(at: Timestamp) -> Self {
        let nanoseconds = at.as_nanosecond();
        Self(i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl From<At> for Timestamp {
    fn from(At(nanoseconds): At) -> Self {
        // INVARIANT: a Timestamp reaches far beyond what fits into 64 bits.
        Self::from_nanosecond(nanoseconds.into()).unwrap_or_default()
    }
}
