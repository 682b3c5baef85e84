//! How a decider is put together.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwapOption;

use super::{ChannelName, Decider, Inner};
use crate::clock::Clock;
use crate::exposure::Exposures;
use crate::exposure::report::Eraser;
use crate::metrics::Metrics;
use crate::state::State;

/// Largest request body unless told otherwise, in bytes.
pub const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

/// Who may ask why: `/v1/explain` and `/v1/membership` tell audiences, holdouts and arms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Introspection {
    /// Clients of a Channel whose answers carry full metadata, who are told as much anyway.
    #[default]
    FullMetadataOnly,
    /// Everybody: a laptop, a test, or a port that only operators reach.
    Open,
}

/// Puts a [`Decider`] together.
#[derive(Debug)]
pub struct Builder {
    channel: Option<ChannelName>,
    clock: Clock,
    state: Option<Arc<State>>,
    exposures: Exposures,
    eraser: Option<Eraser>,
    body_limit: usize,
    introspection: Introspection,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            channel: None,
            clock: Clock::system(),
            state: None,
            exposures: Exposures::off(),
            eraser: None,
            body_limit: DEFAULT_BODY_LIMIT,
            introspection: Introspection::default(),
        }
    }
}

impl Builder {
    /// Takes bundles of this Channel only; else those of the Channel of its first bundle.
    #[must_use]
    pub fn channel(mut self, namespace: &str, channel: &str) -> Self {
        self.channel = Some(ChannelName::new(namespace, channel));
        self
    }

    /// Takes its time from `clock` instead of the system.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Shares the memory of units with other Channels of the same namespace.
    #[must_use]
    pub fn state(mut self, state: Arc<State>) -> Self {
        self.state = Some(state);
        self
    }

    /// Reports exposures there instead of nowhere.
    #[must_use]
    pub fn exposures(mut self, exposures: Exposures) -> Self {
        self.exposures = exposures;
        self
    }

    /// Erases units there too, when they are to be forgotten.
    #[must_use]
    pub fn eraser(mut self, eraser: Option<Eraser>) -> Self {
        self.eraser = eraser;
        self
    }

    /// Refuses larger request bodies, in bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Who may ask why.
    #[must_use]
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = introspection;
        self
    }

    /// The decider, still without a bundle.
    pub fn build(self) -> Decider {
        Decider(Arc::new(Inner {
            channel: self.channel,
            engine: ArcSwapOption::empty(),
            refused: ArcSwapOption::empty(),
            is_started: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            clock: self.clock,
            state: self.state.unwrap_or_default(),
            exposures: self.exposures,
            eraser: self.eraser,
            metrics: Metrics::new(),
            body_limit: self.body_limit,
            introspection: self.introspection,
        }))
    }
}
