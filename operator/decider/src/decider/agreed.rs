//! What deciders agree on, from one decider's side.

use std::sync::atomic::Ordering;
use std::time::Duration;

use attune_core::bundle::Bundle;
use attune_core::decide::Decision;
use attune_core::event::Event;
use attune_core::replay::Inputs;
use jiff::Timestamp;

use super::{Decider, Loaded, Report, is_shown};
use crate::shared::{Shared, Unanswered};

impl Decider {
    /// What it may share with other deciders.
    pub(crate) fn shared(&self) -> Option<&Shared> {
        self.0.shared.as_deref()
    }

    /// The same where the rules in force say that it is to be used.
    pub(crate) fn sharing(&self) -> Option<&Shared> {
        self.shared()
            .filter(|_| self.0.is_sharing.load(Ordering::Relaxed))
    }

    pub(super) fn serve_shared(&self, bundle: &Bundle) {
        let state = bundle.settings.state.as_ref();
        if let (Some(shared), Some(state)) = (self.shared(), state) {
            shared.serve(state);
        }
        self.0.is_sharing.store(state.is_some(), Ordering::Relaxed);
    }

    /// Counts a decision that the shared memory has taken. The decider's own remembers it too, for when the other is away.
    pub(crate) fn record_agreed(
        &self,
        loaded: &Loaded,
        unit: &str,
        (decision, inputs): (&Decision<'_>, Option<Inputs>),
        now: Timestamp,
        id: &str,
    ) {
        if let Some(winner) = decision.winner.filter(is_shown)
            && self.0.state.is_needed()
        {
            let channel = &loaded.engine.bundle().channel;
            self.0.state.lock(unit).charge(&winner, channel, now);
        }
        self.tell(loaded, Some(unit), (decision, inputs, Report::Offered), now, id);
    }

    /// Waits until the shared memory has what was observed, for as long as a decision would; it gets it later otherwise.
    pub(crate) async fn settle_observed(&self) {
        if let Some(shared) = self.sharing() {
            shared.settle(shared.limit()).await;
        }
    }

    /// Lets the shared memory have what waits for it, before the process ends.
    pub(crate) async fn hand_over(&self) {
        if let Some(shared) = self.shared() {
            shared.hand_over(Duration::from_secs(2)).await;
        }
    }

    /// Forgets a unit in the memory that deciders share; whether anything was known there.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn forget_shared(&self, unit: &str) -> Result<bool, Unanswered> {
        match self.sharing() {
            Some(shared) => shared.forget(unit).await,
            None => Ok(false),
        }
    }
}

/// Tells an event from every other.
pub(super) fn id_of(event: &Event) -> String {
    format!("{}\n{}", event.source, event.id)
}
