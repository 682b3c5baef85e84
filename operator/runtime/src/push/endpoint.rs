//! One endpoint: what it should have, what it has as far as is known, and what to do next.
//!
//! It knows no network and no clock: each [`Endpoint::step`] is given what has happened and when, and gives at most one
//! thing to do.
//!
//! INVARIANT: one thing is under way at a time; the next begins when its outcome was told.

use attune_api::channel::SyncFigures;
use attune_api::conditions::Reason;
use attune_api::time::Instant as Stamp;
use attune_compile::status::Delivered;
use jiff::Timestamp;
use tokio::time::Instant;

use super::pace::{Calls, Moment, Policy, bounded, spread};
use super::trouble::Trouble;

/// Failures in a row after which an endpoint is left alone for a while, whatever is edited meanwhile.
const BREAKS_AFTER: u32 = 5;

/// Questions that may be answered with another revision after one was sent, before that counts as drift: some receivers
/// take their time.
const PATIENT_LOOKS: u32 = 6;

/// Questions in a row that may fail before that is told.
const SILENT_LOOKS: u32 = 3;

/// What has happened.
#[derive(Debug)]
pub(super) enum Event {
    /// Time has passed.
    Tick,
    /// From now on it should have this revision.
    Wants(String),
    /// What stands on the status was read back.
    ReadBack(Result<SyncFigures, Trouble>),
    /// A revision was sent.
    Sent(Result<Receipt, Trouble>),
    /// It was asked which revision it has; `None`: none.
    Looked(Result<Look, Trouble>),
}

impl Event {
    /// The call that it is the outcome of, as it is counted.
    pub(super) fn call(&self) -> Option<&'static str> {
        match self {
            Self::Tick | Self::Wants(_) | Self::ReadBack(_) => None,
            Self::Sent(_) => Some("send"),
            Self::Looked(_) => Some("look"),
        }
    }

    /// Why it is the outcome of nothing good.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Tick | Self::Wants(_) => None,
            Self::ReadBack(outcome) => outcome.as_ref().err(),
            Self::Sent(outcome) => outcome.as_ref().err(),
            Self::Looked(outcome) => outcome.as_ref().err(),
        }
    }
}

/// What a receiver answers to what it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) status: u16,
    /// The revision that it names, if it names one.
    pub(super) revision: Option<String>,
    /// Bindings that the format cannot carry.
    pub(super) left_out: usize,
}

/// What a receiver says that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) status: u16,
    pub(super) revision: Option<String>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Read what stands on the status.
    ReadBack,
    /// Send the wanted revision, as the message `id`.
    Send { id: String },
    /// Ask which revision it has, as the message `id`.
    Look { id: String },
}

/// An endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    policy: Policy,
    /// Hash of where it is and in which format it is sent.
    target: String,
    wanted: String,
    /// What it acknowledged, as far as is known.
    acknowledged: Option<String>,
    /// Whether it may have taken in something else since.
    in_doubt: bool,
    /// Whether what stands on the status was read back.
    is_read: bool,
    /// A revision that it took without saying that it has it, and how often it was asked since.
    taken: Option<(String, u32)>,
    /// What is under way, and for which revision.
    under_way: Option<(Action, String)>,
    /// Failures in a row.
    failures: u32,
    failed_looks: u32,
    send_due: Instant,
    look_due: Instant,
    /// It asked to be left alone until then.
    left_alone_until: Option<Instant>,
    /// It failed so often that it is not called until then.
    broken_until: Option<Instant>,
    calls: Calls,
    /// When it was found to have something else, or an edit met doubt about what it has, as seconds of Unix time: what is
    /// sent then is another message, even if it is the same revision.
    anew_since: Option<i64>,
    trouble: Option<Trouble>,
    left_out: usize,
    figures: SyncFigures,
}

impl Endpoint {
    /// An endpoint that should have `wanted`. `standing` is what its status says.
    pub(super) fn new(
        policy: Policy,
        target: String,
        wanted: String,
        standing: Option<SyncFigures>,
        now: Moment,
    ) -> Self {
        let mut endpoint = Self {
            policy,
            target,
            wanted,
            acknowledged: None,
            in_doubt: false,
            is_read: false,
            taken: None,
            under_way: None,
            failures: 0,
            failed_looks: 0,
            send_due: now.at,
            look_due: now.at,
            left_alone_until: None,
            broken_until: None,
            calls: Calls::default(),
            anew_since: None,
            trouble: None,
            left_out: 0,
            figures: SyncFigures::default(),
        };
        if let Some(standing) = standing {
            endpoint.remember(standing);
        }
        // After a restart not all are asked at once.
        if let Some(interval) = policy.interval.filter(|_| endpoint.has_wanted()) {
            endpoint.look_due = now.at + interval.mul_f64(now.chance.clamp(0.0, 1.0));
        }
        endpoint
    }

    /// How long an answer may take.
    pub(super) fn timeout(&self) -> std::time::Duration {
        self.policy.timeout
    }

