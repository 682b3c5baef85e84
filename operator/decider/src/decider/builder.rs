//! How a decider is put together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::{ChannelName, Decider, Inner, News};
use crate::access::Access;
use crate::clock::Clock;
use crate::exposure::Exposures;
use crate::exposure::report::Eraser;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::relay::Relay;
use crate::shared::Shared;
use crate::state::State;
use crate::sums::Account;

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
    shared: Option<Arc<Shared>>,
    exposures: Exposures,
    eraser: Option<Eraser>,
    access: Access,
    limits: Limits,
    mounted_at: String,
    introspection: Introspection,
    relay: Option<Relay>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            channel: None,
            clock: Clock::system(),
            state: None,
            shared: None,
            exposures: Exposures::off(),
            eraser: None,
            access: Access::default(),
            limits: Limits::default(),
            mounted_at: String::new(),
            introspection: Introspection::default(),
            relay: None,
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

    /// Goes by a memory that other processes share too, where the rules say so.
    #[must_use]
    pub fn shared(mut self, shared: Option<Arc<Shared>>) -> Self {
        self.shared = shared;
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
        self.limits.body = bytes;
        self
    }

    /// Takes on so much and no more.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who may ask, and from which pages.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Where its routes are mounted, for answers that name one: `/channels/shop/web`.
    #[must_use]
    pub fn mounted_at(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('/').clone_into(&mut self.mounted_at);
        self
    }

    /// Who may ask why.
    #[must_use]
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = introspection;
        self
    }

    /// Passes events of clients on there; without, none are taken.
    #[must_use]
    pub fn relay(mut self, relay: Relay) -> Self {
        self.relay = Some(relay);
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
            shared: self.shared,
            is_sharing: AtomicBool::new(false),
            exposures: self.exposures,
            eraser: self.eraser,
            metrics: Metrics::new(),
            account: Account::default(),
            access: self.access,
            limits: self.limits,
            mounted_at: self.mounted_at,
            news: watch::Sender::new(News::none()),
            streams: Arc::new(AtomicUsize::new(0)),
            introspection: self.introspection,
            relay: self.relay,
        }))
    }
}