    /// What it should have.
    pub(super) fn wanted(&self) -> &str {
        &self.wanted
    }

    /// Where it is, and in which format it is sent.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The Channel says something else of how it is called: somebody may have mended what was wrong.
    pub(super) fn reconfigure(&mut self, policy: Policy, now: Moment) {
        self.policy = policy;
        self.failures = 0;
        self.broken_until = None;
        self.send_due = now.at;
        if policy.interval.is_none() {
            self.taken = None;
        }
        self.look_due = self.look_due.min(now.at + policy.interval.unwrap_or_default());
    }

    /// Takes what has happened, and gives what is to be done now.
    pub(super) fn step(&mut self, now: Moment, event: Event) -> Option<Action> {
        self.take(now, event);
        self.begin(now)
    }

    /// Takes what has happened: what is to be done now waits for the next step.
    pub(super) fn take(&mut self, now: Moment, event: Event) {
        match event {
            Event::Tick => {}
            Event::Wants(revision) => self.want(revision, now),
            Event::ReadBack(standing) => self.read_back(standing, now),
            Event::Sent(outcome) => self.sent(outcome, now),
            Event::Looked(outcome) => self.looked(outcome, now),
        }
    }

    /// When there is something to do, unless something happens before.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.under_way.is_some() {
            return None;
        }
        let due = if self.needs_sending() {
            self.send_due
        } else {
            self.policy.interval?;
            self.look_due
        };
        let held_up = [
            self.left_alone_until,
            self.broken_until,
            self.calls.earliest(self.policy.per_minute),
        ];
        Some(held_up.into_iter().flatten().fold(due, Instant::max))
    }

    fn begin(&mut self, now: Moment) -> Option<Action> {
        if self.next()? > now.at {
            return None;
        }
        let action = if !self.needs_sending() {
            Action::Look {
                id: format!("{}-look-{}", self.wanted, now.wall.as_second()),
            }
        } else if self.is_read {
            self.figures.attempts = Some(self.figures.attempts.unwrap_or_default().saturating_add(1));
            Action::Send { id: self.message() }
        } else {
            Action::ReadBack
        };
        if action != Action::ReadBack {
            self.calls.count(now.at, self.policy.per_minute);
        }
        self.under_way = Some((action.clone(), self.wanted.clone()));
        Some(action)
    }

    /// The name of what is sent: the revision, and the acknowledgement that it follows. It is the same each time that it is
    /// sent, by another leader too, and another when a revision comes back later: who remembers messages takes it again.
    fn message(&self) -> String {
        let acknowledged = self.figures.last_success.as_ref();
        let since = self
            .anew_since
            .or_else(|| acknowledged.map(|at| at.timestamp().as_second()));
        match since {
            None => self.wanted.clone(),
            Some(since) => format!("{}-{since}", self.wanted),
        }
    }

    fn has_wanted(&self) -> bool {
        self.acknowledged.as_ref() == Some(&self.wanted) && !self.in_doubt
    }

    fn needs_sending(&self) -> bool {
        let is_taken = self
            .taken
            .as_ref()
            .is_some_and(|(taken, _)| *taken == self.wanted);
        !self.has_wanted() && !is_taken
    }

    /// Takes over what a status says, if it speaks of this receiver.
    fn remember(&mut self, standing: SyncFigures) {
        if standing.target.as_ref() == Some(&self.target) {
            self.acknowledged.clone_from(&standing.revision);
            self.figures = standing;
        }
    }

    /// A newer revision takes the place of one that was not sent. It is tried at once, unless the receiver asked to be left
    /// alone or failed too often.
    fn want(&mut self, revision: String, now: Moment) {
        if revision == self.wanted {
            return;
        }
        self.wanted = revision;
        self.anew_since = self.in_doubt.then(|| now.wall.as_second());
        self.send_due = now.at;
        if self.failures < BREAKS_AFTER || self.has_wanted() {
            self.trouble = None;
        }
    }

    fn read_back(&mut self, standing: Result<SyncFigures, Trouble>, now: Moment) {
        self.under_way = None;
        match standing {
            Ok(standing) => {
                self.is_read = true;
                self.remember(standing);
                if self.has_wanted() {
                    self.trouble = None;
                }
            }
            Err(trouble) => {
                self.trouble = Some(trouble);
                self.send_due = now.at + self.policy.pause(1, now.chance);
            }
        }
    }

    fn sent(&mut self, outcome: Result<Receipt, Trouble>, now: Moment) {
        let Some((_, revision)) = self.under_way.take() else {
            return;
        };
        let receipt = match outcome {
            Ok(receipt) => receipt,
            Err(trouble) => return self.send_failed(trouble, now),
        };
        self.note_status(receipt.status);
        if receipt.revision.as_ref().is_some_and(|named| *named != revision) {
            let message = "the receiver acknowledges another revision than was sent";
            let trouble = Trouble::new(Reason::Refused, message).in_doubt();
            return self.send_failed(trouble, now);
        }
        self.failures = 0;
        self.broken_until = None;
        self.left_alone_until = None;
        self.left_out = receipt.left_out;
        if self.policy.interval.is_some() && receipt.revision.is_none() {
            // Taken is not had: it is asked. What it had before it may have no more.
            self.in_doubt |= self.acknowledged.as_ref() != Some(&revision);
            self.taken = Some((revision, 0));
            self.look_due = now.at;
            return;
        }
        self.acknowledge(revision, now);
    }

    fn send_failed(&mut self, trouble: Trouble, now: Moment) {
        self.in_doubt |= trouble.may_have_arrived;
        self.failures = self.failures.saturating_add(1);
        self.send_due = now.at + self.policy.pause(self.failures, now.chance);
        if self.failures >= BREAKS_AFTER {
            self.broken_until = Some(now.at + self.policy.cooling(now.chance));
        }
        self.note_trouble(trouble, now);
    }

    fn looked(&mut self, outcome: Result<Look, Trouble>, now: Moment) {
        let Some((_, revision)) = self.under_way.take() else {
            return;
        };
        let look = match outcome {
            Ok(look) => look,
            Err(trouble) => return self.look_failed(trouble, now),
        };
        self.note_status(look.status);
        self.failed_looks = 0;
        // What the receiver says itself is newer than what stands.
        self.is_read = true;
        if revision != self.wanted {
            // It was overtaken: what is wanted now is sent anyway.
            return;
        }
        if look.revision.as_ref() == Some(&revision) {
            return self.acknowledge(revision, now);
        }
        if let Some((_, looks)) = self.taken.as_mut() {
            *looks = looks.saturating_add(1);
            if *looks < PATIENT_LOOKS {
                self.look_due = now.at + self.policy.pause(*looks, now.chance);
                return;
            }
        }
        self.drift(now);
    }

    /// It has something else: what it should have is sent again after a first pause, in which people and machines can see
    /// that.
    fn drift(&mut self, now: Moment) {
        self.taken = None;
        self.acknowledged = None;
        self.anew_since = Some(now.wall.as_second());
        self.figures.last_drift = Some(stamp(now.wall));
        self.send_due = now.at + self.policy.pause(1, now.chance);
        let message = "the receiver has another revision: what is published is sent again";
        self.trouble = Some(Trouble::new(Reason::Drifted, message));
    }

    fn look_failed(&mut self, trouble: Trouble, now: Moment) {
        self.failed_looks = self.failed_looks.saturating_add(1);
        self.look_due = now.at + self.policy.pause(self.failed_looks, now.chance);
        if self.failed_looks >= SILENT_LOOKS || !self.has_wanted() {
            self.note_trouble(trouble, now);
        } else {
            self.wait_as_asked(&trouble, now);
        }
    }

    fn acknowledge(&mut self, revision: String, now: Moment) {
        self.taken = None;
        self.trouble = None;
        self.anew_since = None;
        self.in_doubt = false;
        self.failed_looks = 0;
        self.acknowledged = Some(revision);
        self.figures.last_success = Some(stamp(now.wall));
        self.figures.attempts = Some(0);
        if let Some(interval) = self.policy.interval {
            self.look_due = now.at + spread(interval, now.chance);
        }
    }

    fn note_trouble(&mut self, trouble: Trouble, now: Moment) {
        if let Some(status) = trouble.status {
            self.note_status(status);
        }
        self.wait_as_asked(&trouble, now);
        self.trouble = Some(trouble);
    }

    fn wait_as_asked(&mut self, trouble: &Trouble, now: Moment) {
        if let Some(retry_after) = trouble.retry_after {
            self.left_alone_until = Some(now.at + bounded(retry_after));
        }
    }

    fn note_status(&mut self, status: u16) {
        self.figures.response_status = Some(i32::from(status));
    }

    /// How it stands, as the Channel's status has it.
    pub(super) fn delivered(&self) -> Delivered {
        let figures = SyncFigures {
            revision: self.acknowledged.clone().filter(|_| !self.in_doubt),
            target: Some(self.target.clone()),
            ..self.figures.clone()
        };
        let (reason, message) = match &self.trouble {
            Some(trouble) => (trouble.reason, trouble.message.clone()),
            None if self.has_wanted() => (Reason::Synced, self.left_out_message()),
            None if self.needs_sending() => (Reason::SyncPending, "it is being sent".to_owned()),
            None => (
                Reason::SyncPending,
                "the receiver took it and does not say yet that it has it".to_owned(),
            ),
        };
        Delivered {
            reason,
            message,
            figures,
        }
    }

    fn left_out_message(&self) -> String {
        match self.left_out {
            0 => String::new(),
            1 => "a rule is left out that the format cannot carry: its binding says why".to_owned(),
            count => {
                format!("{count} rules are left out that the format cannot carry: their bindings say why")
            }
        }
    }
}

/// To the second: people read it.
fn stamp(at: Timestamp) -> Stamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at).into()
}

#[cfg(test)]
mod tests;
